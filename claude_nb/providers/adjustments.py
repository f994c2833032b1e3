"""Ask once more in the form that a server takes, and remember it for this server and model.

A server may want a field under another name, or refuse one that the user did not ask for. Nothing that the user has set
is ever left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from claude_nb.errors import ApiError, AuthError
from claude_nb.providers.error_advice import TOO_LARGE

# max_tokens under the names that other servers and newer models use.
LIMITS = ("max_completion_tokens", "max_output_tokens", "max_new_tokens")
# Fields that no option asks for, by their path in the body.
OWN = (
    ("stream",),
    ("stream_options",),
    ("stream_options", "include_usage"),
    ("thinking", "display"),
    ("response_format", "json_schema", "strict"),
)
MESSAGE = frozenset(("role", "content", "tool_calls", "tool_call_id", "name"))  # fields that every server knows
CALL = frozenset(("id", "type", "function"))
STREAM = re.compile(
    r"(?i)\bstream(ing)?\b.{0,60}(not|n't|unsupported|must be|disabl|false)"
    r"|(not|n't|unsupported).{0,40}\bstream(ing)?\b|\bnon-?stream"
)
MOST = 3  # adjustments of one request


@dataclass(frozen=True)
class Form:
    """The differences from the usual body of a request.

    limit    the name of max_tokens; "": the usual one
    most     the highest max_tokens, in place of a default that is too high; None: any
    without  names of fields that are left out
    """

    limit: str = ""
    most: int | None = None
    without: frozenset[str] = frozenset()

    def fitted(self, body: dict[str, Any], added: frozenset[str]) -> dict[str, Any]:
        """Return the body in this form; see learn() for *added*."""
        if self.without:
            body = _without(body, self.without)
        if self.most and "max_tokens" in added & body.keys():
            body = body | {"max_tokens": min(self.most, body["max_tokens"])}
        if self.limit and "max_tokens" in body:
            body = {self.limit if name == "max_tokens" else name: value for name, value in body.items()}
        return body


_forms: dict[tuple[str, str], Form] = {}  # by address and model; a plain dict, because each entry is only replaced


def form_for(address: str, model: str) -> Form:
    """Return the form that this server and model take."""
    return _forms.get((address, model), Form())


def forget() -> None:
    """Forget all forms."""
    _forms.clear()


def learn(address: str, body: dict[str, Any], error: ApiError, added: frozenset[str]) -> str:
    """Remember the form that a refusal asks for, and return a notice about it; "" if another try would not help.

    body   as it was sent
    added  names of fields that have a default of ours, such as "max_tokens"
    """
    refused = error.status in (None, 400, 422, 500, 501) and not isinstance(error, AuthError)
    if not refused:
        return ""
    form = form_for(address, body["model"])
    for rule in (_renamed, _lowered, _left_out):
        if found := rule(form, body, error.words, added):
            _forms[address, body["model"]], notice = found
            return notice
    return ""


Rule = Callable[[Form, dict[str, Any], str, frozenset[str]], tuple[Form, str] | None]


def _renamed(form: Form, body: dict[str, Any], words: str, _: frozenset[str]) -> tuple[Form, str] | None:
    """The server wants max_tokens under another name, which it says."""
    name = next((name for name in LIMITS if _names(words, name)), "")
    if "max_tokens" not in body or not name or not _names(words, "max_tokens"):
        return None
    return replace(form, limit=name), f"this model takes max_tokens as {name}; asking once more"


def _lowered(form: Form, body: dict[str, Any], words: str, added: frozenset[str]) -> tuple[Form, str] | None:
    """The default of max_tokens is too high, and the server says how high it may be."""
    sent = body.get("max_tokens")
    if "max_tokens" not in added or not isinstance(sent, int) or not _names(words, "max_tokens"):
        return None
    numbers = [int(number) for number in re.findall(r"(?<![\w-])(?<!\d[.,])[1-9]\d{1,8}(?![\w-]|[.,]\d)", words)]
    most = max((number for number in numbers if number < sent), default=None)
    if most is None or not TOO_LARGE.search(words):
        return None
    return replace(form, most=most), f"this model writes at most {most:,} tokens; asking once more"


def _left_out(form: Form, body: dict[str, Any], words: str, added: frozenset[str]) -> tuple[Form, str] | None:
    """The server refuses fields that the user did not ask for."""
    own = sorted(_own(body, added))
    names = [name for name in own if (STREAM.search(words) if name == "stream" else _names(words, name))]
    if not names:
        return None
    without = form.without.union(names)
    return replace(form, without=without), f"this server does not take {' and '.join(names)}; asking once more without"


def _own(body: dict[str, Any], added: frozenset[str]) -> set[str]:
    """Return the names of the fields in a body that the user did not ask for."""
    own = {path[-1] for path in OWN if _holder(body, path)} | {name for name in added if name in body}
    for message in body["messages"]:
        own |= message.keys() - MESSAGE
        for call in message.get("tool_calls") or ():
            own |= call.keys() - CALL
    return own


def _without(body: dict[str, Any], names: frozenset[str]) -> dict[str, Any]:
    """Return a copy of the body without these fields. What the user wrote or set stays, whatever its name."""
    body = {name: value for name, value in body.items() if name not in names}
    body = body | {path[0]: _copied(body[path[0]]) for path in OWN if path[0] in body}
    for path in OWN:
        holder = _holder(body, path) if path[-1] in names else None
        if holder:
            del holder[path[-1]]
    if not (body.get("stream") and body.get("stream_options")):
        body.pop("stream_options", None)
    messages = [
        {name: value for name, value in message.items() if name not in names - MESSAGE} for message in body["messages"]
    ]
    for message in messages:
        if calls := message.get("tool_calls"):
            message["tool_calls"] = [{key: call[key] for key in call if key not in names - CALL} for call in calls]
    return body | {"messages": messages}


def _holder(body: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any] | None:
    """Return the object in which the last field of a path stands; None if it does not."""
    holder: Any = body
    for name in path[:-1]:
        holder = holder.get(name) if isinstance(holder, dict) else None
    return holder if isinstance(holder, dict) and path[-1] in holder else None


def _copied(value: Any) -> Any:
    return {name: _copied(inner) for name, inner in value.items()} if isinstance(value, dict) else value


def _names(words: str, field: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(field)}(?![\w-])", words) is not None
