"""Find out to which tool call a piece of a Chat Completions stream belongs.

OpenAI numbers the calls, and gives id and name in the first piece. Other servers number all of them 0 or none, give the
id or the name late or in every piece, or give no ids. Id, index, name and the JSON of the arguments decide together.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from claude_nb.providers.dialects.base import child, children, position, string
from claude_nb.providers.dialects.tool_calls import OpenCall, ToolCalls
from claude_nb.types.request import Chunk

KNOWN = frozenset(("index", "id", "type", "function"))
KNOWN_OF_FUNCTION = frozenset(("name", "arguments"))


@dataclass(frozen=True)
class Piece:
    """One entry of "tool_calls" in a delta. `fields` are those that are unknown here."""

    index: int | None
    id: str
    name: str
    text: str
    fields: dict[str, Any]

    @classmethod
    def of(cls, raw: dict[str, Any]) -> Piece:
        """Read an entry. Arguments may be an object instead of a text."""
        function = child(raw, "function") or raw
        arguments, call_id = function.get("arguments"), raw.get("id")
        text = arguments if isinstance(arguments, str) else "" if arguments is None else json.dumps(arguments)
        known = KNOWN if function is not raw else KNOWN | KNOWN_OF_FUNCTION
        fields = {name: value for name, value in raw.items() if name not in known}
        if function is not raw:
            fields["function"] = {name: value for name, value in function.items() if name not in KNOWN_OF_FUNCTION}
        call_id = str(call_id) if isinstance(call_id, int) else string(call_id)
        return cls(position(raw.get("index")), call_id, string(function.get("name")), text, fields)


class CallDeltas:
    """Read the tool calls of one reply from its deltas."""

    def __init__(self) -> None:
        self.calls = ToolCalls()
        self._by_id: dict[str, OpenCall] = {}
        self._by_index: dict[int, OpenCall] = {}  # the newest call with each index
        self._newest: OpenCall | None = None
        self._delta = 0

    def read(self, delta: dict[str, Any]) -> Iterator[Chunk]:
        """Yield what a delta brings of tool calls."""
        entries = children(delta, "tool_calls") or children({"": [delta.get("tool_calls")]}, "")
        if (legacy := child(delta, "function_call")) and not entries:  # the same call, where a server sends both
            entries = [{"function": legacy}]
        if entries:
            self._delta += 1
        for raw in entries:
            piece = Piece.of(raw)
            call = self._call(piece)
            call.delta = self._delta
            self._newest = call
            if piece.id:
                self._by_id[piece.id] = call
            if piece.index is not None:
                self._by_index[piece.index] = call
                call.index = piece.index
            call.fields.add(piece.fields)
            yield self.calls.write(call, call_id=piece.id, name=piece.name, text=piece.text)

    def _call(self, piece: Piece) -> OpenCall:
        call = self._candidate(piece)
        return self.calls.begin(call) if call is None or self._begins_another(piece, call) else call

    def _candidate(self, piece: Piece) -> OpenCall | None:
        """Return the call that has the id or the index of a piece, or else the newest."""
        if same := self._by_id.get(piece.id):
            return same
        if piece.index is None or not (piece.id or piece.name or self._by_index):
            return self._newest
        return self._by_index.get(piece.index)

    def _begins_another(self, piece: Piece, call: OpenCall) -> bool:
        """Return whether a piece cannot belong to its candidate."""
        has_id = self._by_id.get(piece.id) is call
        if piece.id and call.id and not has_id:
            # Some servers make a new id for each piece. Such a piece has the index, and continues the JSON.
            continues = piece.index is not None and call.name and not piece.name and piece.text.strip()
            return not continues or call.arguments.whole
        in_one_delta, other_name = call.delta == self._delta, piece.name != call.name
        text, whole = piece.text.strip(), call.arguments.whole
        if has_id and not (piece.name and text.startswith("{")):
            other_index = piece.index is not None and call.index not in (None, piece.index)
            return bool(piece.name and call.name) and other_name and other_index
        if whole and text.startswith("{") and (in_one_delta or text != call.arguments.text.strip()):
            return True
        if has_id or not (piece.name and call.name):
            return False
        return in_one_delta or (whole and bool(text)) or (other_name and call.arguments.begun)
