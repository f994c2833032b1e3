"""Tab completion of slash commands, options and their values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from inspect import isclass, isfunction
from typing import Any

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult
from IPython.core.getipython import get_ipython

from claude_nb.notebook.commands import COMMANDS
from claude_nb.providers import registry
from claude_nb.providers.local import catalog
from claude_nb.session import options
from claude_nb.session.default import default_session
from claude_nb.session.session import Session
from claude_nb.types.settings import EFFORTS


def words_for(before: str, magic: str, session: Session, variables: Mapping[str, Any] | None = None) -> list[str]:
    """Return the words that can complete a line.

    words_for("%claude --top", "claude", session) -> ["--top-p", "--top-k"]

    before     the line up to the cursor
    variables  of the notebook, for options that take their names
    """
    line = before.rpartition("\n")[2]
    found = re.search(rf"(?:^|[\s=])%%?{re.escape(magic)}\s", line)
    if not found:
        return []
    text = line[found.end() :].lstrip()
    *earlier, word = text.split(" ")
    if not earlier and word.startswith("/"):
        words: Iterable[str] = (f"/{name}" for name in COMMANDS)
    elif text.startswith(("/set ", "/unset ")):
        words = (option.name for option in options.SETTINGS)
    elif text.startswith("/reset "):
        words = session.conversations
    elif word.startswith("-"):
        words = (flag for option in options.OPTIONS for flag in option.flags if flag.startswith("--"))
    else:
        words = _values(earlier[-1] if earlier else "", word, session, variables or {})
    return list(dict.fromkeys(choice for choice in words if choice.startswith(word) and choice != word))


def _values(flag: str, word: str, session: Session, variables: Mapping[str, Any]) -> Iterable[str]:
    """Return the values of an option; nothing for one that takes any text."""
    if flag in ("-m", "--model"):
        return _models(session)
    if flag in ("-p", "--provider"):
        return registry.PROVIDERS
    if flag in ("-c", "--chat"):
        return session.conversations
    if flag == "--effort":
        return EFFORTS
    public = ((name, value) for name, value in variables.items() if not name.startswith("_"))
    if flag == "--tools":
        before = word[: word.rfind(",") + 1]
        return (before + name for name, value in public if isfunction(value))
    return (name for name, value in public if _has_schema(value)) if flag == "--json" else ()


def _has_schema(value: object) -> bool:
    """Return True for a class with annotated fields.

    That is a dataclass, TypedDict, NamedTuple or pydantic model.
    """
    return isclass(value) and bool(getattr(value, "__annotations__", None))


def _models(session: Session) -> Iterable[str]:
    """Return all aliases, and the model ids of the default provider."""
    name = session.config.target({}).provider.name
    specs = [spec for spec in session.models.table.values() if not spec.restricted]
    meanings = [session.models.aliases(provider) for provider in (name, *registry.PROVIDERS)]
    aliases = [alias for words in meanings for alias, spec in words.items() if not spec.restricted]
    ids = [model_id for spec in specs for model_id in (spec.ids.get(name), *spec.other_ids.get(name, ())) if model_id]
    return [*aliases, *ids, *catalog.others()]


def complete(context: CompletionContext, magic: str) -> SimpleMatcherResult:
    """Return what IPython offers when Tab is pressed."""
    before = context.text_until_cursor
    words = words_for(before, magic, default_session(), _user_variables())
    return SimpleMatcherResult(
        completions=[SimpleCompletion(text=word, type="magic") for word in words],
        matched_fragment=before.rpartition(" ")[2],
        suppress=bool(words),
        do_not_suppress=set(),
        ordered=True,
    )


def _user_variables() -> dict[str, Any]:
    """Return what the user has defined.

    IPython adds names of its own, such as a function open(). They are left out.
    """
    shell = get_ipython()
    if shell is None:
        return {}
    return {name: value for name, value in shell.user_ns.items() if name not in shell.user_ns_hidden}
