"""The provider `local`: what a user does with any provider, with the real model."""

from __future__ import annotations

import json
import math
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from claude_nb.demo import sampling
from claude_nb.errors import ConfigError, NetworkError, PromptError
from claude_nb.providers import registry
from claude_nb.providers.attempt import SendOptions
from claude_nb.providers.credentials import Credentials
from claude_nb.providers.local import dialect, engine, loaded
from claude_nb.providers.local.gguf import ModelFile
from claude_nb.render.reply import badge, details
from claude_nb.session.session import Session
from claude_nb.stop_signal import Stop
from claude_nb.sweeps.api import sweep
from claude_nb.sweeps.check import check
from claude_nb.types.reply import Reply
from claude_nb.types.request import Chunk, Message, Request
from claude_nb.types.settings import Sampling
from tests.helpers.gguf_files import written
from tests.helpers.sessions import session

pytestmark = [pytest.mark.local, pytest.mark.usefixtures("local_model")]
CAT = "Tell me a story about a cat."


def ask(prompt: str = CAT, **options: Any) -> Reply:
    return session().ask(prompt, provider="local", **{"max_tokens": 12, **options})


def request(prompt: str = CAT, **sampling_options: Any) -> Request:
    made = Sampling(**{"max_tokens": 12, **sampling_options})
    return Request("local", "smollm2-135m-instruct", (Message("user", prompt),), sampling=made)


def open_stream(asked: Request, stop: Stop | None = None) -> Any:
    return registry.stream(asked, SendOptions(), credentials=Credentials({}), stop=stop or Stop())


def test_a_reply_names_its_model_and_never_claude() -> None:
    reply = ask(seed=1)
    assert reply.text
    assert reply.stop_reason == "max_tokens"
    assert badge(reply) == "Local model: SmolLM2-135M-Instruct, 98.4 MB, apache-2.0, not Claude"
    assert "local, free" in details(reply)
    assert (reply.usage.output_tokens, reply.cost_usd) == (12, 0)


def test_the_same_seed_gives_the_same_reply() -> None:
    first, other = ask(seed=1, temperature=1), ask(seed=2, temperature=1)
    ask("Something else.")  # nothing that the model has read before changes the reply
    assert ask(seed=1, temperature=1).text == first.text
    assert other.text != first.text


@pytest.mark.parametrize("seed", [0, 2**32 - 1, 2**31, 2**62])
def test_every_seed_is_a_seed(seed: int) -> None:
    assert ask(seed=seed, temperature=1, max_tokens=4).text == ask(seed=seed, temperature=1, max_tokens=4).text


def test_temperature_0_takes_the_most_likely_token_each_time() -> None:
    model = loaded.get()
    reply = ask(temperature=0, max_tokens=4)
    text = model.chat_text([{"role": "user", "content": CAT}])
    ids = model.tokenize(text)
    for _ in range(4):
        ids.append(model.next_token(ids)[0].id)
    assert "".join(map(model.piece, ids[-4:])) == reply.text


def test_a_structured_answer_fits_its_schema() -> None:
    @dataclass
    class City:
        name: str
        inhabitants: int

    answer = ask("Describe Paris.", json=City, max_tokens=60, temperature=0).json()
    assert isinstance(answer["name"], str)
    assert isinstance(answer["inhabitants"], int)


def test_functions_are_refused_by_a_model_that_never_learned_to_call_them() -> None:
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    with pytest.raises(PromptError, match="was not made to call functions; leave out --tools"):
        ask("Add 1 and 2.", tools=[add], yes=True)


def test_a_stop_sequence_ends_the_reply_before_it() -> None:
    whole = ask(temperature=0, max_tokens=12).text
    word = whole.split()[2]
    assert ask(temperature=0, stop_sequences=[word]).text == whole[: whole.index(word)]


def test_a_reply_in_one_piece_is_the_streamed_one() -> None:
    streamed, whole = (
        "".join(
            chunk.text
            for chunk in registry.stream(
                request(seed=3), SendOptions(whole=is_whole), credentials=Credentials({}), stop=Stop()
            )
        )
        for is_whole in (False, True)
    )
    assert streamed == whole != ""


def test_a_conversation_remembers() -> None:
    user = session()
    user.ask("My name is Zoe.", provider="local", chat="c", max_tokens=5, temperature=0)
    asked = user.request("What is my name?", provider="local", max_tokens=20, temperature=0)
    reply = user.ask("What is my name?", provider="local", chat="c", max_tokens=20, temperature=0)
    assert len(reply.request.messages) == 3
    assert len(asked.messages) == 1
    assert "Zoe" in reply.text


def test_a_stop_between_two_tokens_ends_the_reply_and_the_next_one_begins() -> None:
    stop, pieces = Stop(), 0
    steps = open_stream(request(max_tokens=2_000, temperature=0), stop)
    while pieces < 3:
        pieces += bool(next(steps).text)
    stop.set()
    with pytest.raises(NetworkError):
        list(steps)
    assert ask(temperature=0, max_tokens=2).text


def test_a_stream_that_nobody_reads_on_gives_up_its_turn() -> None:
    steps = open_stream(request(max_tokens=2_000))
    while not next(steps).text:
        pass
    with pytest.raises(ConfigError, match="a local model is writing a reply; stop it first"):
        loaded.unload()
    steps.close()
    assert ask(max_tokens=2).text


def test_replies_wait_for_each_other_and_a_wait_can_be_stopped() -> None:
    first = open_stream(request(max_tokens=2_000))
    while not next(first).text:
        pass
    stop = Stop()
    second = open_stream(request(), stop)
    assert next(second) == Chunk(notice="waiting for the local model, which writes another reply")
    stop.set()
    with pytest.raises(NetworkError, match="stopped"):
        list(second)
    first.close()


def test_many_threads_get_the_replies_that_one_gets() -> None:
    alone = {seed: ask(seed=seed, temperature=1, max_tokens=4).text for seed in range(4)}
    together: dict[int, str] = {}

    def put(seed: int) -> None:
        together[seed] = ask(seed=seed, temperature=1, max_tokens=4).text

    threads = [threading.Thread(target=put, args=(seed,)) for seed in alone]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone


def test_sweeps_and_checks_run_on_it() -> None:
    replies = sweep(
        "Name an animal.", provider="local", temperature=[0, 1], n=2, seed=1, max_tokens=3, session=session()
    ).replies
    assert [reply.provider for reply in replies] == ["local"] * 4
    assert replies[0].text == replies[1].text
    assert check("Name an animal.", lambda reply: bool(reply.text), provider="local", n=2, max_tokens=3)


def test_a_reply_is_kept_and_played_again(path: Path) -> None:
    user = Session(credentials=Credentials({"CLAUDE_NB_HISTORY": str(path)}))
    live = user.ask(CAT, provider="local", max_tokens=5, seed=1)
    loaded.unload()
    played = user.run(live.request, replay="use", hurry=True).wait()
    assert (played.source, played.text) == ("replay", live.text)
    assert badge(played).endswith("Local model: SmolLM2-135M-Instruct, 98.4 MB, apache-2.0, not Claude")


def test_the_same_path_in_another_folder_is_another_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Path] = []

    def start(file: ModelFile, label: str, stop: Stop) -> Iterator[Chunk]:
        started.append(file.path.resolve())
        yield Chunk(notice="")
        return SimpleNamespace(label=label, is_running=lambda: True, end=lambda: None)

    monkeypatch.setattr(engine, "start", start)
    paths = [written(tmp_path / folder / "m.gguf") for folder in ("a", "b")]
    for path in (*paths, paths[0]):
        monkeypatch.chdir(path.parent)
        loaded.get("m.gguf")
    assert started == paths
    loaded.unload()


def test_a_third_model_takes_the_place_of_the_one_used_least_lately(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[str] = []

    def start(file: ModelFile, label: str, stop: Stop) -> Iterator[Chunk]:
        yield Chunk(notice="")
        return SimpleNamespace(label=label, is_running=lambda: True, end=lambda: ended.append(file.path.name))

    loaded.unload()
    monkeypatch.setattr(engine, "start", start)
    a, b, c = (str(written(tmp_path / f"{name}.gguf")) for name in "abc")
    for path in (a, b, a, c):
        loaded.get(path)
    assert ended == ["b.gguf"]
    loaded.unload()
    assert sorted(ended) == ["a.gguf", "b.gguf", "c.gguf"]


def test_a_prompt_that_is_too_long_is_refused_in_one_line() -> None:
    with pytest.raises(Exception, match="exceeds the available context size") as caught:
        ask("hi " * 9_000)
    assert "\n" not in str(caught.value)


def test_probabilities_arrive_in_the_shape_of_openai() -> None:
    body = dialect.LOCAL.body(request(temperature=0, max_tokens=3), stream=False) | {
        "logprobs": True,
        "top_logprobs": 20,
    }
    model = loaded.get()
    rows = model._post(dialect.LOCAL.path, body)["choices"][0]["logprobs"]["content"]
    assert len(rows) == 3
    for row in rows:
        assert {"token", "logprob", "bytes", "top_logprobs"} <= row.keys()
        assert len(row["top_logprobs"]) == 20
        assert row["top_logprobs"][0]["logprob"] == row["logprob"]


SETTINGS: list[dict[str, Any]] = [
    {"temperature": 1.0},
    {"temperature": 1.5, "top_k": 5},
    {"temperature": 0.6, "top_p": 0.8},
    {"temperature": 1.8, "top_p": 0.7},
    {"temperature": 1.3, "min_p": 0.2},
    {"temperature": 1.2, "top_k": 8, "top_p": 0.6, "min_p": 0.1},
]


def shaped(settings: dict[str, Any]) -> dict[int, float]:
    """The distribution that the lens would show for these settings."""
    model = loaded.get()
    found = model.next_token(model.chat_text([{"role": "user", "content": "Name a color."}]))
    own = {name: value for name, value in settings.items() if name != "min_p"}
    final = sampling.shape([candidate.probability for candidate in found], **own).final
    least = settings.get("min_p", 0) * max(final)
    kept = [(candidate.id, p) for candidate, p in zip(found, final, strict=True) if p >= least and p]
    total = math.fsum(p for _, p in kept)
    return {number: p / total for number, p in kept}


@pytest.mark.parametrize("settings", SETTINGS)
def test_the_tokens_that_can_be_drawn_are_those_of_the_lens(settings: dict[str, Any]) -> None:
    """`post_sampling_probs` tells what the engine itself draws from."""
    model = loaded.get()
    body = dialect.LOCAL.body(request("Name a color.", **settings), stream=False)
    body |= {"prompt": model.chat_text(body.pop("messages")), "n_probs": 200, "post_sampling_probs": True}
    rows = model._post("/completion", body | {"n_predict": 1})["completion_probabilities"][0]["top_probs"]
    expected = shaped(settings)
    told = {row["id"]: row["prob"] for row in rows if row["prob"] > 0}
    if len(told) < 200:
        assert told.keys() == expected.keys()
    assert {number: expected[number] for number in told} == pytest.approx(told, abs=1e-4)


@pytest.mark.timeout(1800)  # half a minute of work, on a machine that has others to do
def test_two_thousand_draws_follow_the_shaped_distribution() -> None:
    settings = {"temperature": 1.2, "top_k": 8}
    model = loaded.get()
    expected = shaped(settings)
    body = dialect.LOCAL.body(request("Name a color.", **settings), stream=False)
    body |= {
        "prompt": model.chat_text(body.pop("messages")),
        "n_predict": 1,
        "return_tokens": True,
        "cache_prompt": True,
    }
    drawn: Counter[int] = Counter()
    for seed in range(2_000):
        drawn[model._post("/completion", body | {"seed": seed})["tokens"][0]] += 1
    assert drawn.keys() <= expected.keys()
    chi_square = sum((drawn[number] - 2_000 * p) ** 2 / (2_000 * p) for number, p in expected.items())
    assert chi_square < 24.3  # 7 degrees of freedom: a fair draw is above it once in a thousand times


def test_pictures_are_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (2, 2)).save(tmp_path / "p.png")
    loaded.unload()
    with pytest.raises(PromptError, match="local models read text only here"):
        ask(attach=[str(tmp_path / "p.png")])
    assert not loaded._memory.engines


@pytest.mark.parametrize("options", [{"thinking": "on"}, {"effort": "low"}, {"cache": "5m"}, {"speed": "fast"}])
def test_what_it_has_not_is_refused_in_one_line(options: dict[str, Any]) -> None:
    with pytest.raises(PromptError) as caught:
        ask(**options)
    assert "\n" not in str(caught.value)


def test_the_body_spells_every_setting_out() -> None:
    body = dialect.LOCAL.body(request(temperature=0.5, min_p=0.1, seed=7), stream=True)
    json.dumps(body)
    assert (body["temperature"], body["min_p"], body["top_k"], body["top_p"], body["seed"]) == (0.5, 0.1, 0, 1.0, 7)
    assert body["samplers"] == ("temperature", "top_k", "top_p", "min_p")
    assert body["cache_prompt"] is False
