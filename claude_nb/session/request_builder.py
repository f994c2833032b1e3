"""Build a checked Request from a prompt and the options of a call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from claude_nb.errors import ConfigError, PromptError
from claude_nb.guard import attempt, is_a, kind_of
from claude_nb.prompting import attachments, scope, template
from claude_nb.prompting.text import PromptText
from claude_nb.providers import addresses, format_checks, registry, server_tools
from claude_nb.providers.credentials import Credentials
from claude_nb.providers.keys import origin_of
from claude_nb.providers.models import Models
from claude_nb.providers.registry import Target
from claude_nb.safe_text.visible import mended
from claude_nb.session import continuation, frontend, structured, tools
from claude_nb.session import options as option_table
from claude_nb.session.continuation import Continuation
from claude_nb.session.conversation import Conversation
from claude_nb.session.policy import Policy
from claude_nb.types.reply import Reply
from claude_nb.types.request import Message, Request
from claude_nb.types.settings import Sampling

if TYPE_CHECKING:
    from claude_nb.storage.prompts import SavedPrompts

NO_KEY = "no key found"


class DemoNotice:
    """Says, once, that the demo model answers because no key was found."""

    def __init__(self) -> None:
        self._said = False

    def __call__(self, request: Request, target: Target) -> list[str]:
        """Return the notice for a request to this target; an empty list if none is due."""
        if request.provider != "demo" or target.chosen or self._said:
            return []
        self._said = True
        return [no_key_line()]


def no_key_line() -> str:
    """Return one line: why the demo model answers, and how to use Claude."""
    return f"{NO_KEY}, so the demo model answers; set AIMLAPI_API_KEY or ANTHROPIC_API_KEY for Claude"


@dataclass(frozen=True)
class Config:
    """The state of a session that a request depends on.

    settings  defaults for every call, by option name
    """

    settings: Mapping[str, Any]
    models: Models
    credentials: Credentials
    policy: Policy

    def target(self, options: Mapping[str, Any]) -> Target:
        """Return the provider, model and address of a call with these options. Raises ConfigError."""
        return registry.choose(options, self.policy.defaults | dict(self.settings), self.credentials)

    def refuse_keys(self, *values: object) -> None:
        """Raise PromptError when one of these values holds a key."""
        if self.credentials.in_text("\n".join(attempt(str, "", value) for value in values), registry.OWNERS):
            raise PromptError("this looks like a key, and was not sent; take it out and make a new key if it was saved")


def checked(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options by their usual names, each checked: checked({"top-p": 0.9}) -> {"top_p": 0.9}.

    Options that are None are left out. Attachments are read, and functions become a ToolBox. Raises PromptError.
    """
    options = {option_table.find(name).name: value for name, value in options.items() if value is not None}
    if others := options.keys() - set(option_table.REQUEST_NAMES):
        raise PromptError(
            f"{', '.join(sorted(others))} cannot be an option here; there are {', '.join(option_table.REQUEST_NAMES)}"
        )
    options = {name: option_table.check(name, value) for name, value in options.items()}
    if "attach" in options:
        options["attach"] = attachments.gather(options["attach"]).attachments
    if "tools" in options:
        options["tools"] = tools.toolbox(options["tools"])
    return options


def filled(
    prompt: Any, options: Mapping[str, Any], variables: Mapping[str, Any] | None, saved: SavedPrompts | None = None
) -> tuple[PromptText, Any]:
    """Fill {{name}} in a prompt and the options of a Python call. Returns the prompt and the options.

    variables  values that come before those of the calling code
    saved      what {{prompts.NAME}} names

    Pictures in the prompt follow the attachments. Raises PromptError.
    """
    names = scope.variables(variables, saved=saved)
    _check_kind(prompt)
    text = template.fill(prompt, names, pictures=True, python=True)
    options, notices = template.fill_options(options, names, python=True)
    if text.attachments:
        given = attachments.gather(options.get("attach"))
        options["attach"] = (given + text).attachments
    cuts = (notice for notice in text.notices if not notice.startswith("attached "))  # attach= does not say it either
    return PromptText(text.text, notices=(*notices, *cuts)), options


def checked_settings(config: Config, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return defaults for later calls by their usual names, each checked; None removes one. Raises PromptError."""
    checked: dict[str, Any] = {}
    for name, value in settings.items():
        option = option_table.find(name)
        if not option.setting:
            raise PromptError(f"{option.name} is given with each call, not as a default")
        checked[option.name] = option_table.check(option.name, value)
    config.refuse_keys(*checked.values())
    if (base_url := checked.get("base_url")) is not None:
        addresses.check(base_url)
    if checked.get("provider") is not None:
        registry.find(checked["provider"])
    if (own := checked.get("headers")) is not None:
        target = config.target({name: value for name, value in checked.items() if value is not None})
        address = target.base_url or target.provider.base_url
        if address is None:
            raise PromptError("headers belong to one server; set base_url or provider together with them")
        checked["headers"] = replace(own, origin=origin_of(address))
    return checked


def build(config: Config, prompt: str, options: Mapping[str, Any], talk: Conversation | None = None) -> Request:
    """Return the request for a prompt and checked options, after the messages of a conversation.

    Options come before the settings of the session, and those before the conversation's system prompt.
    Raises PromptError or ConfigError.
    """
    text = _text(prompt)
    attached, toolbox = options.get("attach", ()), options.get("tools")
    config.policy.admit_tools(toolbox)
    values = [value for name, value in options.items() if name not in ("attach", "tools")]
    texts = (part.bytes.decode() for part in attached if part.media_type == "text/plain")
    config.refuse_keys(prompt, *values, talk and talk.name, *texts)
    provider, model, base_url = _target(config, options)
    if base_url is not None:
        addresses.check(base_url)
    spec = config.models.spec(model, provider)
    defaults = {**config.settings, **({"system": talk.system} if talk and talk.system else {})}
    chosen = {**defaults, **options}
    system = chosen.get("system")
    sampling: dict[str, Any] = {name: chosen.get(name) for name in option_table.SAMPLING_NAMES}
    request = Request(
        provider=provider,
        model=model,
        messages=(*(talk.messages if talk else ()), Message("user", text, attached)),
        system=mended(system) if system else None,
        sampling=Sampling(**sampling),
        base_url=base_url,
        thinking=spec.thinking_for(chosen.get("thinking"), tools=bool(toolbox)),
        effort=chosen.get("effort"),
        cache=bool(options.get("cache")),
        cache_ttl="1h" if options.get("cache") == "1h" else None,
        speed=chosen.get("speed"),
        logprobs=chosen.get("logprobs"),
        tools=toolbox.tools if toolbox else (),
        server_tools=server_tools.offered(chosen, spec, provider),
        cite=bool(options.get("cite")),
    )
    config.policy.admit_tools(request.server_tools, of_server=True)
    request = structured.with_schema(request, options.get("json"), spec)
    server_tools.check_citations(request)
    request = _with_required(config.models, request)
    _check(config, request, options)
    return request


def with_prompt(config: Config, request: Request, prompt: str) -> Request:
    """Return the request with another text as its newest message. Raises PromptError, as build() does for its text."""
    text = _text(prompt)
    config.refuse_keys(prompt)
    return replace(request, messages=(*request.messages[:-1], replace(request.messages[-1], text=text)))


def continued(models: Models, reply: Reply | None, max_tokens: int | None) -> Continuation:
    """Return how to continue a reply that was cut at max_tokens or broke off.

    max_tokens  limit of the rest; None: that of the model, for a reply that its own limit has cut

    Raises PromptError when the reply is complete, when there is none, or when the limit is out of range.
    """
    after = continuation.of(reply, models)
    if max_tokens is None and after.first.stop_reason != "max_tokens":
        return after
    request = replace(after.request, sampling=replace(after.request.sampling, max_tokens=max_tokens))
    request = _with_required(models, request)
    models.check(request)
    return after._replace(request=request)


def _check_kind(prompt: Any) -> None:
    if not is_a(prompt, str):
        raise PromptError(f"the prompt must be a text, not {kind_of(prompt)}; str(...) makes one")


def _text(prompt: Any) -> str:
    _check_kind(prompt)
    if not prompt.strip():
        raise PromptError("the prompt is empty; write it below the %%claude line")
    return mended(prompt)


def _target(config: Config, options: Mapping[str, Any]) -> tuple[str, str, str | None]:
    """Return provider, model id and base URL of a call with these options. Raises ConfigError."""
    target = config.target(options)
    provider = target.provider.name
    config.policy.admit(provider, target.model, target.base_url, config.models)
    if not target.model:
        raise ConfigError(f"{provider} needs a model: add -m NAME (a name that the server knows)")
    if provider == "demo" and not target.chosen and not frontend.is_session():
        raise ConfigError(f"{NO_KEY}; set AIMLAPI_API_KEY or ANTHROPIC_API_KEY, or name the demo model: model='demo'")
    if provider == "demo" and target.model != "demo":
        if target.chosen:
            raise ConfigError(f"the demo provider has one model, demo, not {target.model}; name another provider")
        raise ConfigError(
            f"{target.model} needs a key: set AIMLAPI_API_KEY or ANTHROPIC_API_KEY, or run %claude /login; "
            "-m demo works without one"
        )
    return provider, config.models.resolve(target.model, provider), target.base_url


def _with_required(models: Models, request: Request) -> Request:
    """Add the max_tokens that the Messages API requires. It becomes part of reply.params."""
    if registry.dialect_name(request) != "messages" or request.sampling.max_tokens:
        return request
    limit = models.default_max_tokens(request.model, request.thinking, request.provider)
    return replace(request, sampling=replace(request.sampling, max_tokens=limit, is_default_limit=True))


def _check(config: Config, request: Request, options: Mapping[str, Any]) -> None:
    """Raise PromptError for what the format or the model refuses; name the default of the session to blame, if any."""
    try:
        format_checks.check(request, config.models.spec(request.model, request.provider))
        config.models.check(request)
    except PromptError as error:
        text = str(error)
    else:
        return
    for name in config.settings:
        if name not in options and name in request.params and name in text:
            text += f" ({name} is a default of this session: %claude /unset {name})"
            break
    raise PromptError(text)
