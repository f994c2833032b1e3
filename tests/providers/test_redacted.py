from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from claude_nb.errors import StreamCut
from claude_nb.providers.redacted import chunks_without_keys, without_keys
from claude_nb.safe_text.redaction import remember
from claude_nb.types.content import Thought, ToolCall
from claude_nb.types.request import Chunk
from tests.helpers.spellings import SECRET, SPELLINGS, leaks


@pytest.fixture(autouse=True)
def known() -> None:
    remember(SECRET)


def text_of(chunks: Iterable[Chunk], name: str = "text") -> str:
    return "".join(getattr(chunk, name) for chunk in chunks_without_keys(chunks))


@pytest.mark.parametrize("size", [*range(1, 14), 19, 31])
@pytest.mark.parametrize("field", ["text", "thinking", "call"])
def test_a_key_is_masked_however_a_stream_is_cut(size: int, field: str) -> None:
    for name, written in SPELLINGS.items():
        text = f"class, {written} & more s"
        chunks = [Chunk(**{field: text[i : i + size]}) for i in range(0, len(text), size)]  # type: ignore[arg-type]
        shown = text_of(chunks, field)
        assert leaks(shown) == [], name
        assert shown.startswith("class, "), name
        assert shown.endswith(" & more s"), name


def test_a_text_without_a_key_arrives_at_once_and_unchanged() -> None:
    chunks = [Chunk(text=word) for word in ("A ", "cat ", "is ", "an ", "animal.\n")]
    assert list(chunks_without_keys(chunks)) == chunks


def test_what_is_held_back_comes_before_the_part_that_follows_it() -> None:
    call = ToolCall("1", "f", "{}")
    found = list(chunks_without_keys([Chunk(text="as"), Chunk(part=call), Chunk(text="s"), Chunk(stop_reason="end")]))
    assert [(chunk.text, chunk.part) for chunk in found if chunk.text or chunk.part] == [
        *(("a", None), ("s", None), ("", call), ("s", None))
    ]


def test_thinking_is_complete_before_the_text_begins() -> None:
    found = [c for c in chunks_without_keys([Chunk(thinking="as"), Chunk(text="No")]) if c.text or c.thinking]
    assert [(chunk.thinking, chunk.text) for chunk in found] == [("a", ""), ("s", ""), ("", "No")]


def test_what_is_held_back_is_not_lost_when_the_stream_breaks() -> None:
    def broken() -> Iterator[Chunk]:
        yield Chunk(text="as")
        raise StreamCut("broke off")

    stream = chunks_without_keys(broken())
    assert next(stream).text + next(stream).text == "as"
    with pytest.raises(StreamCut):
        next(stream)


@pytest.mark.parametrize("at", [8, 20, 30, len(SECRET) - 8])
def test_both_halves_of_a_key_that_is_split_over_thinking_and_text_are_masked(at: int) -> None:
    found = list(chunks_without_keys([Chunk(thinking=f"so {SECRET[:at]}"), Chunk(text=f"{SECRET[at:]} it is")]))
    assert leaks("".join(c.thinking for c in found)) == []
    assert leaks("".join(c.text for c in found)) == []


def test_names_and_tool_calls_are_masked_and_a_signed_thought_is_dropped() -> None:
    call = ToolCall(SECRET, SECRET, f'{{"{SECRET}": "{SPELLINGS["with JSON escapes"]}"}}')
    chunks = [
        Chunk(id=f"req_{SECRET}", model=SECRET, raw_stop_reason=SECRET, detail=f"no {SECRET}"),
        Chunk(part=call),
        Chunk(part=Thought(f"{SECRET}", "signed")),
        Chunk(part=Thought("fine", "signed")),
    ]
    found = list(chunks_without_keys(chunks))
    assert leaks(repr(found)) == []
    assert [chunk.part for chunk in found] == [
        *(None, ToolCall("[key]", "[key]", '{"[key]": "[key]"}'), None, Thought("fine", "signed"))
    ]


def test_json_is_masked_in_all_its_texts_and_names() -> None:
    data = {"data": [{"id": SECRET, SECRET: [SECRET, 1, None, True, {"deep": f"x{SECRET}"}]}]}
    assert without_keys(data) == {"data": [{"id": "[key]", "[key]": ["[key]", 1, None, True, {"deep": "x[key]"}]}]}
