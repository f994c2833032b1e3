"""What a session remembers across kernels: its history, and whether replies are played from it or from a file.

off   every prompt goes to the model; the history only writes
use   a request that was answered before is played back, any other goes to the model
only  never touches the network; a request that was not answered before is a ReplayMiss
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from claude_nb.errors import ConfigError, ReplayMiss
from claude_nb.storage.entries import Recorded
from claude_nb.types.request import Request

if TYPE_CHECKING:
    from claude_nb.storage.recordings import Recording
    from claude_nb.storage.store import Store

ReplayMode = Literal["off", "use", "only"]


class SessionHistory:
    """History and replay of one session. The history file is opened at the first prompt.

    setting  a setting by its name (HISTORY, REPLAY), None when it is not set; read when it is first needed
    warn     takes one line for people when the history cannot be written
    speed    of a replay: 1 is the original rhythm, 2 twice as fast, 0 at once
    """

    def __init__(self, setting: Callable[[str], str | None], warn: Callable[[str], None]) -> None:
        self.speed = 1.0
        self.warn = warn
        self._setting = setting
        self._mode: ReplayMode | None = None
        self._recording: Recording | None = None
        self._file: Path | None = None
        self._store: Store | None = None
        self._opened = False
        self._lock = threading.Lock()

    @property
    def store(self) -> Store | None:
        """The history; None when it is off. CLAUDE_NB_HISTORY: off, or the path of its file."""
        with self._lock:  # of many first prompts at once, none may go unwritten
            if not self._opened:
                where = self._setting("HISTORY")
                if where != "off":
                    from claude_nb.storage.store import Store

                    self._store = Store(Path(where).expanduser() if where else _usual_place(), warn=self.warn)
                self._opened = True
        return self._store

    @property
    def history(self) -> Store:
        """The same; ConfigError when it is off."""
        if self.store is None:
            raise ConfigError("the history is off; unset CLAUDE_NB_HISTORY and restart the kernel to keep one")
        return self.store

    @property
    def mode(self) -> ReplayMode:
        """off, use or only; at first what CLAUDE_NB_REPLAY says: "only", or with a file "only lesson.jsonl"."""
        if self._mode is None:
            # Raises each time while the variable is wrong: going on would ask the model after all.
            mode, _, file = (self._setting("REPLAY") or "off").partition(" ")
            self.replay(mode, file.strip() or None)
        return self._mode or "off"

    @property
    def file(self) -> Path | None:
        """The record file that is played from, instead of the history; None: the history."""
        return self._file if self.mode != "off" else None

    def forgo(self) -> None:
        """Keep no history and play nothing back: a helper process leaves that to the one that it works for."""
        self._opened, self._mode = True, "off"

    def replay(self, mode: str, file: str | None = None) -> None:
        """Choose the mode, and the record file to play from. Raises ConfigError."""
        if mode not in get_args(ReplayMode):
            raise ConfigError(f"replay is off, use or only, not {mode!r}")
        if file:
            from claude_nb.storage.recordings import read

            self._recording, self._file = read(file), Path(file)
        elif mode == "off":
            self._recording = self._file = None
        self._mode = mode  # type: ignore[assignment]  # checked above

    def find(self, request: Request, mode: str | None = None) -> Recorded | None:
        """The recorded reply to play for a request; None: ask the model.

        mode  instead of the session's, for one call. Raises ReplayMiss in mode "only".
        """
        mode = mode or self.mode
        if mode == "off":
            return None
        if self._recording is not None:
            found = self._recording.find(request)
        else:
            found = self.store.find(request) if self.store else None
        if found is None and mode == "only":
            where = str(self.file) if self.file else "the history"
            raise ReplayMiss(f"no recorded reply to this request in {where}; %claude /replay off asks the model")
        return found

    def answered(self, requests: Iterable[Request]) -> frozenset[str]:
        """The keys of those that find() has a reply to, in mode use."""
        if self._recording is None and self.store is None:
            return frozenset()
        by_key = {request.key: request for request in requests}
        if self._recording is None and self.store:
            known = self.store.known(by_key)
            by_key = {key: request for key, request in by_key.items() if key in known}
        return frozenset(key for key, request in by_key.items() if self.find(request, "use"))


def _usual_place() -> Path:
    from platformdirs import user_data_path

    return user_data_path("claude_nb", appauthor=False) / "history.db"
