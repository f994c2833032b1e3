"""%load_ext claude_nb: names, line syntax and completion are registered; the rest is imported at first use."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from IPython.core.completer import CompletionContext, SimpleMatcherResult, context_matcher
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import no_var_expand

from claude_nb.errors import ConfigError
from claude_nb.notebook.lines import line_transformer
from claude_nb.notebook.shown import DisplayedImages
from claude_nb.providers.credentials import Credentials

if TYPE_CHECKING:
    from claude_nb.notebook.magic import ClaudeMagic

_loaded: WeakKeyDictionary[InteractiveShell, tuple[str, Any, Any, Any]] = WeakKeyDictionary()


class _Magic:
    """%claude and %%claude of one shell, as IPython calls them."""

    def __init__(self, shell: InteractiveShell, name: str) -> None:
        self.shell = shell
        self.name = name
        self.shown = DisplayedImages(lambda: len(shell.user_ns["In"]) - 1)
        self._magic: ClaudeMagic | None = None

    @property
    def __doc__(self) -> str:  # type: ignore[override]  # what "%claude?" shows, made when it is asked for
        from claude_nb.notebook.arguments import help_text

        return help_text(self.name)

    def __call__(self, line: str, cell: str | None = None) -> Any:
        if self._magic is None:
            from claude_nb.notebook.magic import ClaudeMagic
            from claude_nb.session.default import default_session

            self._magic = ClaudeMagic(self.shell, default_session(), self.name, self.shown)
        return self._magic(line, cell)


def load(shell: InteractiveShell) -> None:
    """Register everything; says so when the name is taken."""
    unload(shell)
    name = Credentials().setting("MAGIC") or "claude"
    if not name.isidentifier():
        raise ConfigError(f"CLAUDE_NB_MAGIC={name} cannot be the name of a magic; use letters, digits and underscores")
    table = shell.magics_manager.magics
    if owner := table["line"].get(name) or table["cell"].get(name):
        taken, name = name, f"{name}_nb"
        where = getattr(owner, "__module__", type(owner).__module__)
        sys.stdout.write(
            f"%{taken} belongs to {where}; this one answers to %%{name} (CLAUDE_NB_MAGIC=NAME chooses another)\n"
        )
    # IPython would expand {x} and $x on the line; filling is the template's, and takes {{x}} only.
    magic = no_var_expand(_Magic(shell, name))
    if hasattr(shell.display_pub, "register_hook"):  # a kernel's
        shell.display_pub.register_hook(magic.shown)
    table["line"][name] = table["cell"][name] = magic
    transformer = line_transformer(name)
    shell.input_transformer_manager.token_transformers.append(transformer)
    matcher = _matcher(name)
    shell.Completer.custom_matchers.append(matcher)
    _loaded[shell] = (name, magic, transformer, matcher)


def unload(shell: InteractiveShell) -> None:
    """Take back everything that load() registered."""
    if shell not in _loaded:
        return
    name, magic, transformer, matcher = _loaded.pop(shell)
    shell.input_transformer_manager.token_transformers.remove(transformer)
    shell.Completer.custom_matchers.remove(matcher)
    if hasattr(shell.display_pub, "unregister_hook"):
        shell.display_pub.unregister_hook(magic.shown)
    for kind in ("line", "cell"):
        if shell.magics_manager.magics[kind].get(name) is magic:  # not what somebody put in its place since
            del shell.magics_manager.magics[kind][name]


def _matcher(name: str) -> Any:
    @context_matcher()  # type: ignore[untyped-decorator]  # IPython's decorator has no types
    def claude_matcher(context: CompletionContext) -> SimpleMatcherResult:
        from claude_nb.notebook.completion import complete

        return complete(context, name)

    return claude_matcher
