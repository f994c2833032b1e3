"""The history of a session, and the replay of replies from it or from a record file.

off   every request goes to the model; the history only records
use   a known request is played back, any other goes to the model
only  no request goes to the model; an unknown one raises ReplayMiss
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from claude_nb.errors import ConfigError, ReplayMiss
from claude_nb.providers import folders
from claude_nb.storage.entries import Recorded
from claude_nb.types.request import Request

if TYPE_CHECKING:
    from claude_nb.storage.prompts import SavedPrompts
    from claude_nb.storage.recordings import Recording
    from claude_nb.storage.store import Store

ReplayMode = Literal["off", "use", "only"]


class SessionHistory:
    """History and replay of one session. The history file is opened at the first prompt.

    setting  looks up a setting (HISTORY, REPLAY) when it is first needed; None: it is not set
    warn     takes one line for the user when the history cannot be written
    speed    of a replay: 1 is the original rhythm, 2 twice as fast, 0 without pauses
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
        self._prompts: SavedPrompts | None = None
        self._lock = threading.Lock()

    @property
    def store(self) -> Store | None:
        """The history; None when it is off. CLAUDE_NB_HISTORY is "off" or the path of its file."""
        with self._lock:  # the first prompts may come from several threads
            if not self._opened:
                self._opened = True
                self._store = self._new_store(self._setting("HISTORY"))
        return self._store

    def _new_store(self, place: str | None) -> Store | None:
        if place == "off":
            return None
        folder = None if place else folders.own_folder("data")
        if not place and folder is None:
            self.warn(f"history: {folders.NO_HOME}, so replies are shown but not kept; see CLAUDE_NB_HISTORY")
            return None
        from claude_nb.storage.store import Store

        return Store(folder / "history.db" if folder else folders.named(place or ""), warn=self.warn)

    @property
    def history(self) -> Store:
        """The history. Raises ConfigError when it is off."""
        if self.store is None:
            raise ConfigError(
                "the history is off; set CLAUDE_NB_HISTORY to a file, or unset it, and restart the kernel"
            )
        return self.store

    @property
    def prompts(self) -> SavedPrompts:
        """The named prompts: of the history, or of this kernel only when it is off."""
        if self.store:
            return self.store.prompts
        if self._prompts is None:
            from claude_nb.storage.prompts import in_memory

            self._prompts = in_memory()
        return self._prompts

    @property
    def mode(self) -> ReplayMode:
        """off, use or only. CLAUDE_NB_REPLAY sets the first one: "only", or with a file "only lesson.jsonl"."""
        if self._mode is None:
            # Raises each time while the variable is wrong, because to go on would send the request.
            mode, _, file = (self._setting("REPLAY") or "off").partition(" ")
            self.replay(mode, file.strip() or None)
        return self._mode or "off"

    @property
    def file(self) -> Path | None:
        """The record file for replays; None: they come from the history."""
        return self._file if self.mode != "off" else None

    def forgo(self) -> None:
        """Keep no history and play nothing back, because the main process does both for a worker."""
        self._opened, self._mode = True, "off"

    def replay(self, mode: str, file: str | None = None) -> None:
        """Set the mode, and the record file for replays. Raises ConfigError."""
        if mode not in get_args(ReplayMode):
            raise ConfigError(f"replay is off, use or only, not {mode!r}")
        if file:
            from claude_nb.storage.recordings import read

            self._recording, self._file = read(file), Path(file)
        elif mode == "off":
            self._recording = self._file = None
        self._mode = mode  # type: ignore[assignment]  # checked above

    def find(self, request: Request, mode: str | None = None) -> Recorded | None:
        """Return the recorded reply to a request; None: send it to the model. Raises ReplayMiss in mode "only".

        mode  for this call, instead of the session's
        """
        mode = mode or self.mode
        if mode == "off":
            return None
        if self._recording is not None:
            found = self._recording.find(request)
        else:
            found = self.store.find(request) if self.store else None
        if found is None and mode == "only":
            place = str(self.file) if self.file else "the history"
            raise ReplayMiss(f"no recorded reply to this request in {place}; use %claude /replay off to ask the model")
        return found

    def answered(self, requests: Iterable[Request]) -> frozenset[str]:
        """Return the keys of the requests that find() can answer in mode "use"."""
        if self._recording is None and self.store is None:
            return frozenset()
        by_key = {request.key: request for request in requests}
        if self._recording is None and self.store:
            known = self.store.known(by_key)
            by_key = {key: request for key, request in by_key.items() if key in known}
        return frozenset(key for key, request in by_key.items() if self.find(request, "use"))
