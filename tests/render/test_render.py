"""What a reply looks like: Markdown, formulas, links, code; and what a terminal gets."""

from __future__ import annotations

import inspect
import json.decoder
import random
import re
import subprocess
import sys
import textwrap

import pytest

from claude_nb.render import markdown_html, plain_html, terminal_safe
from claude_nb.render.code import COLOURS, LONGEST, coloured
from claude_nb.render.html import PAGE_SIZE
from claude_nb.render.mathml import LONGEST as LONGEST_FORMULA
from claude_nb.render.mathml import mathml
from claude_nb.types.reply import Reply
from claude_nb.types.request import Message, Request
from tests.helpers.pages import CODE, body, faults, links_of, quick_faults, text_of


def formulas(text: str) -> list[str]:
    """What is drawn as a formula, or left to MathJax: the elements that hold more than one shielded sign."""
    html = body(markdown_html(text)).replace(f'<span style="{PAGE_SIZE}">', "<span>")
    spans = [part.partition("</span>")[0] for part in html.split("<span>")[1:]]
    return [span for span in spans if span not in ("$", "\\")]


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("# Hi *there*", "<h1>Hi <em>there</em></h1>"),
        ("a **b** ~~c~~ `d<e`", "<p>a <strong>b</strong> <s>c</s> <code>d&lt;e</code></p>"),
        ("a  \nb\nc", "<p>a<br>\nb<br>\nc</p>"),
        ("> q", "<blockquote><p>q</p>\n</blockquote>"),
        ("3. a\n4. b", '<ol start="3"><li>a</li>\n<li>b</li>\n</ol>'),
        ("- [ ] a\n- [x] b", "<ul><li>☐ a</li>\n<li>☑ b</li>\n</ul>"),
        ("***", "<hr>"),
        ("    x < 1", f"{CODE}x &lt; 1\n</code></pre>"),
        ("```nolang\na & b\n```", f"{CODE}a &amp; b\n</code></pre>"),
        ("a_b_c and 2 * 3 * 4", "<p>a_b_c and 2 * 3 * 4</p>"),
        ("<b>x</b>", "<p>&lt;b&gt;x&lt;/b&gt;</p>"),
    ],
)
def test_markdown_becomes_plain_html(text: str, html: str) -> None:
    assert body(markdown_html(text)) == html


def test_table_columns_keep_their_alignment() -> None:
    html = markdown_html("|a|b|c|\n|:-|:-:|-|\n|1|2|3|")
    assert '<td style="text-align:left">1</td>' in html
    assert '<td style="text-align:center">2</td>' in html
    assert "<td>3</td>" in html


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("[x](https://a.example/b?c=1&d=2)", ["https://a.example/b?c=1&d=2"]),
        ("<https://a.example> and [m](mailto:a@b.example)", ["https://a.example", "mailto:a@b.example"]),
        (
            "see https://a.example/b_c_(d), or (https://e.example/f).",
            ["https://a.example/b_c_(d)", "https://e.example/f"],
        ),
        ("看https://a.example/b。好", ["https://a.example/b"]),
        ("[x](/logout) [y](//a.example) [z](#id)", []),
        ("`https://a.example`", []),
        ("https://bank.example@evil.example/", []),
    ],
)
def test_absolute_web_and_mail_addresses_are_links(text: str, links: list[str]) -> None:
    assert links_of(markdown_html(text)) == links


def test_an_image_is_a_link_to_it_and_is_not_loaded() -> None:
    html = markdown_html("![a chart](https://a.example/c.png)")
    assert "<img" not in html
    assert text_of(html).strip() == "a chart https://a.example/c.png"
    assert links_of(html) == ["https://a.example/c.png"]


def test_an_image_inside_a_link_leaves_one_link() -> None:
    assert links_of(markdown_html("[![b](https://a.example/b.svg)](https://c.example)")) == ["https://c.example"]


def test_a_data_image_is_text() -> None:
    assert "<a" not in markdown_html("![x](data:image/png;base64,AAAA)")


def test_a_reference_definition_stays_visible() -> None:
    html = markdown_html("[docs][1]\n\n[1]: https://a.example")
    assert "[1]: https://a.example" in text_of(html)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Let $x_1*y_2*z$ be", ["$x_1*y_2*z$"]),
        ("$5 and $6", []),
        ("from $5 to $6.", []),
        ("$5-$6", []),
        ("$ x $ and $x $", []),
        ("$HOME and `$PATH`", []),
        ("$a \\$ b$ c", ["$a \\$ b$"]),
        ("so $$a_b_c$$ holds", ["$$a_b_c$$"]),
        ("so \\(a_i < b_i\\) holds", ["\\(a_i &lt; b_i\\)"]),
        ("so \\[a = b\\] holds", ["\\[a = b\\]"]),
        ("a \\[literal\\] bracket and \\[x=1\\](y)", []),
        ("`$x$`", []),
        ("\\$x\\$ and &#36;x&#36;", []),
        ("$\\href{javascript:x}{y}$", []),
    ],
)
def test_formulas_are_told_from_dollars(text: str, found: list[str]) -> None:
    assert formulas(text) == found


@pytest.mark.parametrize(
    "text", ["$5 and $6", "a \\\\(b\\\\)", "\\\\[x\\\\]", "in \\begin{x} y", "see \\ref{y}", "&#36;x&#36;"]
)
def test_what_is_no_formula_is_kept_from_the_typesetter(text: str) -> None:
    html = body(markdown_html(text)).replace("<span>$</span>", "").replace("<span>\\</span>", "")
    assert not re.search(r"\$|\\(?:[(\[]|begin|ref)", html)


def test_a_formula_of_several_lines_is_one_formula() -> None:
    tex = "$$\n\\begin{aligned}\na_1 &= b \\\\\n- c &= d_*e*\n\\end{aligned}\n$$"
    html = body(markdown_html(f"So:\n{tex}\nthen"))
    assert html.startswith('<p>So:</p>\n<p><span style="line-height:1em">')
    assert html.endswith("</span></p>\n<p>then</p>")
    assert html.count("<mtr>") == 2
    assert formulas(f"So:\n{tex}\nthen") == [tex.replace("&", "&amp;")]


@pytest.mark.parametrize(
    ("formula", "drawn"),
    [
        ("$3\\,O(d)$", '<mn>3</mn><mspace width="0.167em"></mspace><mi>O</mi><mo stretchy="false">(</mo><mi>d</mi>'),
        ("\\(a < b\\)", "<mi>a</mi><mo>&lt;</mo><mi>b</mi>"),
        ("$\\log x$", '<mo lspace=".167em" rspace=".167em">log</mo><mi>x</mi>'),
        ("$\\log(x)$", '<mo lspace=".167em" rspace="0">log</mo>'),
        ("$\\max_i a$", "<munder><mo"),
        ("$\\boldsymbol{\\theta}$", '<mi style="font-weight:bold">θ</mi>'),
        ("$\\text{10\\% off}$", "<mtext>10% off</mtext>"),
        ("\\begin{align}a &= 1 \\label{e}\\\\b &= 2\\end{align}", "<mi>b</mi></mtd>"),
        ("$\\text{<img src=x onerror=alert(1)>}$", "<mtext>&lt;img src=x onerror=alert(1)&gt;</mtext>"),
        ("$\\hspace{999em}x$", "<mspace></mspace>"),
    ],
)
def test_a_formula_is_drawn_by_the_browser(formula: str, drawn: str) -> None:
    html = mathml(formula)
    assert html is not None
    assert drawn in html.replace("\N{NO-BREAK SPACE}", " ")
    assert not faults(f"<div>{markdown_html(formula)}</div>")


@pytest.mark.parametrize(
    "formula",
    [
        "$\\unknown{x}$",
        "$\\frac{a$",
        "$x_$",
        "$\\left( x \\right$",
        "$\\begin{tikzcd} a & b \\end{tikzcd}$",
        f"${'x' * 5_000}$",
    ],
)
def test_a_formula_that_cannot_be_drawn_stays_latex(formula: str) -> None:
    assert mathml(formula) is None
    assert text_of(markdown_html(formula)).strip() == formula


SIGNS = r"""
    \frac { } \left( \right) ^ _ x
    \begin{matrix} \end{matrix} & \\ \sqrt [ ] \text{ \limits \over \sum ' 1em < > \unicode{
    \href{javascript:alert(1)} \style{position:fixed} \class{x} \color{red} \hspace{ \rule{9em}{9em} \verb|<b>|
"""


def test_no_formula_whatever_its_commands_reaches_beyond_the_list_of_elements() -> None:
    draw = random.Random(14)
    for _ in range(3_000):
        html = mathml(f"${' '.join(draw.choices(SIGNS.split(), k=draw.randint(1, 20)))}$")
        assert html is None or not quick_faults(html)


@pytest.mark.parametrize("sign", SIGNS.split())
def test_a_formula_of_a_thousand_equal_commands_is_drawn_or_stays_latex(sign: str) -> None:
    html = mathml("$" + sign * (LONGEST_FORMULA // len(sign) - 1) + "$")
    assert html is None or not quick_faults(html)


def test_a_formula_that_is_too_long_is_not_even_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "latex2mathml.converter", None)
    assert mathml("$" + "x" * LONGEST_FORMULA + "$") is None


def test_code_is_coloured_in_the_colours_of_the_theme() -> None:
    html = markdown_html("```python\ndef f():\n    return 'a'  # b\n```")
    assert '<span style="color:var(--k)">def </span>' in html
    assert "--k:var(--jp-mirror-editor-keyword-color,#" in html
    assert text_of(html).strip() == "def f():\n    return 'a'  # b"


@pytest.mark.parametrize("language", ["", "nolang", "../../etc/passwd", "python\x00", "text"])
def test_code_in_an_unknown_language_stays_plain(language: str) -> None:
    assert coloured("x = 1", language) is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("<details>\n<summary>S</summary>\n```python\nprint(2)\n```\n</details>", ["print(2)\n"]),
        ("$$\n```python\nx\n```\n$$", []),
        ("- a\n  ```\n  b\n  ```\n\f```\nc", ["b\n", "c"]),
        ("$$\nx\n\n```\nd", ["d"]),
        ("- " * 40 + "x\n\n```\ne\n```", []),
    ],
)
def test_what_is_drawn_as_code_is_what_a_reply_gives_as_its_code(text: str, code: list[str]) -> None:
    reply = Reply(Request("demo", "demo", (Message("user", "Hi"),)), text=text)
    assert [block.code for block in reply.code] == code
    assert [text_of(CODE + part.partition("</pre>")[0]) for part in markdown_html(text).split(CODE)[1:]] == code


def test_long_code_stays_plain() -> None:
    assert coloured("x\n" * LONGEST, "python") is None


@pytest.mark.parametrize(
    "language", ["python", "js", "bash", "json", "html", "c++", "pycon", "diff", "yaml", "rust", "tex"]
)
def test_colours_never_change_the_code(language: str) -> None:
    draw = random.Random(language)
    for _ in range(40):
        code = "".join(draw.choice("ab01 \n\t\"'`<>&{}()[]#/\\*=-:.$@") for _ in range(80)) + "\n"
        shown = text_of(markdown_html(f"~~~~{language}\n{code}~~~~"))
        assert shown.strip("\n") == code.strip("\n")


def test_a_lexer_that_fails_costs_only_the_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    from pygments.lexers import PythonLexer

    def fail(self: PythonLexer, text: str) -> None:
        raise RuntimeError(text)

    monkeypatch.setattr(PythonLexer, "get_tokens", fail)
    assert coloured("x = 1\n", "python") is None
    assert "x = 1" in markdown_html("```python\nx = 1\n```")


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("tone", [tone for _, tone in COLOURS.values()])
@pytest.mark.parametrize("paper", ["#ffffff", "#111111"])
def test_every_tone_is_readable_on_light_and_dark_paper(tone: str, paper: str) -> None:
    dark, light = sorted((luminance(tone), luminance(paper)))
    assert (light + 0.05) / (dark + 0.05) >= 4.0  # 4.35 is the most that one tone can have on both


def test_html_is_hardly_larger_than_prose() -> None:
    prose = """## Why the sky is blue

Sunlight holds **all colours**, and the air scatters the short waves far more than the long ones. So blue light
reaches the eye from every side, while red light passes mostly unchanged; see `rayleigh(wavelength)` for the sum.

- At noon the path through the air is short, and little of the blue is lost on the way.
- In the evening the path is long, and what is left is the *orange and red* of a sunset.
"""
    assert len(markdown_html(prose)) <= 1.5 * len(prose)


@pytest.mark.parametrize("module", [json.decoder, textwrap, random])
def test_html_of_code_is_at_most_four_times_as_long(module: object) -> None:
    code = inspect.getsource(module)[: LONGEST - 1]
    assert coloured(code, "python")
    assert len(markdown_html(f"```python\n{code}\n```")) <= 4 * len(code)


def test_raw_text_is_shown_as_it_is() -> None:
    assert text_of(plain_html("# a <b>\n  *c*")) == "# a <b>\n  *c*"


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("a\x1b[2Jb", "a␛[2Jb"),
        ("\x1b]0;t\x07", "␛]0;t␇"),
        ("\x9b1m", "\ufffd1m"),
        ("a\u202eb", "a\ufffdb"),
        ("a\r\nb\rc", "a\nb␍c"),
        ("\U000e0041", "\ufffd"),
        ("\ud83d\ude00 \ud800.", "😀 \ufffd."),
    ],
)
def test_what_would_act_in_a_terminal_is_made_visible(text: str, safe: str) -> None:
    assert terminal_safe(text) == safe


@pytest.mark.parametrize(
    "text",
    [
        "a\tb\n",
        "中文，标点。",
        "مرحبا بالعالم",
        "👩‍👩‍👧 ❤️ 🏳️‍🌈 👍🏽",
        "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
        "e\u0301",
    ],
)
def test_ordinary_text_of_any_script_stays_exact(text: str) -> None:
    assert terminal_safe(text) == text
    assert text_of(plain_html(text)) == text


def test_a_text_without_formulas_loads_nothing_to_draw_them() -> None:
    code = "import sys, claude_nb.render as r; r.markdown_html('$5'); print('latex2mathml' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_importing_render_loads_neither_parser_nor_lexers() -> None:
    code = "import sys, claude_nb.render; print(sorted({'markdown_it', 'pygments', 'latex2mathml'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
