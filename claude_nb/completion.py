"""Tab completion of options, model names, provider names, conversations and slash commands."""

from __future__ import annotations

import re
from collections.abc import Iterable

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult

from claude_nb import knobs, providers
from claude_nb.commands import COMMANDS
from claude_nb.session import Session
from claude_nb.shared import default_session
from claude_nb.values import EFFORTS


def words_for(before: str, magic: str, session: Session) -> list[str]:
    """What may stand at the cursor, from the line before it: "%claude --top" -> ["--top-p", "--top-k"]."""
    found = re.search(rf"(?:^|[\s=])%%?{re.escape(magic)}\s+(.*)$", before)
    if not found:
        return []
    typed = found.group(1)
    *earlier, word = typed.split(" ")
    previous = earlier[-1] if earlier else ""
    if not earlier and word.startswith("/"):
        return _starting(word, (f"/{name}" for name in COMMANDS))
    if typed.startswith(("/set ", "/unset ")):
        return _starting(word, (knob.name for knob in knobs.SETTINGS))
    if typed.startswith("/reset "):
        return _starting(word, session.conversations)
    if word.startswith("-"):
        return _starting(word, (flag for knob in knobs.KNOBS for flag in knob.flags if flag.startswith("--")))
    values = {"-m": models, "--model": models, "-p": provider_names, "--provider": provider_names}
    values |= {"-c": chats, "--chat": chats}
    values["--effort"] = efforts
    return _starting(word, values[previous](session)) if previous in values else []


def models(session: Session) -> Iterable[str]:
    """Aliases and ids, for the provider that would be asked first."""
    name = providers.choose({}, session.settings, session.credentials).provider.name
    specs = list(session.models.table.values())
    aliases = [alias for spec in specs for alias in spec.aliases]
    return [*aliases, *(spec.ids[name] for spec in specs if name in spec.ids)]


def efforts(_: Session) -> Iterable[str]:
    return EFFORTS


def provider_names(_: Session) -> Iterable[str]:
    return list(providers.PROVIDERS)


def chats(session: Session) -> Iterable[str]:
    return list(session.conversations)


def complete(context: CompletionContext, magic: str) -> SimpleMatcherResult:
    """What IPython shows when Tab is pressed."""
    before = context.full_text[: _offset(context)].rpartition("\n")[2]
    words = words_for(before, magic, default_session())
    return SimpleMatcherResult(
        completions=[SimpleCompletion(text=word, type="magic") for word in words],
        matched_fragment=before.rpartition(" ")[2],
        suppress=bool(words),
        do_not_suppress=set(),
        ordered=True,
    )


def _offset(context: CompletionContext) -> int:
    lines = context.full_text.split("\n")
    return sum(len(line) + 1 for line in lines[: context.cursor_line]) + context.cursor_position


def _starting(word: str, choices: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(choice for choice in choices if choice.startswith(word) and choice != word))
