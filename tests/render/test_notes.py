"""What a reply quotes: numbered markers in the text, and a list below it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_nb.render import markdown_html, notes
from claude_nb.render import reply as rendered
from claude_nb.types.content import Attachment, Part, Quotes, ServerBlock
from claude_nb.types.reply import Reply
from claude_nb.types.request import Message, Request
from claude_nb.types.sources import Citation, Source
from tests.helpers import searched

FILES = tuple(
    Attachment(name, kind, "0" * 64, 3, "YWJj")
    for name, kind in (("report.pdf", "application/pdf"), ("plot.png", "image/png"), ("notes.txt", "text/plain"))
)


def replied(content: list[dict[str, Any]], files: tuple[Attachment, ...] = (), *, cite: bool = False) -> Reply:
    """Return the reply with these blocks of the Messages API."""
    text, parts = "", list[Part]()
    for block in content:
        text += block.get("text", "")
        if block.get("type") != "text":
            parts.append(ServerBlock(json.dumps(block), at=len(text)))
        elif block.get("citations"):
            parts.append(Quotes(json.dumps(block["citations"]), len(block["text"]), at=len(text)))
    request = Request("anthropic", "claude-sonnet-5-5", (Message("user", "Why?", files),), cite=cite)
    return Reply(request, text=text, parts=tuple(parts))


def recorded(name: str, *files: Attachment, cite: bool = False) -> Reply:
    return replied(searched.message(name)["content"], files, cite=cite)


def cited(text: str, **fields: Any) -> dict[str, Any]:
    """A text block that quotes a page on the web."""
    citation = {"type": "web_search_result_location", "url": "https://a.org/", "title": "A", "cited_text": "So it is."}
    return {"type": "text", "text": text, "citations": [citation | fields]}


def said(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def test_a_search_has_its_sources_each_once_with_what_is_quoted() -> None:
    reply = recorded("messages-search")
    faq, history = "https://docs.python.org/3/faq/general.html", "https://en.wikipedia.org/wiki/History_of_Python"
    released, begun = "The first version of Python was released in 1991.", "Guido van Rossum began in December 1989 …"
    assert reply.sources == (
        Source("General Python FAQ", faq, released, "April 30, 2026", 1),
        Source("History of Python 🐍", history, begun, None, 2),
    )
    assert [reply.text[quote.begin : quote.end] for quote in reply.citations] == [
        *["came out in 1991 🎉"] * 2,
        "began it in 1989",
    ]


def test_a_page_that_was_fetched_is_a_source() -> None:
    reply = recorded("messages-fetch-pause")
    assert reply.sources == (Source("Colours", "https://example.com/a", "Snow is white.", None, 1),)
    with_pdf = recorded("messages-fetch-pause", FILES[0])  # which the server counts too
    assert with_pdf.sources == reply.sources


def test_citations_name_the_document_and_the_place() -> None:
    reply = recorded("messages-citations", *FILES, cite=True)
    assert reply.citations == (
        Citation("report.pdf", "Sales rose by 12 %.", 25, 43, pages=(5, 5), number=1),
        Citation("notes.txt", "Das Gras ist grün.", 46, 62, chars=(0, 18), number=2),
        Citation("", "Second block.", 46, 62, number=3),
    )
    assert [quote.place for quote in reply.citations] == ["page 5", "characters 0 to 18", ""]
    assert reply.text[25:43] == "sales rose by 12 %"
    assert reply.sources == ()


def test_the_text_of_a_reply_with_quotes_has_numbers_and_a_list() -> None:
    assert rendered.text(recorded("messages-citations", *FILES, cite=True)) == (
        "According to the report, sales rose by 12 %[1].\n\nGrün ist 🙂 grass[2][3]\n\n"
        '[1] report.pdf, page 5 · "Sales rose by 12 %."\n'
        '[2] notes.txt, characters 0 to 18 · "Das Gras ist grün."\n'
        '[3] document · "Second block."'
    )


def test_a_marker_can_be_focused_and_holds_its_passage() -> None:
    html = rendered.body(recorded("messages-search"))
    assert html.count('class="cnb-cite" tabindex="0"') == 3
    assert "1991 🎉<a " in html
    assert "<sup>[2]</sup><span hidden>History of Python 🐍\nGuido van Rossum" in html
    assert '[1] <a href="https://docs.python.org/3/faq/general.html"' in html
    assert "web_search(query=&#x27;first release of Python&#x27;)" in html


def test_a_reply_without_quotes_is_drawn_as_ever() -> None:
    assert rendered.body(replied([said("so **it** is")])) == markdown_html("so **it** is")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ([cited("**So it is.**"), said("\n\nNext")], "<strong>So it is.</strong><a "),
        ([said("_"), cited("So it is."), said("_")], "<em>So it is.<a "),
        ([cited("See https://b.org/x")], '<a href="https://b.org/x" '),
        ([cited("See [b"), said("](https://b.org/x)")], "b</a><a class"),
        ([cited("| a | b |\n|---|---|\n| 1 | 2 |"), said("\n")], "<td>2 <a "),
        ([cited("- one\n"), said("- two\n")], "<li>one<a "),
        ([cited("# Title\n\n"), said("Text")], "<h1>Title<a "),
        ([cited("```\nx = 1\n```"), said("\n\n# Title")], "</pre>\n<p><a "),
        ([cited("```\nx = 1"), said("\n```\n# Title")], "<h1>Title</h1>"),
        ([said("so $x"), cited(" + y"), said("$ it is")], "</math></span></span><a "),
        ([cited("Two lines\r\n"), said("more")], "Two lines<a "),
    ],
)
def test_a_marker_does_not_change_how_the_text_is_drawn(content: list[dict[str, Any]], expected: str) -> None:
    html = rendered.body(replied(content))
    assert expected in html
    assert html.count("cnb-cite") == 1 + notes.STYLE.count("cnb-cite")
    assert notes.OPEN not in html
    assert "%EF%B8%97" not in html


HOSTILE = "<script>x</script>\x1b[2J\u202e\"'&"


def test_titles_addresses_and_passages_are_hostile_texts() -> None:
    reply = replied([cited("So", title=HOSTILE, cited_text=HOSTILE, url="javascript:alert(1)")])
    html, text = rendered.body(reply), rendered.text(reply)
    for shown in (html, text):
        assert "\x1b" not in notes.list_text(reply.citations)
        assert "\u202e" not in shown.replace(reply.sources[0].title, "")
    assert "<script" not in html
    assert "href" not in html  # the address stays text
    assert 'aria-label="1: &lt;script&gt;' in html


def test_marks_in_a_text_of_a_model_are_not_markers() -> None:
    html = rendered.body(replied([said(f"{notes.OPEN}1{notes.CLOSE} "), cited("So")]))
    assert "\u30161\u3017 So<a " in html


def test_a_structured_answer_has_the_list_only() -> None:
    from dataclasses import replace

    from claude_nb.types.settings import Answer

    reply = replied([cited('{"a": 1}')])
    reply = replace(reply, request=replace(reply.request, answer=Answer('{"type": "object"}')))
    assert rendered.body(reply).count("cnb-cite") == notes.STYLE.count("cnb-cite")
    assert rendered.text(reply) == '{"a": 1}'
    assert reply.data == {"a": 1}


@pytest.mark.parametrize(
    "citations",
    [
        *("", "null", "{}", "[1, null, []]", '[{"type": "page_location"}]', "[" * 5000),
        '[{"cited_text": 1, "url": 2, "title": [], "document_index": "0"}]',
        '[{"cited_text": "x", "document_index": true, "start_page_number": -1, "end_page_number": 0}]',
        '[{"cited_text": "x", "document_index": 1e300, "start_char_index": 5, "end_char_index": 2}]',
        '[{"cited_text": "\\ud800", "document_index": 99}]',
    ],
)
def test_any_citations_can_be_read(citations: str) -> None:
    request = Request("anthropic", "m", (Message("user", "Hi"),))
    reply = Reply(request, "So", parts=(Quotes(citations, 99, at=2), ServerBlock(citations, at=7)))
    assert rendered.body(reply)
    assert rendered.text(reply).encode()
    assert all((quote.begin, quote.pages, quote.chars) == (0, None, None) for quote in reply.citations)


DEEP: Any = json.loads('{"a":' * 700 + "1" + "}" * 700)


@pytest.mark.parametrize(
    "blocks",
    [
        *([{}], [{"type": "server_tool_use"}], [{"type": "server_tool_use", "id": 5, "name": [], "input": "x"}]),
        [{"type": "server_tool_use", "id": "a", "name": HOSTILE, "input": {HOSTILE: HOSTILE}}],
        [{"type": "server_tool_use", "id": "a", "name": "web_search", "input": DEEP}],
        *(
            [
                {"type": "server_tool_use", "id": "a", "name": "web_fetch", "input": {}},
                {"type": "web_fetch_tool_result", "tool_use_id": "a", "content": content},
            ]
            for content in (
                *(None, 5, "x", [None, {"title": 5, "url": HOSTILE}], {"error_code": HOSTILE}, {"error_code": 5}),
                *({"type": "web_fetch_result"}, {"type": "web_fetch_result", "url": "u", "content": "x"}),
                {
                    "type": "web_fetch_result",
                    "content": {"title": HOSTILE, "source": {"type": "text", "data": HOSTILE}},
                },
                {"type": "web_fetch_result", "content": {"source": {"type": "base64", "data": "AAAA"}}},
            )
        ),
    ],
)
def test_any_blocks_of_server_tools_can_be_shown(blocks: list[dict[str, Any]]) -> None:
    reply = replied([*blocks, cited("So")])
    html = rendered.body(reply)
    assert "<script" not in html
    assert not set("\x1b\u202e") & set(html)
    assert len(reply.sources) == 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.text("ab*_`|#$-[]()<\n\\ ", max_size=12), st.booleans()), max_size=8))
def test_every_number_is_drawn_or_listed_and_no_tag_breaks(pieces: list[tuple[str, bool]]) -> None:
    content = [cited(text, cited_text=str(i)) if is_cited else said(text) for i, (text, is_cited) in enumerate(pieces)]
    reply = replied(content)
    html = rendered.body(reply)
    assert html.count("<a ") == html.count("</a>")
    assert notes.OPEN not in html
    assert ("[1] " in html) == bool(reply.citations)


def test_a_thousand_quotes_take_work_in_proportion() -> None:
    reply = replied([cited("So it is. ", url=f"https://a.org/{i}") for i in range(3000)])
    assert len(reply.citations) == 2000
    assert rendered.body(reply).count("<sup>") == 2000
