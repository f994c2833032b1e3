"""Where streamed text is frozen: the parts, each shown on its own, say what the whole says."""

from __future__ import annotations

import random
import re

import pytest

from claude_nb.render import cut, markdown_html
from tests.helpers.pages import text_of

WORDS = [
    "alpha",
    "beta",
    "the",
    "**bold words**",
    "*it*",
    "`code x`",
    "$x_1 + y$",
    "[link text](https://a.b/c)",
    "naïve",
]
WORDS += ["中文句子", "1990", "a_b_c", "(so)", "x < y", "&amp;", "it's.", "end."]
CODE = ["x = 1", "def f():", "# c", "return y", "", "``", "print('a b')"]


def words(draw: random.Random, most: int) -> str:
    return " ".join(draw.choice(WORDS) for _ in range(draw.randint(1, most)))


def paragraph(draw: random.Random) -> str:
    return words(draw, 60) + "\n"


def lines(draw: random.Random) -> str:
    return "".join(words(draw, 9) + "\n" for _ in range(draw.randint(1, 6)))


def fence(draw: random.Random) -> str:
    marker = draw.choice(["```", "~~~", "````"])
    code = "".join(draw.choice(["", "    ", "  "]) + draw.choice(CODE) + "\n" for _ in range(draw.randint(0, 25)))
    return f"{marker}{draw.choice(['py', '', 'python title', 'unknown'])}\n{code}{marker}\n"


def table(draw: random.Random) -> str:
    columns = draw.randint(1, 4)
    rows = ["| " + " | ".join(words(draw, 3) for _ in range(columns)) + " |\n" for _ in range(draw.randint(1, 16))]
    return rows[0] + "|" + "---|" * columns + "\n" + "".join(rows[1:])


def items(draw: random.Random, depth: int = 0) -> str:
    first, numbered, written = draw.choice([0, 1, 7]), draw.random() < 0.5, []
    for i in range(draw.randint(1, 8)):
        marker = f"{first + i}. " if numbered else "- "
        body = words(draw, 15) + "\n"
        if depth < 2 and draw.random() < 0.25:
            body += draw.choice(["", "\n"]) + (items(draw, depth + 1) if draw.random() < 0.5 else fence(draw))
        indented = re.sub(r"(?m)^(?=.*\S)", " " * len(marker), body)
        written.append(marker + indented[len(marker) :] + "\n" * (draw.random() < 0.2))
    return "".join(written)


def quote(draw: random.Random) -> str:
    return re.sub(r"(?m)^(?=.*\n)", "> ", draw.choice([lines, items, fence, paragraph])(draw))


def other(draw: random.Random) -> str:
    return draw.choice(["---\n", "$$\na_1 + b\n- c = d \\\\\n$$\n", "\\[ x = y \\]\n", "    z = 1\n    y\n"])


def document(draw: random.Random) -> str:
    kinds = [paragraph, lines, fence, items, quote, table, other]
    return "\n".join(draw.choice(kinds)(draw) for _ in range(draw.randint(1, 5)))


def frozen(text: str, limit: int, step: int) -> list[tuple[str, str]]:
    """(opener, part) of every frozen part and of the rest, for text that comes *step* characters at a time."""
    parts, opener, tail = [], "", ""
    for at in range(0, len(text), step):
        tail += text[at : at + step]
        while (found := cut(tail, limit))[0]:
            size, again = found
            assert len(again) < size <= len(tail)
            parts.append((opener, tail[:size]))
            opener, tail = again, again + tail[size:]
    return [*parts, (opener, tail)]


def said(text: str) -> str:
    return re.sub(r"\s", "", text_of(markdown_html(text)))


@pytest.mark.parametrize("block", range(6))
@pytest.mark.parametrize("limit", [250, 400])
def test_the_parts_say_what_the_whole_says(block: int, limit: int) -> None:
    for seed in range(100):
        draw = random.Random(1000 * block + seed)
        text = document(draw)
        parts = frozen(text, limit, draw.choice([1, 3, 7, 1000]))
        assert "".join(said(part)[len(said(opener)) :] for opener, part in parts) == said(text), (block, seed)


def test_text_up_to_the_limit_is_left_alone() -> None:
    assert cut("word\n\n" * 10, 60) == (0, "")


def test_the_cut_is_before_the_last_block() -> None:
    assert cut("one\n\ntwo\n\nthree\n", 5) == (10, "")


def test_a_line_that_is_still_being_written_is_no_block_yet() -> None:
    text = "one\n\ntwo\n#"
    assert cut(text, 5) == (5, "")


def test_a_fence_goes_on_with_its_marker_language_and_indent() -> None:
    assert cut("  ~~~~py title\n  a = 1\n  b", 5) == (23, "  ~~~~py\n")


def test_a_closed_fence_is_frozen_as_a_whole() -> None:
    text = "```py\na\n```\n"
    assert cut(text, 5) == (len(text), "")


def test_code_in_an_item_keeps_its_indent() -> None:
    text = "1. Do:\n   ```py\n   if x:\n       y\n"
    size, opener = cut(text, 5)
    opener2, rest = cut(opener + text[size:], 5)[1], "       z\n"
    assert opener2 == "1. ```py\n"
    assert text_of(markdown_html(opener2 + rest)).strip("\n") == "    z"


def test_a_list_goes_on_with_its_last_item() -> None:
    assert cut("1. a\n2. b\n3. c\n4", 5) == (10, "")


def test_a_list_numbered_1_1_1_is_kept_together_while_it_can_be() -> None:
    assert cut("1. a\n1. b\n1. c\n", 8) == (0, "")
    assert cut("1. a\n1. b\n1. c\n", 5)[0] > 0


def test_what_stands_beside_the_language_is_not_carried_on() -> None:
    assert cut("```py" + "x" * 100 + "\na\nb", 50)[1] == "```py" + "x" * 38 + "\n"


def test_the_head_of_a_table_is_not_cut() -> None:
    assert cut("| some words | more words |\n", 20) == (0, "")


def test_a_table_goes_on_with_its_header() -> None:
    text = "| a | b |\n|---|---|\n| 1 | 2 |\n| 3"
    assert cut(text, 5) == (30, "| a | b |\n|---|---|\n")


def test_a_paragraph_is_not_cut_inside_bold_text_code_or_a_formula() -> None:
    text = "before **bold words here** `some code` $a b c$ [a link](https://a.b) after"
    size, opener = cut(text, 60)
    assert (text[size:], opener) == ("after", "")
    assert cut("before **bold words", 10) == (7, "")


def test_a_paragraph_without_spaces_is_cut_between_two_letters() -> None:
    size, _ = cut("字" * 100, 40)
    assert 0 < size < 100


def test_a_formula_that_stands_alone_is_not_cut() -> None:
    text = "word\n\n$$\na\n- b\n- c\n"
    assert cut(text, 5) == (6, "")


def test_windows_line_ends_are_counted_right() -> None:
    assert cut("one\r\n\r\ntwo\r\n\r\nthree\r\n", 5) == (14, "")


def test_one_long_word_of_code_is_parted_rather_than_kept_for_ever() -> None:
    size, opener = cut("```\n" + "x" * 100, 40)
    assert size > 4
    assert opener == "```\n"
