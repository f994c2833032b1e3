"""The wire format of llama.cpp's server: Chat Completions, with every setting of the sampling spelled out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from claude_nb.providers.dialects.chat_completions import OPENAI
from claude_nb.types.request import Request

# Each sampler works on what the one before it left. The lens uses the same order.
SAMPLERS = ("temperature", "top_k", "top_p", "min_p")
MAX_TOKENS = 1_024  # a small model may repeat itself until its context is full
# What is not set cuts nothing off; at temperature 1 small models lose the thread.
DEFAULTS = {"temperature": 0.7, "top_k": 0, "top_p": 1.0, "min_p": 0.0, "max_tokens": MAX_TOKENS}
RANDOM_SEED = 2**32 - 1  # means "draw a seed" to the server


def _body(request: Request, *, stream: bool) -> dict[str, Any]:
    body = DEFAULTS | OPENAI.body(request, stream=stream) | {"samplers": SAMPLERS}
    seed = request.sampling.seed
    if seed is not None:
        body["seed"] = seed % RANDOM_SEED
    # What was computed for the last reply is reused, unless that could change a reply that must come out the same: the
    # rounding of a probability depends on how many tokens were computed together.
    return body | {"cache_prompt": seed is None and body["temperature"] > 0}


LOCAL = replace(OPENAI, name="local", body=_body)
