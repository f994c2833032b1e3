"""The table of providers, the choice of one, and the way to send to it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NamedTuple

from claude_nb.errors import ConfigError
from claude_nb.providers import addresses, adjustments, local
from claude_nb.providers.attempt import SendOptions, attempt
from claude_nb.providers.credentials import Credentials, KeyOwner
from claude_nb.providers.keys import AUTHORIZATION, Key, is_loopback
from claude_nb.stop_signal import Stop
from claude_nb.types.content import ServerBlock
from claude_nb.types.request import Chunk, Request

if TYPE_CHECKING:
    from claude_nb.providers.dialects.base import Dialect
    from claude_nb.providers.headers import Headers


@dataclass(frozen=True, slots=True)
class Provider:
    """One service.

    label          its caption in the playground
    base_url       its address, including /v1; None: the user must give one
    dialect        its wire format, a name in _dialect(); None for the demo model, which has none
    key_variables  environment variables that may hold its key; the first one that is set counts
    needs_key      False for a service that may run without a key (a local server, the demo model)
    check_path     a path that has no effect and answers only to a valid key
    key_header     the header that its server reads the key in
    """

    name: str
    label: str
    base_url: str | None
    dialect: str | None
    key_variables: tuple[str, ...]
    default_model: str | None
    needs_key: bool = True
    check_path: str = ""
    key_header: str = AUTHORIZATION

    @property
    def owner(self) -> KeyOwner:
        """The owner of its key, for Credentials."""
        return KeyOwner(self.name, self.base_url, self.key_variables, self.key_header)


PROVIDERS: dict[str, Provider] = {
    row.name: row
    for row in (
        Provider(
            "aimlapi",
            "AI/ML API",
            "https://api.aimlapi.com/v1",
            "aimlapi-chat",
            ("AIMLAPI_API_KEY", "AIMLAPI_KEY", "AIML_API_KEY"),
            "anthropic/claude-sonnet-4.6",
            check_path="/key",
        ),
        Provider(
            "anthropic",
            "Anthropic",
            "https://api.anthropic.com/v1",
            "messages",
            ("ANTHROPIC_API_KEY",),
            "claude-sonnet-4-6",
            check_path="/models",
        ),
        Provider("openai-compatible", "OpenAI-compatible server", None, "openai-chat", (), None, needs_key=False),
        Provider("local", "Model on this machine (no key)", None, "local-chat", (), local.MODEL, needs_key=False),
        Provider("demo", "Demo model (no key)", None, None, (), "demo", needs_key=False),
    )
}


OWNERS = tuple(row.owner for row in PROVIDERS.values())


def find(name: str) -> Provider:
    """Return the provider of that name.

    Raises ConfigError with the nearest name, or all names.
    """
    if name in PROVIDERS:
        return PROVIDERS[name]
    near = get_close_matches(name, PROVIDERS, n=1)
    hint = f"did you mean {near[0]}?" if near else f"use one of {', '.join(PROVIDERS)}"
    raise ConfigError(f"no provider {name!r}; {hint}")


def default_name(credentials: Credentials) -> str:
    """Return CLAUDE_NB_PROVIDER, else the first provider with a key, else demo."""
    if name := credentials.setting("PROVIDER"):
        return find(name).name
    if credentials.setting("BASE_URL"):
        return "openai-compatible"
    for name in ("aimlapi", "anthropic"):
        if credentials.find(PROVIDERS[name].owner):
            return name
    return "demo"


class Target(NamedTuple):
    """Destination of a call.

    model   as it was typed; None if no model is known
    chosen  whether the user or the environment named the provider
    """

    provider: Provider
    model: str | None
    base_url: str | None
    chosen: bool


def choose(options: Mapping[str, Any], settings: Mapping[str, Any], credentials: Credentials) -> Target:
    """Choose provider, model and address.

    Options come first, then settings, then the provider's defaults. Settings for another provider are ignored. -m
    demo means the demo provider, and the name of a model file the local one. An address without a provider or a key
    means openai-compatible. Raises ConfigError.
    """
    defaults = {"model": credentials.setting("MODEL"), "base_url": credentials.setting("BASE_URL"), **settings}
    model = options.get("model")
    name = options.get("provider") or ("demo" if model == "demo" else None)
    if model and local.NAMES.fullmatch(model) and not (name or defaults.get("provider") or defaults["base_url"]):
        name = None if options.get("base_url") else "local"
    default = defaults.get("provider") or ("demo" if defaults["model"] == "demo" else None)
    chosen = bool(name or default or credentials.setting("PROVIDER"))
    default = default or default_name(credentials)
    if default == "demo" and not chosen and defaults["base_url"]:
        default = "openai-compatible"
    if default == "demo" and not name and options.get("base_url"):
        name = "openai-compatible"
    provider = find(name or default)
    if provider.name != default:
        defaults = {}
    # An address that is given is used or refused, also an empty one.
    base_url = defaults.get("base_url") if options.get("base_url") is None else options["base_url"]
    model = options.get("model") or defaults.get("model") or provider.default_model
    return Target(provider, model, None if provider.name in ("demo", "local") else base_url, chosen)


def dialect_of(provider: Provider) -> Dialect:
    """Return the wire format of a provider."""
    return _dialect(provider.dialect)


def dialect_name(request: Request) -> str | None:
    """Return the name of a request's wire format; None for the demo model."""
    name = find(request.provider).dialect
    # AI/ML API returns Claude's thinking, caches prompts and documents tools only in Anthropic's own format.
    return "messages" if name == "aimlapi-chat" and _needs_messages(request) else name


def _needs_messages(request: Request) -> bool:
    answers = request.answer is not None and request.answer.method != "prompt"
    if request.thinking or request.cache or request.tools or request.server_tools or answers:
        return True
    return any(
        isinstance(part, ServerBlock) and part.origin == request.origin
        for message in request.messages
        for part in message.parts
    )


def _dialect(name: str | None) -> Dialect:
    from claude_nb.providers.dialects import chat_completions, messages
    from claude_nb.providers.local import dialect

    rows = {
        "aimlapi-chat": chat_completions.AIMLAPI,
        "openai-chat": chat_completions.OPENAI,
        "messages": messages.MESSAGES,
        "local-chat": dialect.LOCAL,
    }
    return rows[name or ""]


def admit_keys(request: Request, credentials: Credentials, own: Iterable[Headers]) -> None:
    """Ask whether the keys of a request may go to its server: of a gateway, and in headers of the user's own.

    It is asked in the main thread, before a request is sent. Raises ConfigError if nobody can be asked.
    """
    credentials.admit(find(request.provider).owner, request.base_url)
    if request.base_url:
        from claude_nb.providers import headers

        headers.at(own, request.base_url, credentials, OWNERS)


def key_for(request: Request, credentials: Credentials) -> Key | None:
    """Return the key to send with a request; None if it needs none.

    Raises ConfigError if the key is missing, or may not go there.
    """
    provider = find(request.provider)
    credentials.admit(provider.owner, request.base_url)
    key = credentials.find(provider.owner, request.base_url)
    if key is None and provider.needs_key and not is_loopback(request.base_url or ""):
        raise credentials.missing(provider.owner, request.base_url)
    return key


def stream(request: Request, options: SendOptions, *, credentials: Credentials, stop: Stop) -> Iterator[Chunk]:
    """Send a request to its provider and yield the reply as it arrives."""
    provider = find(request.provider)
    if provider.dialect is None:
        from claude_nb import demo

        yield from demo.stream(request, stop=stop, delay_s=options.delay_s)
        return
    if provider.name == "local":
        from claude_nb.providers.local import loaded

        yield from loaded.stream(request, preview(request, stream=not options.whole)[1], options, stop)
        return
    key = key_for(request, credentials)
    from claude_nb.providers import headers
    from claude_nb.providers.dialects import binding

    for tries_left in reversed(range(adjustments.MOST + 1)):
        address, body = preview(request, stream=not options.whole)
        options = replace(options, sent=headers.at(options.headers, address, credentials, OWNERS))
        dialect = _dialect(dialect_name(request))
        refusal = yield from attempt(address, body, dialect, key, options, stop, structured=request.answer is not None)
        if refusal is None:
            return
        if tries_left and (without := binding.without_rejected(request, refusal)):
            request, notice = without
        else:
            notice = adjustments.learn(address, body, refusal, _added(request)) if tries_left else ""
        if not notice:
            raise refusal
        yield Chunk(notice=notice, remark=notice)


def preview(request: Request, *, stream: bool, form: str | None = None) -> tuple[str, dict[str, Any]]:
    """Return the address and the exact body of a request.

    form  the name of its wire format; None: the usual one of the request

    Raises ConfigError without an address.
    """
    provider = find(request.provider)
    if provider.dialect is None:
        data = request.to_dict()
        if request.answer:
            data["answer"] |= {"schema": json.loads(request.answer.schema)}
        return "the demo model, on this machine", data
    if provider.name == "local":
        return "the local model, on this machine", _dialect(provider.dialect).body(request, stream=stream)
    base_url = request.base_url or provider.base_url
    if base_url is None:
        raise ConfigError(f"{provider.name} needs an address: add --base-url, such as http://localhost:11434/v1")
    dialect = _dialect(form or dialect_name(request))
    address = addresses.joined(base_url, dialect.path)
    adjusted = adjustments.form_for(address, request.model)
    return address, adjusted.fitted(dialect.body(request, stream=stream), _added(request))


def _added(request: Request) -> frozenset[str]:
    """Return the names of the settings that are defaults of ours."""
    return frozenset(("max_tokens",)) if request.sampling.is_default_limit else frozenset()
