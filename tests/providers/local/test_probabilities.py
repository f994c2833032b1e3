"""The probabilities that replies and the lens show are those of the weights."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from claude_nb.providers.local import loaded
from tests.helpers import second_reading
from tests.helpers.sessions import session

pytestmark = [pytest.mark.local, pytest.mark.usefixtures("local_model")]
PROMPTS = [
    "The capital of France is",
    "Why is the sky blue?",
    "Write Python that adds two numbers.",
    "Tell me a joke.",
    "Once upon a time",
    "2 + 2 =",
    "Name a color.",
    "Name an animal.",
    "Translate 'cat' to French.",
    "What is the boiling point of water?",
    "Who wrote Hamlet?",
    "List three fruits.",
    "Is the earth flat?",
    "How are you?",
    "What is a prime number?",
    "Finish: roses are red,",
    "¿Dónde está Madrid?",
    "Qui a peint la Joconde ?",
    "What rhymes with cat?",
    "Say hello.",
]

# llama.cpp without anything of ours: a server of its own, with the settings that it comes with.
PLAIN = """
import json, sys, xllamacpp
file, texts = json.load(sys.stdin)
params = xllamacpp.CommonParams()
params.model.path, params.n_ctx, params.verbosity, params.cpuparams.n_threads = file, 1024, -1, 1
params.cpuparams_batch.n_threads = 1
server, rows = xllamacpp.Server(params), []
for text in texts:
    body = {"prompt": text, "max_tokens": 1, "logprobs": 20, "cache_prompt": False}
    body |= {"temperature": 0, "logit_bias": [[" a", 1e6]]}  # a token that is a whole word is always reported
    answer = server.handle_completions(body)
    rows.append([row["logprob"] for row in answer["choices"][0]["logprobs"]["content"][0]["top_logprobs"]])
print(json.dumps(rows))
"""


def chat_texts() -> list[str]:
    """The prompts as the model reads them."""
    return [loaded.get().chat_text([{"role": "user", "content": prompt}]) for prompt in PROMPTS]


def test_the_alternatives_of_a_reply_are_those_of_a_second_reading_of_the_weights(local_model: Path) -> None:
    given = json.dumps([str(local_model), chat_texts()])
    done = subprocess.run([sys.executable, "-c", PLAIN], input=given, capture_output=True, text=True, check=True)
    user = session()
    for prompt, logprobs in zip(PROMPTS, json.loads(done.stdout.splitlines()[-1]), strict=True):
        reply = user.ask(prompt, provider="local", max_tokens=1, temperature=1.7, top_k=2, seed=1, logprobs=20)
        told = [other.probability for other in reply.tokens[0].alternatives]
        assert told == pytest.approx([math.exp(logprob) for logprob in logprobs], abs=1e-3), prompt


def test_the_lens_shows_what_the_mathematics_of_the_model_gives(local_model: Path) -> None:
    """Nine tenths of each distribution are the same: two ways of llama.cpp to compute attention agree no better."""
    model = loaded.get()
    texts = [model.tokenize(prompt) for prompt in PROMPTS[:5]]
    for ids, own in zip(texts, second_reading.next_token(local_model, texts), strict=True):
        assert sum(min(candidate.probability, own[candidate.id]) for candidate in model.next_token(ids)) > 0.9
