"""Language models that run on this machine: their files, and the engine that runs them in a process of its own."""

from __future__ import annotations

import re

from claude_nb.errors import PromptError
from claude_nb.types.content import Attachment
from claude_nb.types.request import Request

MODEL = "smollm2-135m-instruct"  # the id of the model that `python -m claude_nb fetch-model` brings
NAMES = re.compile(r"(?i).+\.gguf|(ollama|lmstudio)/.+|smollm2(-135m-instruct)?")  # which no other provider has


def check(request: Request) -> None:
    """Raise PromptError for what no local model can read here."""
    parts = [part for message in request.messages for part in message.parts]
    if any(isinstance(part, Attachment) and part.media_type != "text/plain" for part in parts):
        raise PromptError("local models read text only here; leave out pictures and PDFs, or ask a Claude model")
