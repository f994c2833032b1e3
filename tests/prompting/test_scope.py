"""Which variables {{name}} finds from Python: those that the calling code sees."""

from __future__ import annotations

import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from claude_nb.errors import PromptError
from claude_nb.session.session import Session
from tests.helpers import sessions

city = "a global city"
hidden = "a global value"


@pytest.fixture
def session() -> Session:
    return sessions.session(CLAUDE_NB_PROVIDER="demo")


def sent(session: Session, **options: Any) -> str:
    """What goes out for "{{city}}" from here, where city is global."""
    return session.ask("{{city}}", **options).prompt


def run(session: Session, code: str, **names: Any) -> Any:
    """The variable `sent` that a module of the user leaves behind."""
    module = {"__name__": "__main__", "ask": session.ask, "session": session, **names}
    exec(textwrap.dedent(code), module)
    return module["sent"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("city = 'Oslo'\nsent = ask('{{city}}').prompt", "Oslo"),
        ("city = 'Oslo'\ndef f(city): return ask('{{city}}').prompt\nsent = f('Rome')", "Rome"),
        ("city = 'Oslo'\ndef f(): return ask('{{city}}').prompt\nsent = f()", "Oslo"),
        ("sent = [ask('{{city}}').prompt for city in ('a', 'b')]", ["a", "b"]),
        ("sent = [*(ask('{{city}}').prompt for city in ('a', 'b'))]", ["a", "b"]),
        ("def f(city): return [ask('{{city}}{{i}}').prompt for i in (1, 2)]\nsent = f('x')", ["x1", "x2"]),
        ("def f(city): return {i: ask('{{city}}{{i}}').prompt for i in (1, 2)}\nsent = f('x')", {1: "x1", 2: "x2"}),
        ("def f(city): return [*(ask('{{city}}{{i}}').prompt for i in (1, 2))]\nsent = f('x')", ["x1", "x2"]),
        ("sent = (lambda city: ask('{{city}}').prompt)('Rome')", "Rome"),
        ("def f(city): return [*map(lambda i: ask('{{city}}{{i}}').prompt, (1, 2))]\nsent = f('x')", ["x1", "x2"]),
        ("def f(city):\n    def g(): return ask('{{city}}').prompt\n    return g()\nsent = f('Rome')", "Rome"),
        ("def f(city):\n    def g(): return ask('{{city}}').prompt, city\n    return g\nsent = f('A')()", ("A", "A")),
        ("def f(city):\n    yield ask('{{city}}').prompt\nsent = next(f('Rome'))", "Rome"),
        ("class C:\n    city = 'Rome'\n    sent = ask('{{city}}').prompt\nsent = C.sent", "Rome"),
        ("class C:\n    def f(self, c): return ask('{{self.x}} {{c}}').prompt\n    x = 1\nsent = C().f('y')", "1 y"),
        ("for city in ('a', 'b'):\n    sent = ask('{{city}}').prompt", "b"),
        ("city = 'Oslo'\nsent = ask('{{city}}', variables={'city': 'Rome'}).prompt", "Rome"),
        ("city = 'Oslo'\nsent = ask('{{city}} {{n}}', variables={'n': 1}).prompt", "Oslo 1"),
        ("city = 'Oslo'\nsent = ''.join(session.stream('{{city}}', seed=1)) and session.last.prompt", "Oslo"),
        ("city = 'Oslo'\nsent = session.request('{{city}}').prompt", "Oslo"),
        ("role = 'a poet'\nsent = ask('Hi', system='You are {{role}}.').request.system", "You are a poet."),
        ("end = 'END'\nsent = ask('Hi', stop_sequences=['{{end}}']).params['stop_sequences']", ["END"]),
        ("role = 'poet'\nsession.configure(system='A {{role}}.')\nsent = ask('Hi').request.system", "A poet."),
        ("sent = ask(r'\\{{city}} and { city } and {city}').prompt", "{{city}} and { city } and {city}"),
        ("page = 'with {{city}} inside'\nsent = ask('{{page}}').prompt", "with {{city}} inside"),
    ],
)  # fmt: skip
def test_a_name_means_what_it_means_in_the_calling_code(session: Session, code: str, expected: object) -> None:
    assert run(session, code) == expected


@pytest.mark.parametrize(
    "code",
    [
        "def f(city): return g()\ndef g(): return ask('{{city}}')\nf('Rome')",
        "def f():\n    ask('{{city}}')\n    city = 1\ncity = 'Oslo'\nf()",
        "class C:\n    city = 'Rome'\n    def f(self): return ask('{{city}}')\nC().f()",
        "class C:\n    city = 'Rome'\n    x = (lambda: ask('{{city}}'))()",
        "def f(city): return lambda: ask('{{city}}')\nf('Rome')()",
        "ask('{{__name__}}')",
        "ask('Hi', system='{{city}}')",
        "ask('Hi', stop_sequences=['{{city}}'])",
        "session.configure(system='{{city}}')",
        "from functools import partial\npartial(ask, '{{city}}')()",
    ],
)
def test_a_name_that_the_calling_code_does_not_see_is_refused(session: Session, code: str) -> None:
    with pytest.raises(PromptError):
        run(session, code)
    assert session.last is None
    assert session.settings == {}


def test_a_refusal_says_how_to_pass_the_value_and_how_to_send_the_braces(session: Session) -> None:
    with pytest.raises(PromptError, match=r"variables=\{\"nobody\": \.\.\.\}, or write .*\\\{\{nobody\}\} to send it"):
        session.ask("Hi {{nobody}}")
    with pytest.raises(PromptError, match=r"did you mean hidden\? If not, pass variables="):
        session.ask("Hi {{hiden}}")


def test_the_module_of_the_caller_comes_last(session: Session) -> None:
    assert sent(session) == "a global city"
    assert sent(session, variables={"city": "Rome"}) == "Rome"


def test_variables_of_a_thread_pool_are_not_those_of_the_user(session: Session) -> None:
    with ThreadPoolExecutor() as pool, pytest.raises(PromptError, match="no variable 'fn'"):
        pool.submit(session.ask, "{{fn}}").result()
    with ThreadPoolExecutor() as pool:
        assert pool.submit(lambda: session.ask("{{city}}")).result().prompt == "a global city"


def test_a_picture_in_a_python_prompt_is_attached_at_its_place(session: Session, tmp_path: Path) -> None:
    from PIL import Image

    note = tmp_path / "note.txt"
    note.write_text("a note")
    figure = Image.new("RGB", (2, 2))
    message = session.request("See {{figure}}!", attach=[note]).messages[-1]
    assert figure.size == (2, 2)
    assert message.text == "See !"
    assert [(part.name, part.at) for part in message.parts] == [("note.txt", 0), ("figure.png", 4)]  # type: ignore[union-attr]


def test_a_value_that_is_cut_is_told(session: Session) -> None:
    lines: list[str] = []
    session.warn = lines.append
    text = "x" * 300_000
    assert len(session.request("{{text}}").prompt) < len(text)
    assert lines == ["text: the first 200,000 of 300,000 characters are sent"]
