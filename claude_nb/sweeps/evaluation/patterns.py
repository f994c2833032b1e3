"""Match patterns of the user in a process of their own, because nothing can stop a match in this one."""

from __future__ import annotations

import atexit
import json
import re
import subprocess
import sys
import threading
from typing import Any

from claude_nb.errors import PromptError
from claude_nb.guard import guarded, is_a, plain, shown

LIMIT_S = 2.0  # of the clock, because a busy machine is slow
MAX_SLOW = 3  # replies after which a pattern is not tried any more
WORKER = """
import json, sys
from re import search
for line in sys.stdin:
    pattern, flags, text = json.loads(line)
    print(int(search(pattern, text, flags) is not None), flush=True)
"""


def compiled(pattern: Any) -> re.Pattern[str]:
    """Return a pattern that is given as text or compiled. Raises PromptError."""
    if is_a(pattern, re.Pattern) and is_a(pattern.pattern, str):
        return pattern
    if not is_a(pattern, str):
        raise PromptError(f"a pattern is a text or a compiled re.Pattern of texts, not {shown(pattern)}")
    return guarded(f"{shown(pattern)} is not a valid regular expression", re.compile, plain(pattern))


class Matcher:
    """Searches texts, each for a second at most."""

    def __init__(self) -> None:
        self._slow = 0

    def search(self, pattern: re.Pattern[str], text: str) -> bool:
        """Return whether a pattern matches somewhere in a text. Raises PromptError when it takes too long."""
        found = _WORKER.search(pattern, text) if self._slow < MAX_SLOW else None
        if found is None:
            self._slow += 1
            raise PromptError(
                f"the pattern {shown(pattern.pattern)} takes more than {LIMIT_S:g} s; "
                "simplify repeats inside of repeats, such as (a+)+"
            )
        return found


class _Worker:
    """The process, started when it is first needed, and again after one that took too long."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        atexit.register(self.close)

    def search(self, pattern: re.Pattern[str], text: str) -> bool | None:
        """Return whether a pattern matches; None if the process did not answer in time."""
        with self._lock:
            process = self._running()
            timer = threading.Timer(LIMIT_S, process.kill)
            timer.daemon = True
            timer.start()
            try:
                assert process.stdin is not None  # noqa: S101  # both are pipes
                assert process.stdout is not None  # noqa: S101
                process.stdin.write(json.dumps([pattern.pattern, pattern.flags & ~re.DEBUG, text]) + "\n")
                process.stdin.flush()
                answer = process.stdout.readline()
            except BrokenPipeError:
                answer = ""
            except KeyboardInterrupt:
                self.close()
                raise
            finally:
                timer.cancel()
            if answer:
                return answer == "1\n"
            self.close()
            return None

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            command = [sys.executable, "-I", "-S", "-c", WORKER]
            self._process = subprocess.Popen(  # noqa: S603  # it runs this Python and the text above
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
        return self._process


_WORKER = _Worker()
