"""Whatever object of the user is touched, and wherever it raises: one line, never a traceback."""

from __future__ import annotations

import asyncio
from collections import ChainMap, UserDict
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import claude_nb
from claude_nb import schema
from claude_nb.errors import ClaudeError, PromptError
from claude_nb.guard import attempt, guarded, reason, shown
from claude_nb.prompting import attachments, template
from claude_nb.session import structured, tools
from claude_nb.session.session import Session
from claude_nb.types.content import ToolCall
from tests.helpers.shells import Shell, bare, session, shell

__all__ = ["bare", "session", "shell"]  # fixtures


class Fatal(BaseException):
    """An error of a library that is no Exception, as those of Rust extensions."""


class Unreadable(Exception):
    """An error whose own text raises."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


ERRORS = (ValueError, AttributeError, TypeError, Fatal, SystemExit, RecursionError, asyncio.CancelledError, Unreadable)
METHODS = """
__str__ __repr__ __format__ __len__ __getattr__ __eq__ __ne__ __lt__ __hash__ __bool__ __iter__ __contains__
__getitem__ __call__ __index__ __float__ __int__ __dir__ __dataframe__ __arrow_c_stream__ __array__ __fspath__ to_csv
tolist _repr_png_ _repr_html_ _repr_mimebundle_ keys items __next__ __reversed__ __await__
"""
PROPERTIES = """
__class__ __dict__ __doc__ __name__ __wrapped__ __origin__ __metadata__ __annotations__ __module__ __self__ shape
columns dtype item figure data iloc a
"""
ALL = frozenset(f"{METHODS} {PROPERTIES}".split())


def hostile(names: frozenset[str], error: type[BaseException]) -> Any:
    """An object that raises when one of its methods or properties of these names is used."""

    def fails(*_: Any, **__: Any) -> Any:
        raise error("first\nsecond")

    members = {name: fails if name in METHODS.split() else property(fails) for name in names}
    return type("Hostile", (), members)()


def error_of(action: Callable[[], object]) -> str:
    """The text of a deliberate error; "" after a result."""
    try:
        action()
    except ClaudeError as error:
        return str(error)
    return ""


def column(kind: Any, value: Any) -> Any:
    """A column that holds an object, or the object itself if the library does not take it."""
    cells = np.empty(1, dtype=object)
    cells[0] = value
    return attempt(lambda: kind(cells), value)


PLACES: dict[str, Callable[[Any, Session], object]] = {
    "value": lambda x, _: template.fill("{{x}}", {"x": x}),
    "value with pictures": lambda x, _: template.fill("{{x}}", {"x": x}, pictures=True),
    "attribute": lambda x, _: template.fill("{{x.a}}", {"x": x}),
    "item": lambda x, _: template.fill("{{x[0]}} {{x['a']}}", {"x": x}),
    "in a list": lambda x, _: template.fill("{{x}}", {"x": [x, {"a": x}]}),
    "key": lambda x, _: template.fill("{{x}}", {"x": {id(x): (x,)}}),
    "in a frame": lambda x, _: template.fill("{{x}}", {"x": column(pd.Series, x)}),
    "in a frame of polars": lambda x, _: template.fill("{{x}}", {"x": column(pl.Series, x)}),
    "attached": lambda x, _: attachments.gather([x]),
    "attached alone": lambda x, _: attachments.gather(x),
    "attached frame": lambda x, _: attachments.gather(column(pd.Series, x)),
    "tool": lambda x, _: tools.toolbox([x]),
    "tools": lambda x, _: tools.toolbox(x),
    "schema": lambda x, _: structured.names_schema("x", {"x": x}) or schema.of(int),
    "instance": lambda x, _: schema.build({"a": 1}, x),
    "prompt": lambda x, s: s.request(x, provider="demo"),
    "json": lambda x, s: s.request("Hi", provider="demo", json=x),
    **{
        name: lambda x, s, name=name: s.request("Hi", **{"provider": "demo", name: x})  # type: ignore[misc]
        for name in (
            "temperature",
            "top_k",
            "stop_sequences",
            "thinking",
            "effort",
            "system",
            "attach",
            "tools",
            "model",
        )
    },
    "default": lambda x, s: s.configure(temperature=x),
    "sweep value": lambda x, s: swept(s, v=[x, 1]),
    "sweep setting": lambda x, s: swept(s, v=1, temperature=[x, 1]),
    "sweep constant": lambda x, s: swept(s, v=x),
    "check result": lambda x, s: swept(s, v=1, check=lambda _: x),
    "check": lambda x, s: swept(s, v=1, check=x),
    "rule": lambda x, s: claude_nb.check("Hi", x, n=1, provider="demo", session=s),
    "rule result": lambda x, s: claude_nb.check("Hi", lambda _: x, n=1, provider="demo", session=s),
    "best": lambda x, s: swept(s, v=1).best(x),
    "best result": lambda x, s: swept(s, v=1).best(lambda _: x),
}


def swept(session: Session, check: Any = None, **values: Any) -> Any:
    result = claude_nb.sweep("{{v}}", n=1, provider="demo", session=session, show=False, check=check, **values)
    repr(result)
    result._repr_mimebundle_()
    repr(result.rows)
    result.rows._repr_html_()
    result.to_pandas()
    repr(result.summary())
    result.where(v=values["v"])
    return result


# Objects are made inside the tests, because pytest and Hypothesis would show them.
@pytest.mark.parametrize("place", PLACES)
@given(names=st.frozensets(st.sampled_from(sorted(ALL)), min_size=1), error=st.sampled_from(ERRORS))
@example(names=frozenset(METHODS.split()), error=ValueError)
@example(names=frozenset(PROPERTIES.split()), error=Fatal)
@example(names=ALL, error=Unreadable)
@example(names=ALL - {"__getattr__", "__class__"}, error=AttributeError)
@example(names=frozenset({"__str__", "__repr__"}), error=SystemExit)
@example(names=frozenset({"__class__"}), error=ValueError)
@example(names=frozenset({"__hash__", "__eq__", "__bool__"}), error=Fatal)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_object_that_raises_anywhere_gives_one_line(
    place: str, session: Session, names: frozenset[str], error: type[BaseException]
) -> None:
    said = error_of(lambda: PLACES[place](hostile(names, error), session))
    assert "\n" not in said
    assert len(said) < 1000


@pytest.mark.parametrize("error", ERRORS)
def test_a_tool_that_gives_such_an_object_tells_the_model(error: type[BaseException]) -> None:
    for names in ({"__str__", "__repr__"}, {"__class__"}, {"__await__"}, ALL):
        given = hostile(frozenset(names), error)

        def tool(unused: Any = given) -> Any:
            return given  # noqa: B023  # it is called in this round of the loop

        box = tools.toolbox([tool], yes=True)
        assert box
        result = box.call(ToolCall("1", "tool", "{}")).result
        assert "\n" not in result.text or not result.failed


@pytest.mark.parametrize(
    "cell",
    [
        "%claude -m demo {{x}}",
        "%claude -m demo {{x.a}} {{y}}",
        "%%claude -m demo -a {{x}}\nHi",
        "%%claude -m demo -s {{x}}\nHi",
        "%claude -m demo --json x Hi",
        "%claude -m demo --tools x Hi",
        "%%claude -m demo --sweep 'v=1 n=1'\nHi {{x}} {{v}}",
        "%%claude -m demo --context 2\nHi",
    ],
)
@pytest.mark.parametrize("error", [ValueError, Fatal, SystemExit, Unreadable])
def test_a_cell_shows_one_line_for_such_an_object(shell: Shell, cell: str, error: type[BaseException]) -> None:
    for names in ({"__str__", "__repr__"}, {"__class__"}, ALL):
        shell.vars.update(x=hostile(frozenset(names), error), y=[1])
        shell.ip.user_ns["Out"][1] = shell.vars["x"]
        printed = shell.run(cell)
        assert "Traceback" not in printed
        assert "Hostile" not in printed or "Error" in printed


def test_the_user_can_still_stop_an_object() -> None:
    def stopped(*_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        guarded("x", stopped)
    with pytest.raises(KeyboardInterrupt):
        attempt(stopped, None)


def test_a_deliberate_error_passes_the_guard_unchanged() -> None:
    def refuses() -> None:
        raise PromptError("write it like this")

    with pytest.raises(PromptError, match=r"^write it like this$"):
        guarded("x", refuses)


def test_the_reason_is_one_line_of_bounded_length() -> None:
    assert reason(ValueError("a\n\nb")) == "ValueError: a b"
    assert reason(ValueError()) == "ValueError"
    assert reason(Unreadable()) == "Unreadable"
    assert len(reason(ValueError("x" * 10**6))) == 200
    assert reason(ValueError("\x1b[2J")) == "ValueError: ␛[2J"


def test_a_value_in_a_message_is_shown_even_if_it_raises() -> None:
    class Meta(type):
        @property
        def __name__(cls) -> str:  # type: ignore[override]
            raise ValueError("no name")

    class Odd(metaclass=Meta):
        def __repr__(self) -> str:
            raise Fatal

    assert shown(Odd()) == "<Odd>"
    assert shown("x" * 100) == "'" + "x" * 58 + "…"


class Odd(str):
    """A string of a library that overrides how it is read."""

    def __str__(self) -> str:
        return "other"

    def __getitem__(self, _: Any) -> str:
        raise RuntimeError("cannot be cut")

    strip = split = replace = encode = lower = __getitem__  # type: ignore[assignment]  # what a lazy string may raise


def test_a_string_of_a_library_is_sent_as_its_characters(session: Session, tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("content")
    options: dict[str, Any] = {"system": Odd("brief"), "stop_sequences": [Odd("end")], "model": Odd("demo")}
    request = session.request(Odd("Why?"), provider="demo", attach=Odd(file), chat=Odd("talk"), **options)
    assert request.messages[-1].text == "Why?"
    assert (request.system, request.sampling.stop_sequences, request.model) == ("brief", ("end",), "demo")
    for value in (request.system, request.model, request.messages[-1].text):
        assert type(value) is str


class Folder:
    """A path of a library; its text is bytes, as on file systems without an encoding."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __fspath__(self) -> bytes:
        return bytes(self.path)


def test_a_path_of_bytes_is_a_path(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("content")
    assert attachments.gather(Folder(file)).attachments[0].bytes == b"content"


class Broken(Mapping[str, Any]):
    """A mapping that raises wherever it is read."""

    def __getitem__(self, _: str) -> Any:
        raise RuntimeError("not here")

    def __iter__(self) -> Any:
        raise RuntimeError("not here")

    def __len__(self) -> int:
        return 1


@pytest.mark.parametrize("variables", [Broken(), "x", 5, [1], {1: 2}, {"y": 1}], ids=lambda value: type(value).__name__)
def test_variables_that_are_no_variables_are_one_line(session: Session, variables: Any) -> None:
    with pytest.raises(PromptError, match=r"^(variables: |no variable 'x')") as caught:
        session.request("{{x}}", provider="demo", variables=variables)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("variables", [ChainMap({"x": 3}), UserDict(x=3), MappingProxyType({"x": 3, 1: 2})], ids=repr)
def test_any_mapping_has_variables(session: Session, variables: Any) -> None:
    assert session.request("{{x}}", provider="demo", variables=variables).messages[-1].text == "3"


@pytest.mark.parametrize("chat", [5, True, ["a"], np.float32(1), b"a", np.array([1, 2])], ids=repr)
def test_the_name_of_a_conversation_is_a_text(session: Session, chat: Any) -> None:
    for ask in (session.request, session.ask, session.stream):
        with pytest.raises(PromptError, match="chat must be a string, not"):
            ask("Hi", provider="demo", chat=chat)
