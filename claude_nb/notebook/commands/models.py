"""List the models of the provider: the table, and what its server says about them."""

from __future__ import annotations

from claude_nb.errors import ClaudeError, ConfigError, PromptError
from claude_nb.notebook.commands.command import Command, Invocation
from claude_nb.providers import api, lifecycle, model_list
from claude_nb.providers.local import catalog, weights
from claude_nb.providers.model_list import Served
from claude_nb.providers.model_names import Version
from claude_nb.providers.model_spec import ModelSpec
from claude_nb.providers.models import shipped
from claude_nb.providers.registry import Provider
from claude_nb.render.chars import counted
from claude_nb.render.table import text_table
from claude_nb.session import options
from claude_nb.session.call import usual_headers
from claude_nb.session.session import Session

MOST_LINES = 300
HEADINGS = ("model", "alias", "accepts", "$ per million in/out", "context/output", "")


def _models(call: Invocation) -> str:
    if call.text not in ("", "--refresh"):
        raise PromptError(f"/models takes --refresh only, not {call.text!r:.60}")
    session = call.session
    provider, _, base_url, _ = session.config.target({})
    address = base_url or provider.base_url
    specs = [spec for spec in session.models.table.values() if provider.name in spec.ids]
    if not specs:
        return _ids(session, provider, address)
    served, source = _served(session, provider, address, refresh=bool(call.text))
    rows = [_row(session, session.models.spec(spec.ids[provider.name], provider.name), provider.name) for spec in specs]
    if provider.name == "local":
        rows += [_row(session, session.models.spec(name, "local"), "local", name) for name in catalog.others()]
        source = [] if weights.are_here() else [str(weights.missing())]
    for model in served:
        spec = session.models.spec(model.id, provider.name)
        if Version.of(model.id) and spec.name not in session.models.table:
            rows.append(_row(session, spec, provider.name, model.id))
    return "\n".join([_cut(text_table(HEADINGS, rows).splitlines()), *source])


def _ids(session: Session, provider: Provider, address: str | None) -> str:
    """List the models of a server without rows in models.json, which is asked each time: it may be anybody's."""
    if not address:
        raise ConfigError(f"{provider.name} needs an address first: %claude /set base_url=http://localhost:11434/v1")
    return _cut(
        api.model_ids(provider.name, address, session.credentials, usual_headers(session.settings))
        or ["the server lists no models"]
    )


def _served(
    session: Session, provider: Provider, address: str | None, *, refresh: bool
) -> tuple[list[Served], list[str]]:
    """Return what the server says about its models, and a line about where the list is from."""
    if provider.dialect is None or address is None:
        return [], []
    lists = session.models.lists
    kept = None if refresh else lists.at(address)
    if kept is not None:
        return kept, ["asked within the last day; %claude /models --refresh asks again"]
    table = f"this is the table of {shipped().checked}"
    if provider.name != model_list.ANTHROPIC and not refresh:
        return [], [f"{table}; %claude /models --refresh asks the server"]  # which says little more than ids
    if provider.needs_key and session.credentials.find(provider.owner, address) is None:
        return [], [f"{table}; with a key, the server is asked for its list"]
    try:
        served = api.served_models(provider.name, address, session.credentials, usual_headers(session.settings))
    except ClaudeError as error:
        return lists.at(address) or [], [f"{table}, because the server cannot be asked: {error}"]
    lists.keep(address, served)
    session.models.refresh()
    return served, [f"{counted(len(served), 'model')} on the list of the server"]


def _row(session: Session, spec: ModelSpec, provider: str, name: str = "") -> tuple[str, ...]:
    aliases = ", ".join(alias for alias, other in session.models.aliases(provider).items() if other.name == spec.name)
    end = lifecycle.of(spec, provider)
    stage = spec.lifecycle if spec.lifecycle != "active" else ""
    notes = (spec.note, "retired" if end and end.is_over else end.notice if end else stage)
    model = name or spec.ids.get(provider, spec.name)
    return (model, aliases, _accepts(spec), _price(spec, provider), _limits(spec), "; ".join(filter(None, notes)))


def _accepts(spec: ModelSpec) -> str:
    return ", ".join(name for name in options.SAMPLING_NAMES if spec.accepts and name in spec.accepts)


def _price(spec: ModelSpec, provider: str) -> str:
    price = spec.prices.get(provider)
    if provider in ("demo", "local"):
        return "local, free"
    return f"{price.input:g} / {price.output:g}" if price else "unknown"


def _limits(spec: ModelSpec) -> str:
    return "/".join(f"{tokens:,}" if tokens else "?" for tokens in (spec.context, spec.max_output))


def _cut(lines: list[str]) -> str:
    more = len(lines) - MOST_LINES
    return "\n".join([*lines[:MOST_LINES], *([f"... and {counted(more, 'more model')}"] if more > 0 else [])])


COMMANDS = (
    Command("/models [--refresh]", "list the models of the provider, with their options, prices and limits", _models),
)
