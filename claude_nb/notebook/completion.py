"""Tab completion of options and slash commands, and of the names that options take: models, functions, classes ..."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from inspect import isclass, isfunction
from typing import Any

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult
from IPython.core.getipython import get_ipython

from claude_nb.notebook.commands import COMMANDS
from claude_nb.providers import registry
from claude_nb.session import options
from claude_nb.session.default import default_session
from claude_nb.session.session import Session
from claude_nb.types.settings import EFFORTS


def words_for(before: str, magic: str, session: Session, variables: Mapping[str, Any] | None = None) -> list[str]:
    """What may stand at the cursor, from the line before it: "%claude --top" -> ["--top-p", "--top-k"].

    variables  those of the notebook, for options that take their names
    """
    found = re.search(rf"(?:^|[\s=])%%?{re.escape(magic)}\s+(.*)$", before)
    if not found:
        return []
    typed = found.group(1)
    *earlier, word = typed.split(" ")
    previous = earlier[-1] if earlier else ""
    if not earlier and word.startswith("/"):
        return _starting(word, (f"/{name}" for name in COMMANDS))
    if typed.startswith(("/set ", "/unset ")):
        return _starting(word, (knob.name for knob in options.SETTINGS))
    if typed.startswith("/reset "):
        return _starting(word, session.conversations)
    if word.startswith("-"):
        return _starting(word, (flag for knob in options.OPTIONS for flag in knob.flags if flag.startswith("--")))
    return _starting(word, _values(previous, word, session, variables or {}))


def _values(flag: str, word: str, session: Session, variables: Mapping[str, Any]) -> Iterable[str]:
    """What an option takes; nothing for one that takes any text."""
    if flag in ("-m", "--model"):
        return models(session)
    if flag in ("-p", "--provider"):
        return registry.PROVIDERS
    if flag in ("-c", "--chat"):
        return session.conversations
    if flag == "--effort":
        return EFFORTS
    own = ((name, value) for name, value in variables.items() if not name.startswith("_"))
    if flag == "--tools":
        before = word[: word.rfind(",") + 1]
        return (before + name for name, value in own if isfunction(value))
    return (name for name, value in own if _is_form(value)) if flag == "--json" else ()


def _is_form(value: object) -> bool:
    """A class with annotated fields: a dataclass, TypedDict, NamedTuple or pydantic model."""
    return isclass(value) and bool(getattr(value, "__annotations__", None))


def models(session: Session) -> Iterable[str]:
    """Aliases and ids, for the provider that would be asked first."""
    name = registry.choose({}, session.settings, session.credentials).provider.name
    specs = list(session.models.table.values())
    aliases = [alias for spec in specs for alias in spec.aliases]
    return [*aliases, *(spec.ids[name] for spec in specs if name in spec.ids)]


def complete(context: CompletionContext, magic: str) -> SimpleMatcherResult:
    """What IPython shows when Tab is pressed."""
    before = context.full_text[: _offset(context)].rpartition("\n")[2]
    words = words_for(before, magic, default_session(), _own_variables())
    return SimpleMatcherResult(
        completions=[SimpleCompletion(text=word, type="magic") for word in words],
        matched_fragment=before.rpartition(" ")[2],
        suppress=bool(words),
        do_not_suppress=set(),
        ordered=True,
    )


def _own_variables() -> dict[str, Any]:
    """What the user has defined; IPython puts names of its own beside it, such as a function open()."""
    shell = get_ipython()
    if shell is None:
        return {}
    return {name: value for name, value in shell.user_ns.items() if name not in shell.user_ns_hidden}


def _offset(context: CompletionContext) -> int:
    lines = context.full_text.split("\n")
    return sum(len(line) + 1 for line in lines[: context.cursor_line]) + context.cursor_position


def _starting(word: str, choices: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(choice for choice in choices if choice.startswith(word) and choice != word))
