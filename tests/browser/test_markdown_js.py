"""Model text in the playground, in a real browser: nothing in it acts, and pieces end as the whole would."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.fake import FakeKernel
from tests.helpers.pages import HOSTILE

DRAW = """
([texts, size]) => texts.map((text) => {
  globalThis.runs = (globalThis.runs ?? 0) + 1;
  const run = runs;
  fake.tell({t: "start", run});
  let seq = 0;
  for (let at = 0; at < text.length; at += size) {
    fake.tell({t: "d", run, seq: ++seq, s: text.slice(at, at + size)});
  }
  fake.tell({t: "end", run, seq});
  return document.querySelector(".cnb-md").innerHTML;
})
"""
# Every message is drawn at once, instead of in the next frame that has time for it.
AT_ONCE = """() => {
  globalThis.pwned = [];
  globalThis.alert = globalThis.pwn = (x) => pwned.push(x);
  globalThis.requestAnimationFrame = (draw) => draw();
  performance.now = () => 0;
}"""
INSPECT = """
(pages) => {
  const tags = new Set(`p h1 h2 h3 h4 h5 h6 ul ol li blockquote pre code span strong em del a br hr div
    table thead tbody tr th td`.split(/\\s+/));
  const attributes = {
    a: {href: /^(https?:\\/\\/[^/?#@\\\\\\s]|mailto:)/i, rel: /^noopener noreferrer nofollow$/, target: /^_blank$/},
    pre: {tabindex: /^0$/, "data-language": /^/}, span: {class: /^cnb-hl-[a-z]+$/},
    div: {class: /^cnb-wide$/, tabindex: /^0$/}, ol: {start: /^-?\\d+$/},
    th: {style: /^text-align: (left|center|right);$/}, td: {style: /^text-align: (left|center|right);$/},
  };
  const faults = [];
  for (const [index, html] of pages.entries()) {
    const page = new DOMParser().parseFromString(html, "text/html");
    for (const element of page.body.querySelectorAll("*")) {
      const name = element.localName;
      if (!tags.has(name)) faults.push([index, name]);
      for (const {name: attribute, value} of element.attributes) {
        if (!attributes[name]?.[attribute]?.test(value)) faults.push([index, name, attribute, value]);
      }
      if (name === "a" && element.querySelector("a")) faults.push([index, "a in a"]);
    }
    const acting = /[\\0-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u2069]/;
    if (acting.test(page.body.textContent)) faults.push([index, "acting"]);
  }
  return faults;
}
"""
FRAGMENTS = (
    *("# ", "## ", "- ", "* ", "1. ", "2) ", "> ", "    ", "\t", "---", "===", "***", "```", "````", "~~~", "`", "``"),
    *(
        "**",
        "*",
        "_",
        "__",
        "~~",
        "[",
        "](",
        ")",
        "![",
        "]",
        "<",
        ">",
        "</",
        "&lt;",
        "&#106;",
        "&amp;",
        "\\",
        "|",
        "|---|",
    ),
    *("word", "two words", "a_b_c", "$x$", "\\(x\\)", "https://a.example/x", "javascript:alert(1)", "<b>", "<script>"),
    *(
        '<img src=x onerror="pwn()">',
        "<style>",
        "<iframe srcdoc='x'>",
        "[r]: https://a.example",
        "[r]",
        "data:text/html,x",
    ),
    *(
        "\n",
        "\n",
        "\n",
        "\n\n",
        "\n\n",
        "\r\n",
        "\r",
        " ",
        " ",
        "  \n",
        "[ ] ",
        "[x] ",
        "\u202e",
        "\x1b[2J",
        "é",
        "😀",
        "\x00",
    ),
)


def random_texts(seed: int, count: int) -> list[str]:
    draw = random.Random(seed)
    return ["".join(draw.choices(FRAGMENTS, k=draw.randint(2, 24))) for _ in range(count)]


@pytest.fixture
def fake(blank_page: Page) -> FakeKernel:
    asked: list[str] = []
    blank_page.on("request", lambda request: asked.append(request.url))
    blank_page.evaluate(AT_ONCE)
    kernel = FakeKernel(blank_page)
    kernel.asked = asked  # type: ignore[attr-defined]  # for the tests of this file
    asked.clear()
    return kernel


def drawn(fake: FakeKernel, texts: list[str], size: int) -> list[str]:
    return list(fake.page.evaluate(DRAW, [texts, size]))


def assert_harmless(fake: FakeKernel, texts: list[str], pages: list[str]) -> None:
    faults = fake.page.evaluate(INSPECT, pages)
    assert [(texts[index], *rest) for index, *rest in faults] == []
    assert fake.page.evaluate("() => pwned") == []
    assert fake.page.url == "http://widget.test/"
    assert fake.asked == []  # type: ignore[attr-defined]


@pytest.mark.parametrize("size", [2, 30, 100_000])
def test_no_hostile_text_acts_whole_or_in_pieces(fake: FakeKernel, size: int) -> None:
    texts = [text for text in HOSTILE.values() if len(text) < 40 * size]
    assert_harmless(fake, texts, drawn(fake, texts, size))


@pytest.mark.parametrize("seed", [1, 2])
def test_random_texts_are_harmless_and_end_the_same_in_pieces_of_any_size(fake: FakeKernel, seed: int) -> None:
    texts = random_texts(seed, 50)
    whole = drawn(fake, texts, 100_000)
    assert_harmless(fake, texts, whole)
    for size in (1, 5):
        pieces = drawn(fake, texts, size)
        assert [text for text, a, b in zip(texts, whole, pieces, strict=True) if a != b] == []


def html(fake: FakeKernel, text: str, size: int = 3) -> str:
    return drawn(fake, [text], size)[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("**bold** and *soft*", "<p><strong>bold</strong> and <em>soft</em></p>"),
        ("a <b>x</b> &lt; &amp;c", "<p>a &lt;b&gt;x&lt;/b&gt; &lt; &amp;c</p>"),
        ("- a\n- b", "<ul><li>a</li><li>b</li></ul>"),
        ("3. a\n4. b", '<ol start="3"><li>a</li><li>b</li></ol>'),
        ("- [ ] a\n- [x] b", "<ul><li>☐ a</li><li>☑ b</li></ul>"),
        ("a\\\nb", "<p>a<br>b</p>"),
        ("one line\nof a poem", "<p>one line<br>of a poem</p>"),
        (r"\(x^2\) costs \$5", r"<p>\(x^2\) costs $5</p>"),
        ("snake_case_name", "<p>snake_case_name</p>"),
        ("<div>\nhi\n</div>", "<p>&lt;div&gt;\nhi\n&lt;/div&gt;</p>"),
        ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>"),
        ("[x](/api/contents)", "<p>[x](/api/contents)</p>"),
        ("[r]: https://a.example\n\n[r]", None),
    ],
)
def test_markdown_becomes_the_elements_it_means(fake: FakeKernel, text: str, expected: str | None) -> None:
    if expected is None:  # a definition stays visible, and makes no link out of earlier or later text
        assert "[r]</p>" in html(fake, text)
        return
    assert html(fake, text) == expected


def test_a_picture_is_a_link_and_is_never_fetched(fake: FakeKernel) -> None:
    shown = html(fake, "![secret](https://evil.example/?q=1)")
    assert 'href="https://evil.example/?q=1"' in shown
    assert ">image: secret</a>" in shown
    assert fake.asked == []  # type: ignore[attr-defined]


def test_code_gets_its_colours_once_the_block_is_closed(fake: FakeKernel) -> None:
    fake.tell({"t": "start", "run": 900}, {"t": "d", "run": 900, "seq": 1, "s": "```py\nreturn 1\n"})
    code = fake.page.locator(".cnb-md pre")
    assert code.inner_text() == "return 1\n"
    assert code.locator("span").count() == 0
    fake.tell({"t": "d", "run": 900, "seq": 2, "s": "```\n\nAfter"})
    assert code.locator(".cnb-hl-keyword").inner_text() == "return"
    assert fake.page.locator(".cnb-md > p").inner_text() == "After"


def test_finished_blocks_are_not_touched_again(fake: FakeKernel) -> None:
    fake.tell({"t": "start", "run": 900}, {"t": "d", "run": 900, "seq": 1, "s": "One.\n\nTwo.\n\nThree"})
    fake.page.evaluate("() => { document.querySelector('.cnb-md p').marked = true; }")
    fake.tell({"t": "d", "run": 900, "seq": 2, "s": " and more.\n\n```\ncode"})
    assert fake.page.evaluate("() => document.querySelector('.cnb-md p').marked") is True


def long_reply(tokens: int) -> list[str]:
    """A reply as they come: headings, paragraphs, lists, tables, code; in tokens of about four characters."""
    draw = random.Random(5)
    words = ["light", "scatters", "in", "the", "air", "and", "`blue`", "**most**", "of", "[it](https://a.example)"]

    def sentence() -> str:
        return " ".join(draw.choices(words, k=draw.randint(8, 20))) + "."

    kinds: list[Callable[[], str]] = [
        lambda: "## " + sentence(),
        lambda: " ".join(sentence() for _ in range(4)),
        lambda: "\n".join(f"{n}. {sentence()}" for n in range(1, 6)),
        lambda: "| a | b |\n|---|---|\n" + "\n".join(f"| {draw.random():.3f} | {sentence()} |" for _ in range(4)),
        lambda: "```python\n" + "\n".join(f"value_{n} = {draw.random():.4f}  # {n}" for n in range(25)) + "\n```",
    ]
    text = ""
    while len(text) < 4.4 * tokens:
        text += draw.choice(kinds)() + "\n\n"
    return re.findall(r"\s?\S{1,5}|\s+", text)[:tokens]


def test_the_cost_of_a_token_does_not_grow_with_the_reply(fake: FakeKernel) -> None:
    """20,000 tokens, eight at a time, each drawn and laid out. Processor time of the page's main thread."""
    tokens = long_reply(20_000)
    client = fake.page.context.new_cdp_session(fake.page)
    client.send("Performance.enable", {"timeDomain": "threadTicks"})

    def busy_s() -> float:
        metrics: Any = client.send("Performance.getMetrics")["metrics"]
        return float(next(one["value"] for one in metrics if one["name"] == "TaskDuration"))

    fake.tell({"t": "start", "run": 1})
    pieces = ["".join(tokens[at : at + 8]) for at in range(0, len(tokens), 8)]
    tenths = [pieces[at : at + len(pieces) // 10] for at in range(0, len(pieces), len(pieces) // 10)][:10]
    costs, seq = [], 0
    for tenth in tenths:
        before = busy_s()
        seq = fake.page.evaluate(
            """([pieces, seq]) => {
                for (const s of pieces) {
                    fake.tell({t: "d", run: 1, seq: ++seq, s});
                    document.querySelector(".cnb-scroll").scrollHeight;
                }
                return seq;
            }""",
            [tenth, seq],
        )
        costs.append(busy_s() - before)
    shown = fake.page.evaluate("() => document.querySelector('.cnb-md').textContent.length")
    assert shown > 50_000
    assert min(costs[-2:]) <= 1.5 * max(costs[:2]), costs
