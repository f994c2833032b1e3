"""Sessions for tests."""

from __future__ import annotations

from claude_nb.providers.credentials import Credentials
from claude_nb.session.session import Session


def session(**environ: str) -> Session:
    """A session without a history, whose demo model makes no pauses: session(AIMLAPI_API_KEY="...")."""
    made = Session(credentials=Credentials({"CLAUDE_NB_HISTORY": "off", **environ}))
    made.demo_delay_s = 0
    return made
