"""From the options of a call to a checked Request: what is given, over what is set, over what the provider does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from claude_nb.errors import ConfigError, PromptError
from claude_nb.prompt import attachments
from claude_nb.providers import addresses, registry, thinking
from claude_nb.providers.dialects.base import mended
from claude_nb.providers.models import Models
from claude_nb.session import options as knobs
from claude_nb.session import structured, tools
from claude_nb.session.conversation import Conversation
from claude_nb.types.request import Message, Request
from claude_nb.types.settings import Sampling

if TYPE_CHECKING:
    from claude_nb.session.session import Session


def request(session: Session, prompt: str, options: Mapping[str, Any], *, chat: str | None = None) -> Request:
    """What a session would send for a prompt and its options, by their names. Raises PromptError or ConfigError."""
    given = {knobs.find(name).name: value for name, value in options.items() if value is not None}
    if others := given.keys() - set(knobs.REQUEST_NAMES):
        raise PromptError(
            f"{', '.join(sorted(others))} cannot be an option here; there are {', '.join(knobs.REQUEST_NAMES)}"
        )
    given = {name: knobs.check(name, value) for name, value in given.items()}
    text = _text(prompt)
    attached = attachments.gather(given.pop("attach", None)).attachments
    box = tools.box(given.pop("tools", None))
    session.rules.admit_tools(box)
    texts = (one.bytes.decode() for one in attached if one.media_type == "text/plain")
    session.refuse_keys(prompt, *given.values(), chat, *texts)
    provider, model, base_url = _who(session, given)
    addresses.refuse_login(base_url or "")
    talk = session.conversations.get(chat, Conversation(chat)).before(session.cell()) if chat else None
    system = given.get("system", (talk.system if talk else None) or session.settings.get("system"))
    sampling = {name: given.get(name, session.settings.get(name)) for name in knobs.SAMPLING_NAMES}
    asked = Request(
        provider=provider.name,
        model=model,
        messages=(*(talk.messages if talk else ()), Message("user", text, attached)),
        system=mended(system) if system else None,
        sampling=Sampling(**sampling),
        base_url=base_url,
        thinking=thinking.wanted(given.get("thinking", session.settings.get("thinking")), session.models.spec(model)),
        effort=given.get("effort", session.settings.get("effort")),
        cache=bool(given.get("cache")),
        tools=box.tools if box else (),
    )
    asked = structured.with_form(asked, given.get("json"), session.models.spec(model))
    registry.check(asked, session.models.spec(model))
    asked = _with_required(session.models, asked)
    _check(session, asked, given)
    return asked


def with_prompt(session: Session, request: Request, prompt: str) -> Request:
    """The same request with another text as its newest message. Raises PromptError, as request() does for its text."""
    text = _text(prompt)
    session.refuse_keys(prompt)
    return replace(request, messages=(*request.messages[:-1], replace(request.messages[-1], text=text)))


def _text(prompt: object) -> str:
    if not isinstance(prompt, str):
        raise PromptError(f"the prompt must be a text, not {type(prompt).__name__}; str(...) makes one")
    if not prompt.strip():
        raise PromptError("the prompt is empty; write it below the %%claude line")
    return mended(prompt)


def _who(session: Session, given: Mapping[str, Any]) -> tuple[registry.Provider, str, str | None]:
    """Provider, model id and base URL of a call with these options."""
    who = registry.choose(given, session.rules.defaults | session.settings, session.credentials)
    session.rules.admit(who.provider.name, who.model, who.base_url, session.models)
    if not who.model:
        raise ConfigError(f"{who.provider.name} needs a model: add -m NAME (a name that the server knows)")
    if who.provider.name == "demo" and who.model != "demo":
        if who.chosen:
            raise ConfigError(f"the demo provider has one model, demo, not {who.model}; name another provider")
        raise ConfigError(
            f"{who.model} needs a key: set AIMLAPI_API_KEY or ANTHROPIC_API_KEY, or run %claude /login; "
            "-m demo works without one"
        )
    return who.provider, session.models.resolve(who.model, who.provider.name), who.base_url


def _with_required(models: Models, request: Request) -> Request:
    """The Messages API must be told a max_tokens; then it is part of what is sent, and of reply.params."""
    if registry.dialect_name(request) != "messages" or request.sampling.max_tokens:
        return request
    most = models.spec(request.model).max_output
    limit = thinking.with_room(models.default_max_tokens(request.model), request.thinking, most)
    return replace(request, sampling=replace(request.sampling, max_tokens=limit))


def _check(session: Session, request: Request, given: Mapping[str, Any]) -> None:
    """Raises PromptError for what the model refuses; a default of the session is not left out by typing less."""
    try:
        session.models.check(request)
    except PromptError as error:
        held = [
            name for name in session.settings if name not in given and name in request.params and name in str(error)
        ]
        hint = f" ({held[0]} is a default of this session: %claude /unset {held[0]})" if held else ""
        text = f"{error}{hint}"
    else:
        return
    raise PromptError(text)
