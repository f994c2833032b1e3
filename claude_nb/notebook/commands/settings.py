"""State and defaults of the session: /models /set /unset /chats /reset, and %claude alone."""

from __future__ import annotations

from claude_nb.errors import ConfigError, PromptError
from claude_nb.notebook import arguments
from claude_nb.notebook.commands.command import Call, Command
from claude_nb.notebook.commands.usage import totals_line
from claude_nb.providers import api, registry
from claude_nb.providers.models import ModelSpec
from claude_nb.session import options as knobs
from claude_nb.session.session import Session


def state(session: Session) -> str:
    """Who would be asked, with which key and defaults, and what this session has used."""
    provider, model, base_url, chosen = registry.choose({}, session.settings, session.credentials)
    key = session.credentials.find(provider.owner, base_url)
    key_line = f"from {key.found}" if key else "none needed" if not provider.needs_key else "none found"
    defaults = ", ".join(f"{k}={v!r}" for k, v in session.settings.items() if k not in ("provider", "model"))
    rows = [
        ("provider", provider.name + (f" ({no_key_line()})" if provider.name == "demo" and not chosen else "")),
        ("model", session.models.resolve(model, provider.name) if model else "none set: add -m NAME"),
        ("key", key_line),
        ("defaults", defaults or "none: the model's own"),
        ("session", totals_line(session.totals)),
    ]
    return (
        "\n".join(f"{left:<9} {right}" for left, right in rows) + "\n%claude /help lists the commands, -h the options"
    )


def no_key_line() -> str:
    """Why the demo model answers, and what to do about it."""
    return "no key found, so the demo model answers; set AIMLAPI_API_KEY or ANTHROPIC_API_KEY for Claude"


def _models(call: Call) -> str:
    session = call.session
    provider, _, base_url, _ = registry.choose({}, session.settings, session.credentials)
    name = provider.name
    specs = [spec for spec in session.models.table.values() if name in spec.ids]
    if not specs:
        return "\n".join(_served(session, name, base_url))
    rows = [("model", "alias", "takes", "$ per million in/out", "")]
    rows += [(spec.ids[name], ", ".join(spec.aliases), _takes(spec), _price(spec, name), spec.note) for spec in specs]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    return "\n".join("  ".join([*(f"{row[i]:<{widths[i]}}" for i in range(4)), row[4]]).rstrip() for row in rows)


def _served(session: Session, name: str, base_url: str | None) -> list[str]:
    """The models that a server without rows in our table says it has."""
    if not base_url:
        raise ConfigError(f"{name} needs an address first: %claude /set base_url=http://localhost:11434/v1")
    return api.served_models(name, base_url, session.credentials) or ["the server lists no models"]


def _takes(spec: ModelSpec) -> str:
    return ", ".join(n for n in knobs.SAMPLING_NAMES if spec.accepts and n in spec.accepts)


def _price(spec: ModelSpec, provider: str) -> str:
    price = spec.prices.get(provider)
    if provider == "demo":
        return "local, free"
    return f"{price.input:g} / {price.output:g}" if price else "unknown"


def _set(call: Call) -> str:
    session, rest = call.session, call.rest
    if not rest:
        return "\n".join(f"{name}={value!r}" for name, value in session.settings.items()) or "nothing is set"
    values = {}
    for word, value in arguments.pairs(rest):
        knob = knobs.find(word)
        if not knob.setting:
            raise PromptError(f"{knob.name} is given with each prompt, not set as a default")
        values[knob.name] = (value,) if knob.repeatable else knobs.read(knob, value)
    session.configure(**values)
    return ", ".join(f"{name}={session.settings[name]!r}" for name in values)


def _unset(call: Call) -> str:
    names = [knobs.find(word).name for word in call.rest.replace(",", " ").split()]
    if not names:
        raise PromptError("say what to unset: %claude /unset temperature")
    call.session.configure(**dict.fromkeys(names))
    return f"unset: {', '.join(names)}"


def _chats(call: Call) -> str:
    talks = call.session.conversations.values()
    lines = [f"{t.name}  {len(t.exchanges)} exchanges, last: {t.exchanges[-1].prompt.text[:60]!r}" for t in talks]
    return "\n".join(lines) or "no conversations; start one with -c NAME"


def _reset(call: Call) -> str:
    session, rest = call.session, call.rest
    if not rest:
        count = len(session.conversations)
        session.conversations.clear()
        return f"cleared {count} conversation{'' if count == 1 else 's'}"
    if rest not in session.conversations:
        names = ", ".join(session.conversations) or "none"
        raise PromptError(f"there is no conversation {rest!r}; there are: {names}")
    del session.conversations[rest]
    return f"cleared {rest}"


COMMANDS = (
    Command("models", "/models", "the models of the provider, what they take and cost", _models),
    Command("set", "/set name=value ...", "defaults for later prompts; alone: show them", _set),
    Command("unset", "/unset name ...", "back to the model's own default", _unset),
    Command("chats", "/chats", "the conversations of this session", _chats),
    Command("reset", "/reset [NAME]", "clear one conversation, or all", _reset),
)
