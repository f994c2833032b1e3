"""Syntax colours in few bytes: five colours, taken from the theme if there is one."""

from __future__ import annotations

from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pygments.lexer import Lexer

LONGEST = 20_000  # characters; a longer block is not coloured

# JupyterLab's name for the colour, and a tone readable on white and on #111111.
COLOURS = {
    "c": ("comment", "#767676"),
    "k": ("keyword", "#2e7dbd"),
    "s": ("string", "#b8573c"),
    "n": ("number", "#22863a"),
    "f": ("def", "#8a63d2"),
}
PALETTE = ";".join(f"--{x}:var(--jp-mirror-editor-{name}-color,{tone})" for x, (name, tone) in COLOURS.items())

# Only common lexers, because some rare ones take exponential time on hostile text.
_LANGUAGES = """
    bash c c# c++ clojure cmake console cpp cs csharp css csv cuda diff docker dockerfile elixir erlang fortran go
    golang graphql haskell hcl html http ini ipython java javascript jinja js json jsonc jsx julia kotlin latex less
    lisp lua make makefile matlab nginx objective-c ocaml octave perl php postgresql powershell protobuf ps1 py
    pycon pytb python python3 r rb rs ruby rust sass scala scheme scss sh shell sql sqlite swift terraform tex toml
    ts tsx typescript vb verilog vhdl xml yaml yml zig zsh
"""


@cache
def _lexer(language: str) -> Lexer | None:
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        return get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:  # an older Pygments knows fewer
        return None


@cache
def _colour(kind: Any) -> str:
    """Return the letter of a token type's colour; "" for the colour of text."""
    from pygments.token import Comment, Generic, Keyword, Name, Number, Operator, String

    table = (
        ("c", (Comment, Generic.Output)),
        ("k", (Keyword, Operator.Word, Name.Tag, Generic.Deleted)),
        ("s", (String, Generic.Inserted)),
        ("n", (Number,)),
        ("f", (Name.Function, Name.Class, Name.Decorator, Name.Attribute)),
    )
    return next((letter for letter, kinds in table if any(kind in parent for parent in kinds)), "")


def coloured(code: str, language: str) -> str | None:
    """Return code as HTML with colours; None if the language is unknown or the code is too long or damaged."""
    language = language.lower()
    lexer = _lexer(language) if language in _LANGUAGES.split() and len(code) <= LONGEST else None
    if lexer is None:
        return None
    try:
        tokens = list(lexer.get_tokens(code))
    except Exception:  # noqa: BLE001  # a lexer that fails costs the colours, not the reply
        return None
    if "".join(value for _, value in tokens) != code:
        return None
    runs: list[tuple[str, list[str]]] = []
    for kind, value in tokens:
        colour = runs[-1][0] if runs and value.isspace() else _colour(kind)
        if runs and runs[-1][0] == colour:
            runs[-1][1].append(value)
        else:
            runs.append((colour, [value]))
    return "".join(_span(colour, escape("".join(values), quote=False)) for colour, values in runs)


def _span(colour: str, html: str) -> str:
    return f'<span style="color:var(--{colour})">{html}</span>' if colour else html
