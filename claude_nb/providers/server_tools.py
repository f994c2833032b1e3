"""The tools that run on the server of a provider: who has them, and what models.json says about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from claude_nb.errors import PromptError
from claude_nb.providers.model_spec import ModelSpec
from claude_nb.providers.models import shipped
from claude_nb.types.content import Attachment
from claude_nb.types.request import Request
from claude_nb.types.settings import ServerTool

# By option: the tool that it offers, and its name for people.
OPTIONS = {
    "search": ("web_search", "web search"),
    "fetch": ("web_fetch", "web fetch"),
    "code_execution": ("code_execution", "code execution"),
}
OFF = (None, False, "off")


def offered(options: Mapping[str, Any], spec: ModelSpec, provider: str) -> tuple[ServerTool, ...]:
    """Return the server tools that the options of a call ask for.

    The value of an option is "on" or True, a number of uses, or something in OFF. Raises PromptError if the model has
    no such tool at this provider.
    """
    wanted = {option: value for option in OPTIONS if (value := options.get(option)) not in OFF}
    return tuple(
        ServerTool(_type(option, spec, provider), None if value is True or value == "on" else value)
        for option, value in wanted.items()
    )


def check_citations(request: Request) -> None:
    """Raise PromptError if nothing can be quoted: by this provider, beside a schema, or for want of a document."""
    if not request.cite:
        return
    if request.provider != "anthropic":
        raise PromptError(f"{request.provider} has no field for --cite; use -p anthropic, or leave out --cite")
    if request.answer and request.answer.method == "native":
        raise PromptError("the API takes no --json together with --cite; leave out one of the two")
    parts = (part for message in request.messages for part in message.parts)
    if not any(isinstance(part, Attachment) and not part.media_type.startswith("image/") for part in parts):
        raise PromptError("--cite needs a document to quote; attach a PDF or a text with -a, or leave out --cite")


def _type(option: str, spec: ModelSpec, provider: str) -> str:
    name, words = OPTIONS[option]
    types = shipped().server_tools
    able = provider in spec.server_tools or (provider == "anthropic" and not spec.known)
    for kind in types.get(provider, ()) if able else ():
        if kind.startswith(name):
            return kind
    elsewhere = f"or {_example(provider)}" if provider in types else f"or -p aimlapi {_example('aimlapi')}"
    flag = f"--{option.replace('_', '-')}"
    place = "" if provider == "demo" else f" with -p {provider}"
    raise PromptError(f"{spec.label} has no {words}{place}; use -p anthropic, {elsewhere}, or leave out {flag}")


def _example(provider: str) -> str:
    """Return the options that name a model with server tools at a provider: "-m sonnet-5.5"."""
    able = [spec for spec in shipped().specs.values() if provider in spec.server_tools and "sonnet" in spec.name]
    return f"-m {able[-1].aliases[0]}" if able else "another model"
