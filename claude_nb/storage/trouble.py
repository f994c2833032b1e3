"""Say in one line why the history cannot be used, and what to do about it."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))  # Windows has no quota error
KEPT = "replies are shown but not kept"


def explain(error: Exception) -> tuple[str, str]:
    """Return the kind of trouble and the message about it."""
    text = str(error) if isinstance(error, sqlite3.Error) else ""
    code = error.errno if isinstance(error, OSError) else None
    denied = code in (errno.EACCES, errno.EPERM, errno.EROFS)
    # SQLITE_CORRUPT and SQLITE_NOTADB raise the base class; Python 3.10 does not give the code.
    damaged = type(error) is sqlite3.DatabaseError
    reason = " ".join(text.split())[:120] or type(error).__name__
    causes = (
        ("locked" in text or "locking" in text, "locked", f"is locked by another program, so {KEPT} for now"),
        ("full" in text or code in FULL, "full", f"cannot grow: the disk is full, so {KEPT}; free some space"),
        (
            "readonly" in text or "unable to open" in text or denied,
            "read-only",
            f"cannot be written (permissions or a read-only disk), so {KEPT}; see CLAUDE_NB_HISTORY",
        ),
        (
            "disk I/O" in text or code == errno.EIO,
            "disk",
            f"cannot be read or written (the disk reports an error), so {KEPT}; check the disk",
        ),
        (damaged, "damaged", f"is damaged and cannot be moved aside, so {KEPT}; move it away yourself"),
        (True, "other", f"cannot be used ({reason}), so {KEPT}"),
    )
    return next((kind, line) for holds, kind, line in causes if holds)


def shown(path: Path) -> str:
    """Return the path without the user's name, because notebook outputs are shared."""
    try:
        return f"~/{path.absolute().relative_to(Path.home()).as_posix()}"
    except (ValueError, RuntimeError):
        return path.name
