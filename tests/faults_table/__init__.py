"""The faults of servers, as data: what the server does, and what the user sees and keeps.

tests/providers/test_fault_table.py and the tables of docs/reliability.md are made from it. In the texts, HOST stands
for the address of the server and N for any number.
"""

from __future__ import annotations

from tests.faults_table import refusals, streams
from tests.faults_table.wires import Fault

TABLE: dict[str, tuple[Fault, ...]] = {
    "Delays": streams.DELAYS,
    "Broken and unusual ends": streams.ENDINGS,
    "Unusual forms": streams.FORMS,
    "Too much": streams.TOO_MUCH,
    "Errors inside a reply": streams.ERRORS_INSIDE,
    "Errors with an empty body": refusals.STATUSES,
    "Bodies of errors": refusals.BODIES,
    "Another form of the request": refusals.FORMS,
    "Waiting and redirects": refusals.WAITS,
}
