"""%load_ext claude_nb: register the magic, its line syntax and its completion.

Everything else is imported on first use.
"""

from __future__ import annotations

import os
import re
import tokenize
from collections.abc import Callable
from functools import cached_property
from keyword import iskeyword
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

from IPython.core.completer import CompletionContext, SimpleMatcherResult, context_matcher
from IPython.core.inputtransformer2 import (
    TokenTransformBase,
    TransformerManager,
    assemble_continued_line,
    find_end_of_continued_line,
)
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import no_var_expand

if TYPE_CHECKING:
    from claude_nb.notebook.context import DisplayedImages
    from claude_nb.notebook.magic import ClaudeMagic

_LAYOUT = (tokenize.INDENT, tokenize.DEDENT, tokenize.NL)
_LINE = re.compile(r"[^\r\n]+(?:\r\n|\n|\r)?|\r\n|\n|\r")
_loaded: WeakKeyDictionary[InteractiveShell, _Loaded] = WeakKeyDictionary()


class _Loaded(NamedTuple):
    """The names and hooks that load() has registered in a shell."""

    name: str
    magic: Any
    matcher: Any
    transformers: list[tuple[list[Any], Any]]  # each with the list of the shell that holds it


class _Magic:
    """%claude and %%claude of one shell, as IPython calls them."""

    def __init__(self, shell: InteractiveShell, name: str) -> None:
        self.shell = shell
        self.name = name

    @property
    def __doc__(self) -> str:  # type: ignore[override]  # "%claude?" shows it, so it is made when it is read
        from claude_nb.notebook.arguments import help_text

        return help_text(self.name)

    @cached_property
    def magic(self) -> ClaudeMagic:
        from claude_nb.notebook.magic import ClaudeMagic
        from claude_nb.session.default import default_session

        return ClaudeMagic(self.shell, default_session(), self.name, self.images)

    @cached_property
    def images(self) -> DisplayedImages:
        from claude_nb.notebook.context import DisplayedImages

        return DisplayedImages(lambda: len(self.shell.user_ns["In"]) - 1)

    def on_display(self, message: dict[str, Any]) -> dict[str, Any]:
        """Remember what a cell displays.

        The kernel calls this before it sends the message.
        """
        return self.images(message)

    def __call__(self, line: str, cell: str | None = None) -> Any:
        return self.magic(line, cell)


def load(shell: InteractiveShell) -> None:
    """Register everything.

    If another magic has the name, it is NAME_nb, and a line says so.
    """
    unload(shell)
    name = os.environ.get("CLAUDE_NB_MAGIC", "").strip() or "claude"
    if not name.isidentifier():
        from claude_nb.errors import ConfigError

        raise ConfigError(f"CLAUDE_NB_MAGIC={name} cannot be the name of a magic; use letters, digits and underscores")
    table = shell.magics_manager.magics
    if owner := table["line"].get(name) or table["cell"].get(name):
        taken, name = name, f"{name}_nb"
        module = getattr(owner, "__module__", type(owner).__module__)
        from claude_nb.render.chars import write_out

        write_out(f"%{taken} belongs to {module}; use %%{name}, or choose a name with CLAUDE_NB_MAGIC=NAME\n")
    # IPython would expand {x} and $x in the line. The template fills {{x}} only.
    magic = no_var_expand(_Magic(shell, name))
    if hasattr(shell.display_pub, "register_hook"):  # in a kernel, not in a terminal
        shell.display_pub.register_hook(magic.on_display)
    table["line"][name] = table["cell"][name] = magic
    transformers = add_transformers(shell.input_transformer_manager, name)
    matcher = _matcher(name)
    shell.Completer.custom_matchers.append(matcher)
    _loaded[shell] = _Loaded(name, magic, matcher, transformers)


def unload(shell: InteractiveShell) -> None:
    """Remove everything that load() registered."""
    if shell not in _loaded:
        return
    name, magic, matcher, transformers = _loaded.pop(shell)
    for registered, transformer in transformers:
        registered.remove(transformer)
    shell.Completer.custom_matchers.remove(matcher)
    if hasattr(shell.display_pub, "unregister_hook"):
        shell.display_pub.unregister_hook(magic.on_display)
    for kind in ("line", "cell"):
        if shell.magics_manager.magics[kind].get(name) is magic:  # somebody may have replaced it since
            del shell.magics_manager.magics[kind][name]


def _matcher(name: str) -> Any:
    @context_matcher()  # type: ignore[untyped-decorator]  # IPython's decorator has no types
    def claude_matcher(context: CompletionContext) -> SimpleMatcherResult:
        from claude_nb.notebook.completion import complete

        return complete(context, name)

    return claude_matcher


def add_transformers(manager: TransformerManager, name: str) -> list[tuple[list[Any], Any]]:
    """Register what brings a prompt to the magic as it was typed. Returns each transformer with the list it is in."""
    cell, line = cell_transformer(name), line_transformer(name)
    manager.cleanup_transforms.insert(0, cell)  # before IPython removes >>>, In [1]: and indentation from the prompt
    manager.line_transforms.append(_physical_lines)
    manager.token_transformers.append(line)
    return [
        (manager.cleanup_transforms, cell),
        (manager.line_transforms, _physical_lines),
        (manager.token_transformers, line),
    ]


def cell_transformer(name: str) -> Callable[[list[str]], list[str]]:
    """Return a transformer for "%%name" cells that leaves the prompt as it was typed.

    Blank lines, comments and other cell magics may stand above the first line.
    """
    end = r"(?:\r\n|\n|\r(?!\n))"  # read in one way only, or a failure takes a time that doubles with each line
    above = rf"[^\S\r\n]*(?:#[^\r\n]*)?{end}"
    magic = re.compile(
        rf"(?:{above})*[^\S\r\n]*(?=%)(?=(?:%%\w[^\r\n]*{end}|{above})*%%{name}(?!\S))%%(\w+)([^\r\n]*){end}?"
    )

    def prompt_cell(lines: list[str]) -> list[str]:
        cell = "".join(lines)
        found = magic.match(cell) if f"%%{name}" in cell else None
        if not found:
            return lines
        first, line, body = found[1], found[2].strip(), cell[found.end() :]
        return [f"get_ipython().run_cell_magic({first!r}, {line!r}, {body!r})\n"]

    prompt_cell.has_side_effects = True  # type: ignore[attr-defined]  # a terminal then waits for the end of the cell
    return prompt_cell


def _physical_lines(lines: list[str]) -> list[str]:
    """Join what IPython took for lines: str.splitlines() also splits at characters such as a form feed."""
    return _LINE.findall("".join(lines))


def line_transformer(name: str) -> type[TokenTransformBase]:
    """Return a transformer for "%name ..." lines.

    It runs before IPython's help syntax, so that a prompt may end in a question mark:

    %claude Why?        becomes get_ipython().run_line_magic('claude', 'Why?'); its value is not shown a second time
    r = %claude Why?    keeps the value: r is the Reply. The same after return, a colon and whatever else needs a value
    %claude?            stays as it is: IPython shows the help of the magic
    """

    class PromptLine(TokenTransformBase):
        priority = 3  # before IPython's help (5) and its own magic lines (10)

        def __init__(self, start: tuple[int, int], magic: tuple[int, int], is_statement: bool) -> None:
            super().__init__(start)  # type: ignore[no-untyped-call]  # IPython has no types here
            self.magic = magic
            self.is_statement = is_statement

        @classmethod
        def find(cls, tokens_by_line: list[list[Any]]) -> PromptLine | None:
            for line in tokens_by_line:
                tokens = [token for token in line if token.type not in _LAYOUT]
                for i in range(len(tokens) - 1):
                    sign, word = tokens[i : i + 2]
                    if sign.string != "%" or word.string != name or sign.end != word.start:
                        continue
                    if [token.string for token in tokens[:i]] == ["%"]:
                        raise SyntaxError(f"%%{name} must be the first line of its cell; move the code above it away")
                    # A prompt is not Python, so its tokens mean nothing; transform() reads the text.
                    if _value_expected(tokens[:i]) and word.line[word.end[1] :][:1].isspace():
                        row, column = sign.start
                        return cls(tokens[0].start, (row - 1, column), i == 0 or tokens[i - 1].string == ";")
                    break
            return None

        def transform(self, lines: list[str]) -> list[str]:
            row, column = self.magic
            last = find_end_of_continued_line(lines, row)
            prompt = assemble_continued_line(lines, self.magic, last)[len(name) + 1 :].strip()
            if not prompt:
                raise SyntaxError("no prompt")  # makes IPython try its own syntax
            call = f"get_ipython().run_line_magic({name!r}, {prompt!r})"
            expression = f"({call}, None)[1]" if self.is_statement else call
            return [*lines[:row], f"{lines[row][:column]}{expression}\n", *lines[last + 1 :]]

    return PromptLine


def _value_expected(tokens: list[Any]) -> bool:
    """Return whether a value may follow these tokens of a line, so that "%" is not a sign of arithmetic.

    Inside brackets it may not: a prompt goes to the end of its line.
    """
    signs = [token.string for token in tokens]
    if sum(map(signs.count, "([{")) != sum(map(signs.count, ")]}")):
        return False
    if not tokens:
        return True
    word = signs[-1]
    if tokens[-1].type == tokenize.OP:
        return word not in (")", "]", "}", "...")
    return iskeyword(word) and word not in ("None", "True", "False")
