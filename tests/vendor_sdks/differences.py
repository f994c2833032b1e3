"""What claude_nb sends in another form than the vendors' SDKs, and why. A row that no longer differs is an error."""

from __future__ import annotations

from typing import Any, NamedTuple


class Wanted(NamedTuple):
    """A difference.

    cases   a pattern of names of cases
    ours    what we send, by its place; None: nothing, where the SDK sends something
    """

    cases: str
    ours: dict[str, Any]
    reason: str


FILE, FORMAT = "/requests/0/body/messages/0/content", "/requests/0/body/output_config/format/schema"
FUNCTION, ANSWER = "/requests/0/body/tools/0/function", "/requests/0/body/response_format/json_schema"
CALLS = "/requests/1/body/messages/1/tool_calls"
TEXT = "<file name='notes.txt'>\none\ntwo\n</file>"
CITY = {
    "type": "object",
    "title": "City",
    "description": "A city.",
    "properties": {"name": {"title": "Name", "type": "string"}, "people": {"title": "People", "type": "integer"}},
    "required": ["name", "people"],
    "additionalProperties": False,
}
CITIES = {"answer": {"type": "array", "items": CITY}}

WANTED: tuple[Wanted, ...] = (
    Wanted(
        "anthropic: *",
        {"/headers/anthropic-version": "2023-06-01"},
        "The later version refuses temperature, top_p and top_k on every model. The earlier one is still served.",
    ),
    Wanted(
        "anthropic: three turns",
        {f"/requests/{number}/body/messages/{place}/content": "Hello" for number, place in ((1, 1), (2, 1), (2, 3))},
        "A text alone is sent as a text, which every server of this format takes.",
    ),
    Wanted(
        "anthropic: text file",
        {f"{FILE}/0/type": "text", f"{FILE}/0/text": TEXT, f"{FILE}/0/source": None, f"{FILE}/0/title": None},
        "Every model and server takes text; documents are for citations.",
    ),
    Wanted(
        "anthropic: cache as the SDK marks it",
        {
            "/requests/0/body/cache_control": None,
            FILE: [{"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}],
        },
        "AI/ML API takes marks on blocks only, and so the attachments are cached apart from the prompt.",
    ),
    Wanted(
        "anthropic: JSON with an enumeration",
        {f"{FORMAT}/$defs/Colour/type": "string"},
        "The type beside an enumeration says the same twice, which the server takes.",
    ),
    Wanted(
        "anthropic: JSON list",
        {
            f"{FORMAT}/type": "object",
            f"{FORMAT}/properties": CITIES,
            f"{FORMAT}/required": ["answer"],
            f"{FORMAT}/items": None,
            f"{FORMAT}/$defs": None,
            f"{FORMAT}/additionalProperties": False,
        },
        "Most servers take an object only as the whole answer, so that a list stands in one.",
    ),
    Wanted(
        "openai: text file",
        {FILE: f"{TEXT}\n\nHi"},
        "Many servers of this format take a text only, and no file.",
    ),
    Wanted(
        "openai: tools made by the SDK",
        {f"{FUNCTION}/strict": None, f"{FUNCTION}/parameters/title": None}
        | {f"{FUNCTION}/parameters/description": None, f"{FUNCTION}/parameters/properties/city/title": None},
        "Many servers do not know strict; arguments are checked before the call. The titles repeat the names.",
    ),
    Wanted(
        "openai: *tool result*",
        {f"{CALLS}/0/index": None},
        "The index numbers the calls of a stream. The SDK sends it back, and the format has no such field.",
    ),
    Wanted("openai: two calls at once", {f"{CALLS}/{number}/index": None for number in (0, 1)}, "As above."),
    Wanted(
        "openai: JSON of a class",
        {f"{ANSWER}/name": "answer", f"{ANSWER}/strict": None, f"{ANSWER}/schema/additionalProperties": None},
        "The name has no meaning. A class that takes other fields is not strict; the answer is checked here.",
    ),
)
