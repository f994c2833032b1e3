"""Replies in the playground, in a real browser: Python's HTML arrives whole, and nothing in a hostile reply acts."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from playwright.sync_api import Page

from claude_nb.render import markdown_html
from claude_nb.render.live import LiveHtml
from tests.browser.fake import FakeKernel, cut, messages, run
from tests.helpers.pages import ATTRIBUTES, HOSTILE, MATH_TAGS, MATH_VALUES, TAGS

# What the page shows of each run: while it is on, and when it has ended.
DRAW = """
(runs) => runs.map(([sent, record]) => {
  for (const message of sent) fake.tell(message);
  const pages = () => [...document.querySelector(".cnb-md").children].map((slot) => slot.innerHTML);
  const live = pages();
  fake.model.set("history", [record]);
  fake.tell({t: "end", run: record.run, seq: sent.length - 1});
  return [live, pages()];
})
"""
# How the browser reads and writes the same HTML, with what the playground adds.
READ = """
(pages) => pages.map((html) => {
  const slot = document.createElement("template");
  slot.innerHTML = html;
  for (const wide of slot.content.querySelectorAll("pre, table")) wide.setAttribute("tabindex", "0");
  return slot.innerHTML;
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
([pages, tags, attributes, mathTags, mathValues]) => {
  const fits = (pattern, value) => new RegExp(`^(?:${pattern})$`, "i").test(value);
  const faults = [];
  for (const [index, html] of pages.entries()) {
    const page = new DOMParser().parseFromString(html, "text/html");
    for (const element of page.body.querySelectorAll("*")) {
      const tag = element.localName;
      if (!tags.includes(tag)) faults.push([index, tag]);
      for (const {name, value} of element.attributes) {
        const math = mathTags.includes(tag) ? mathValues.find(([names]) => fits(names, name))?.[1] : undefined;
        const pattern = attributes[`${tag} ${name}`] ?? math ?? (name === "tabindex" ? "0" : undefined);
        if (pattern === undefined || !fits(pattern, value)) faults.push([index, tag, name, value]);
      }
      if (tag === "a" && element.querySelector("a")) faults.push([index, "a in a"]);
    }
    const acting = /[\\0-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u2069]/;
    if (acting.test(page.body.textContent)) faults.push([index, "acting"]);
  }
  return faults;
}
"""
BLOCKS = (
    "# ",
    "## ",
    "- ",
    "* ",
    "1. ",
    "2) ",
    "> ",
    "    ",
    "\t",
    "---",
    "===",
    "***",
    "```",
    "````",
    "~~~",
    "`",
    "``",
)
SIGNS = ("**", "*", "_", "__", "~~", "[", "](", ")", "![", "]", "<", ">", "</", "&lt;", "&#106;", "&amp;", "\\", "|")
WORDS = ("|---|", "word", "two words", "a_b_c", "$x$", "\\(x\\)", "$$", "$\\frac", "https://a.example/x", "é", "😀")
HOSTS = ("javascript:alert(1)", "<b>", "<script>", '<img src=x onerror="pwn()">', "<style>", "<iframe srcdoc='x'>")
REFERENCES = (
    "[r]: https://a.example",
    "[r]",
    "data:text/html,x",
    "[ ] ",
    "[x] ",
    "$\\text{<img src=x onerror=pwn()>}$",
)
SPACES = ("\n", "\n", "\n", "\n\n", "\n\n", "\r\n", "\r", " ", " ", "  \n", "\u202e", "\x1b[2J", "\x00")
FRAGMENTS = (*BLOCKS, *SIGNS, *WORDS, *HOSTS, *REFERENCES, *SPACES)


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


def drawn(fake: FakeKernel, texts: Iterable[str], size: int) -> list[tuple[list[str], list[str]]]:
    """Of each text, the pages while it arrives in pieces of that size, and after its end."""
    first = fake.page.evaluate("() => (globalThis.runs = (globalThis.runs ?? 0) + 1_000)")
    runs = [(messages(at, cut(text, size)), run(at, text)) for at, text in enumerate(texts, first)]
    return [(live, ended) for live, ended in fake.page.evaluate(DRAW, runs)]


def assert_harmless(fake: FakeKernel, pages: list[str]) -> None:
    attributes = {f"{tag} {name}": pattern.pattern for (tag, name), pattern in ATTRIBUTES.items()}
    faults = fake.page.evaluate(INSPECT, [pages, sorted(TAGS), attributes, sorted(MATH_TAGS), [*MATH_VALUES.items()]])
    assert [(pages[index], *rest) for index, *rest in faults] == []
    assert fake.page.evaluate("() => pwned") == []
    assert fake.page.url == "http://widget.test/"
    assert fake.asked == []  # type: ignore[attr-defined]


@pytest.mark.parametrize("size", [2, 30, 100_000])
def test_no_hostile_text_acts_whole_or_in_pieces(fake: FakeKernel, size: int) -> None:
    texts = [text for text in HOSTILE.values() if len(text) < 40 * size]
    assert_harmless(fake, [page for live, ended in drawn(fake, texts, size) for page in (*live, *ended)])


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("size", [1, 5, 100_000])
def test_random_texts_are_harmless_and_shown_as_python_drew_them(fake: FakeKernel, seed: int, size: int) -> None:
    texts = random_texts(seed, 50)
    for text, (live, ended) in zip(texts, drawn(fake, texts, size), strict=True):
        python = LiveHtml()
        for piece in cut(text, size):
            python.feed(piece)
        assert live == fake.page.evaluate(READ, python.slots)
        assert ended == fake.page.evaluate(READ, [markdown_html(text)])
        assert_harmless(fake, [*live, *ended])


def html(fake: FakeKernel, text: str, size: int = 3) -> str:
    """What the page shows of a finished reply."""
    return "".join(drawn(fake, [text], size)[0][1])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("**bold** and *soft*", "<p><strong>bold</strong> and <em>soft</em></p>"),
        ("a <b>x</b> &lt; &amp;c", "<p>a &lt;b&gt;x&lt;/b&gt; &lt; &amp;c</p>"),
        ("- a\n- b", "<ul><li>a</li>\n<li>b</li>\n</ul>"),
        ("3. a\n4. b", '<ol start="3"><li>a</li>\n<li>b</li>\n</ol>'),
        ("- [ ] a\n- [x] b", "<ul><li>☐ a</li>\n<li>☑ b</li>\n</ul>"),
        ("a\\\nb", "<p>a<br>\nb</p>"),
        ("one line\nof a poem", "<p>one line<br>\nof a poem</p>"),
        (r"costs \$5", "<p>costs <span>$</span>5</p>"),
        ("snake_case_name", "<p>snake_case_name</p>"),
        ("<div>\nhi\n</div>", "<p>&lt;div&gt;<br>\nhi<br>\n&lt;/div&gt;</p>"),
        ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>"),
        ("[x](/api/contents)", "<p>[x](/api/contents)</p>"),
        ("[r]: https://a.example\n\n[r]", "[r]</p>"),
    ],
)
def test_markdown_becomes_the_elements_it_means(fake: FakeKernel, text: str, expected: str) -> None:
    assert expected in html(fake, text)


@pytest.mark.parametrize("text", [r"so $3\,O(d)$", r"so \(x^2\)", "$$\n\\frac{a}{b}\n$$"])
def test_a_formula_is_drawn_while_it_arrives_and_afterwards(fake: FakeKernel, text: str) -> None:
    fake.tell(*messages(7_000, cut(text + "\n\nEnd", 4)))
    shown = fake.page.locator(".cnb-md math")
    assert shown.count() == 1
    assert "$" not in fake.page.locator(".cnb-md").inner_text()
    box, line = shown.bounding_box(), fake.page.locator(".cnb-md p").last.bounding_box()
    assert box is not None
    assert line is not None
    assert html(fake, text + "\n\nEnd").count("<math") == 1
    after = shown.bounding_box()
    assert after is not None
    assert 8 < after["height"] < 4 * line["height"]
    assert abs(after["height"] - box["height"]) < 4


def test_half_a_formula_is_shown_as_it_is_written(fake: FakeKernel) -> None:
    fake.tell(*messages(7_000, ["so $\\frac{a}"]))
    assert fake.page.locator(".cnb-md math").count() == 0
    assert fake.page.locator(".cnb-md").inner_text().strip() == "so $\\frac{a}"


def test_a_picture_is_a_link_and_is_never_fetched(fake: FakeKernel) -> None:
    shown = html(fake, "![secret](https://evil.example/?q=1)")
    assert 'href="https://evil.example/?q=1"' in shown
    assert "secret <a" in shown
    assert fake.asked == []  # type: ignore[attr-defined]


def test_code_gets_its_colours_once_the_block_is_closed(fake: FakeKernel) -> None:
    sent = messages(900, ["```py\nreturn 1\n", "```\n\nAfter"])
    fake.tell(*sent[:2])
    code = fake.page.locator(".cnb-md pre")
    assert code.inner_text() == "return 1\n"
    assert code.locator("span").count() == 0
    fake.tell(sent[2])
    assert code.locator("span").first.inner_text().strip() == "return"
    assert fake.page.locator(".cnb-md p").inner_text() == "After"


@pytest.mark.parametrize(("theme", "colour"), [("light", "rgb(138, 59, 160)"), ("dark", "rgb(216, 161, 234)")])
def test_colours_of_code_follow_the_theme_live_and_finished(fake: FakeKernel, theme: str, colour: str) -> None:
    fake.page.evaluate("(dark) => { document.body.dataset.jpThemeLight = String(!dark); }", theme == "dark")
    fake.root.and_(fake.page.locator(f"[data-theme={theme}]")).wait_for()
    text = "```py\nreturn 1\n```\n\nAfter"
    keyword = fake.page.locator(".cnb-md pre span").first
    fake.tell(*messages(900, [text]))
    assert keyword.evaluate("(it) => getComputedStyle(it).color") == colour
    html(fake, text)
    assert keyword.evaluate("(it) => getComputedStyle(it).color") == colour


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


COUNT = """
(messages) => {
  const count = { nodes: 0 };
  const within = (node) => 1 + [...node.childNodes].reduce((sum, child) => sum + within(child), 0);
  const note = (records) => {
    for (const record of records) {
      for (const node of record.addedNodes) count.nodes += within(node);
    }
  };
  const observer = new MutationObserver(note);
  observer.observe(document.querySelector(".cnb-md"), { childList: true, subtree: true });
  for (const message of messages) {
    fake.tell(message);
    note(observer.takeRecords());
  }
  observer.disconnect();
  return count.nodes;
}
"""


def test_the_nodes_made_for_a_token_do_not_grow_with_the_reply(fake: FakeKernel) -> None:
    """20,000 tokens, eight at a time, each drawn."""
    tokens = long_reply(20_000)
    sent: list[dict[str, Any]] = messages(1, ["".join(tokens[at : at + 8]) for at in range(0, len(tokens), 8)])
    fake.tell(sent.pop(0))
    tenth = len(sent) // 10
    costs = [fake.page.evaluate(COUNT, sent[at : at + tenth]) for at in range(0, tenth * 10, tenth)]
    shown = fake.page.evaluate("() => document.querySelector('.cnb-md').textContent.length")
    assert shown > 50_000
    assert min(costs[-2:]) <= 1.5 * max(costs[1:4]), costs


def test_a_part_that_is_full_is_not_touched_again(fake: FakeKernel) -> None:
    tokens = long_reply(12_000)
    sent = messages(1, cut("".join(tokens), 200))
    half = len(sent) // 2
    fake.tell(*sent[:half])
    fake.page.evaluate("() => { document.querySelector('.cnb-md > div > div').marked = true; }")
    fake.tell(*sent[half:])
    assert fake.page.evaluate("() => document.querySelector('.cnb-md > div > div').marked") is True
    assert fake.page.locator(".cnb-md > div").count() > 5
