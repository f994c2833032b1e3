"""Choose what the lens looks into: a prompt, a request or a reply, and the model for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from claude_nb import demo
from claude_nb.errors import PromptError
from claude_nb.providers import local
from claude_nb.types.reply import Reply
from claude_nb.types.request import Message, Request
from claude_nb.widgets.lens_models import DemoLens, LensModel
from claude_nb.widgets.lens_reply import ReplyLens

PROVIDERS = {"demo": "Demo model: word statistics", "local": "A real model on this machine"}
ELSEWHERE = (
    "the lens sees all probabilities of the demo model and of local models only, because no Claude API reports them; "
    "open a reply with logprobs with claude_nb.Lens.from_reply(reply), or count real answers with "
    "claude_nb.Lens.measure(prompt, n=30)"
)


@dataclass(frozen=True, slots=True)
class Opened:
    """The model or reply that the lens looks into.

    reply      the reply whose text is shown; None: a new text is written
    is_chat    whether a local model answers the prompt as a chat, and does not continue its text
    providers  the models that one can switch to, each with its label
    """

    model: LensModel
    request: Request
    reply: Reply | None
    is_chat: bool
    providers: dict[str, str]

    def settings(self, **settings: Any) -> dict[str, Any]:
        """Return the settings, with those of the reply for what is None."""
        if self.reply is None or isinstance(self.model, ReplyLens):
            return settings
        used = self.reply.request.sampling
        settings = {name: getattr(used, name) if value is None else value for name, value in settings.items()}
        return settings | {"temperature": demo.TEMPERATURE if (t := settings["temperature"]) is None else t}


def opened(
    prompt: str | Reply | Request,
    model: demo.DemoModel | ReplyLens | str | None,
    system: str | None,
    provider: str | None,
) -> Opened:
    """Find the request and the model. Raises PromptError and ConfigError."""
    reply = prompt if isinstance(prompt, Reply) else None
    if reply and isinstance(model, ReplyLens):
        return Opened(model, reply.request, reply, is_chat=True, providers={})
    request = reply.request if reply else prompt
    if not isinstance(request, Request):
        if not isinstance(request, str) or not request.strip():
            raise PromptError("the lens needs a prompt: Lens('Once upon a time')")
        request = Request(provider or "demo", "", (Message("user", request),), system=system)
    is_chat = not isinstance(prompt, str) or system is not None
    trained = model if isinstance(model, demo.DemoModel) else None
    name = model if isinstance(model, str) else None
    found, request = switched(request, provider, name=name, trained=trained, is_chat=is_chat)
    return Opened(found, request, reply, is_chat, {} if trained else PROVIDERS)


def switched(
    request: Request,
    provider: str | None,
    *,
    is_chat: bool,
    name: str | None = None,
    trained: demo.DemoModel | None = None,
) -> tuple[LensModel, Request]:
    """Return the model of another provider, and the request to it. A local model is loaded at first use.

    Raises PromptError for a model that tells no probabilities, and ConfigError for one that is not on this machine.
    """
    provider = provider or request.provider
    if provider not in PROVIDERS:
        raise PromptError(ELSEWHERE)
    name = name or (request.model if provider == request.provider else "")
    request = replace(request, provider=provider, model=name or (local.MODEL if provider == "local" else "demo"))
    if provider == "demo":
        return DemoLens(request, trained), request
    from claude_nb.widgets.lens_local import LocalLens

    return LocalLens(request.model, is_chat=is_chat), request
