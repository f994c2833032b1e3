"""Refuse what the wire format of a provider cannot express, before anything is sent."""

from __future__ import annotations

from claude_nb.errors import PromptError
from claude_nb.providers import local, registry
from claude_nb.providers.model_spec import OTHERS_REPORT, ModelSpec
from claude_nb.types.request import Request


def check(request: Request, spec: ModelSpec) -> None:
    """Raise PromptError for what the wire format of the provider cannot express."""
    most, dialect = spec.most_parts.get(request.provider), registry.dialect_name(request)
    parts = len(request.messages[-1].parts) + 1
    if most and parts > most and dialect != "messages":
        raise PromptError(
            f"{spec.label} takes {most} parts per message here, of which the text is one, and this has {parts}; "
            f"leave out {parts - most}, or join them in one PDF"
        )
    if request.tools and dialect is None:
        raise PromptError("the demo model calls no tools; use -p aimlapi or -p anthropic with a key")
    if request.provider == "local":
        local.check(request)
    if request.sampling.min_p is not None and dialect == "messages":
        raise PromptError(
            f"{request.provider} has no field for --min-p; leave it out (it works with -p demo and -p local)"
        )
    if request.thinking and dialect == "openai-chat":
        raise PromptError(f"{request.provider} has no field for --thinking; use --effort LEVEL instead")
    if request.cache and dialect != "messages":
        raise PromptError(
            f"{request.provider} has no field for --cache; leave it out (some servers cache by themselves)"
        )
    if request.logprobs is not None and (why := spec.refusal("logprobs")):
        raise PromptError(why)
    if request.logprobs is not None and dialect == "messages":
        beside = "" if request.provider == "anthropic" else " beside thinking, cache, tools or json"
        raise PromptError(f"{request.provider} reports no logprobs{beside}; leave them out, or {OTHERS_REPORT}")
    if request.provider == "aimlapi" and request.effort in ("xhigh", "max"):
        raise PromptError(f"AI/ML API takes effort up to high, not {request.effort}; lower it, or use -p anthropic")
