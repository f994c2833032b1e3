"""State and defaults of the session.

/set /unset /chats /reset, and %claude alone
"""

from __future__ import annotations

from claude_nb.errors import PromptError
from claude_nb.notebook import arguments
from claude_nb.notebook.commands.command import Command, Invocation
from claude_nb.notebook.commands.usage import totals_line
from claude_nb.render.chars import counted, one_line
from claude_nb.session import options
from claude_nb.session.request_builder import no_key_line
from claude_nb.session.session import Session


def state(session: Session) -> str:
    """Return the state that %claude alone shows.

    It is the provider, model, key and defaults of the next call, and what the session has used.
    """
    provider, model, base_url, chosen = session.config.target({})
    key = session.credentials.find(provider.owner, base_url)
    defaults = ", ".join(f"{k}={v!r}" for k, v in session.settings.items() if k not in ("provider", "model"))
    rows = [
        ("provider", provider.name + (f" ({no_key_line()})" if provider.name == "demo" and not chosen else "")),
        ("model", session.models.resolve(model, provider.name) if model else "not set; add -m NAME"),
        ("key", f"from {key.found}" if key else "not found" if provider.needs_key else "not needed"),
        ("defaults", defaults or "those of the model"),
        ("session", totals_line(session.totals)),
    ]
    lines = [f"{name:<9} {value}" for name, value in rows]
    return "\n".join([*lines, "use %claude /help to list the commands, and %claude -h to list the options"])


def _set(call: Invocation) -> str:
    settings = call.session.settings
    if not call.text:
        return "\n".join(f"{name}={value!r}" for name, value in settings.items()) or "no defaults are set"
    chosen = [(options.find(name), text) for name, text in arguments.pairs(call.text)]
    values = {option.name: options.read(option, text) for option, text in chosen}
    call.session.configure(**values)
    return ", ".join(f"{name}={call.session.settings[name]!r}" for name in values)


def _unset(call: Invocation) -> str:
    names = [options.find(word).name for word in call.text.replace(",", " ").split()]
    if not names:
        raise PromptError("no option is given; name what to unset: %claude /unset temperature")
    call.session.configure(**dict.fromkeys(names))
    return f"unset: {', '.join(names)}"


def _chats(call: Invocation) -> str:
    lines = []
    for chat in call.session.conversations.values():
        last = one_line(chat.exchanges[-1].prompt.text, 60)
        lines.append(f"{chat.name}  {counted(len(chat.exchanges), 'exchange')}, last: {last!r}")
    return "\n".join(lines) or "no conversations; start one with -c NAME"


def _reset(call: Invocation) -> str:
    conversations, name = call.session.conversations, call.text
    if not name:
        count = len(conversations)
        conversations.clear()
        return f"cleared {counted(count, 'conversation')}"
    if name not in conversations:
        hint = f"use one of {', '.join(conversations)}" if conversations else "start one with -c NAME"
        raise PromptError(f"unknown conversation {name!r}; {hint}")
    del conversations[name]
    return f"cleared {name}"


COMMANDS = (
    Command("/set name=value ...", "set defaults for later prompts; alone: show them", _set, "itself"),
    Command("/unset name ...", "go back to the defaults of the model", _unset, "itself"),
    Command("/chats", "list the conversations of this session", _chats),
    Command("/reset [NAME]", "clear one conversation, or all of them", _reset),
)
