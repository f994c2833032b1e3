"""The embedded demo model: honest, repeatable on every Python, and with settings that do what a lesson says."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_nb import demo
from claude_nb.demo import sampling
from claude_nb.demo.corpus import paragraphs, tokens
from claude_nb.stop_signal import Stop
from claude_nb.types.request import Chunk, Message, Request
from claude_nb.types.settings import Sampling
from tests.helpers import ROOT, demo_fingerprint
from tests.helpers.work import calls

GOLDEN = "d318fa951e7350ffaeea2d23808acc4fb5fee7565d005dfd4a048e6a029ebaeb"
STORY = "Once upon a time there was a"
FEW_SHOT = "sea -> mer\ndog -> chien\nsea ->"
VERSIONS = Path.home() / ".pyenv" / "versions"  # before the fixture moves the home directory


def ask(*texts: str, system: str | None = None, repeat: int = 0, **options: Any) -> Request:
    """A request whose messages take turns, the user first."""
    roles = ("user", "assistant") * len(texts)
    messages = tuple(Message(role, text) for role, text in zip(roles, texts))  # noqa: B905  # as many as there are texts
    return Request("demo", "demo", messages, system, Sampling(**options), repeat=repeat)


def chunks(request: Request) -> list[Chunk]:
    return list(demo.stream(request, delay_s=0))


def say(*texts: str, **options: Any) -> str:
    return "".join(chunk.text for chunk in chunks(ask(*texts, **options)))


# --- the same everywhere ---------------------------------------------------------------------------------------------


@cache
def fingerprint_texts() -> tuple[str, ...]:
    return tuple(demo_fingerprint.replies())


def other_pythons() -> list[str]:
    """Every other Python from 3.10 on, once per version; version managers' shims cannot run under a test's home."""
    found: dict[str, str] = {}
    for minor in range(10, 16):
        if minor == sys.version_info.minor:
            continue
        installed = sorted(VERSIONS.glob(f"3.{minor}.*/bin/python"))
        path = str(installed[-1]) if installed else shutil.which(f"python3.{minor}")
        if path and "/shims/" not in path:
            found[f"3.{minor}"] = path
    return list(found.values())


def test_two_hundred_replies_are_byte_for_byte_the_ones_we_know() -> None:
    assert len(fingerprint_texts()) >= 200
    assert demo_fingerprint.fingerprint(list(fingerprint_texts())) == GOLDEN


def test_every_other_python_writes_the_same_bytes() -> None:
    pythons = other_pythons()
    if not pythons:
        pytest.skip("no other Python on this machine")
    running = [
        subprocess.Popen([python, "-B", demo_fingerprint.__file__], stdout=subprocess.PIPE, text=True)
        for python in pythons
    ]
    printed = [process.communicate(timeout=120)[0].strip() for process in running]
    assert dict(zip(pythons, printed, strict=True)) == dict.fromkeys(pythons, GOLDEN)


def test_the_same_seed_and_repeat_give_the_same_text_and_another_repeat_another() -> None:
    texts = [say(STORY, seed=7, repeat=repeat) for repeat in (0, 1, 2, 0)]
    assert texts[0] == texts[3]
    assert len(set(texts)) == 3


def test_without_a_seed_the_global_random_module_decides() -> None:
    texts = []
    for seed in (1, 2, 1):
        random.seed(seed)
        texts.append(say(STORY))
    assert texts[0] == texts[2] != texts[1]


def test_temperature_zero_is_repeatable_whatever_the_seed() -> None:
    assert len({say("Tell me a story", temperature=0, seed=seed) for seed in range(5)}) == 1


def test_importing_the_demo_trains_nothing() -> None:
    code = "from claude_nb import demo; assert demo.model.cache_info().currsize == 0"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_training_and_the_first_twenty_tokens_take_few_steps() -> None:
    def train_and_write() -> None:
        demo.DemoModel(paragraphs()).complete(STORY, max_tokens=20, seed=1)

    assert calls(train_and_write) < 400_000  # measured: 245,000, which take 0.05 s


# --- honest ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "prompt",
    ["Who are you?", "who are you", "Are you Claude?", "Who made you?", "Who won the cup?", "xyzzy"],
)
def test_it_says_that_it_is_a_small_demo_model_and_not_claude(prompt: str) -> None:
    assert say(prompt, temperature=0).startswith("I am a small demo model, not Claude")


@pytest.mark.parametrize(
    "system", ["You are a pirate.", "You are a scientist.", "You are my grandmother.", "Be a poet."]
)
def test_it_stays_honest_in_every_voice(system: str) -> None:
    assert "a small demo model, not Claude" in say("Who won the cup?", system=system, temperature=0)


def test_no_reply_at_any_setting_claims_to_be_claude_or_names_a_maker() -> None:
    hot = [say("Who are you?", "I am", temperature=2, seed=seed, max_tokens=40) for seed in range(40)]
    for text in (*fingerprint_texts(), *hot, *(text for cell in CELLS for text in cell_texts(cell))):
        assert not re.search(r"(?<!not )claude", text, re.IGNORECASE)
        assert not re.search(r"anthropic|openai|google|mistral|meta ai", text, re.IGNORECASE)


def test_it_has_no_word_with_which_it_could_say_so() -> None:
    names = {word.strip() for word in demo.vocabulary() if re.search("claude|anthropic|gpt", word, re.IGNORECASE)}
    assert names == {"not Claude"}


# --- what it can talk about ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prompt", "word"),
    [
        ("Hello!", "Hello|Hi|Good day|Welcome|Nice"),
        ("How are you?", "word statistics"),
        ("Thanks a lot", "ask again"),
        ("How is the weather today?", "degrees|rain"),
        ("How do I cook soup?", "soup"),
        ("Why does the Moon shine?", "Moon|Sun|planet"),
        ("Tell me a joke", "ladder|other"),
        ("What does temperature do?", "distribution|most likely"),
        ("What is top_p?", "top_p"),
        ("What is top_k?", "top_k"),
        ("What is a token?", "token"),
        ("What is a stop sequence?", "stop sequence"),
        ("Why is the median different from the mean?", "mean|median"),
    ],
)
def test_it_keeps_to_the_topic(prompt: str, word: str) -> None:
    for seed in range(3):
        assert re.search(word, say(prompt, temperature=0.3, seed=seed))


def run_code(text: str) -> dict[str, Any]:
    """Run the code block of a reply; what it prints is in "printed"."""
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert code is not None, text
    names: dict[str, Any] = {"printed": ""}

    def note(*values: object) -> None:
        names["printed"] += " ".join(map(str, values)) + "\n"

    names["print"] = note
    exec(code[1], names)
    return names


@pytest.mark.parametrize(
    ("prompt", "call", "result"),
    [
        ("Write Python that adds two numbers", "add(2, 3)", 5),
        ("Write a Python function that adds two numbers", "add(-1, 9)", 8),
        ("python code to add two integers", "add(2, 3)", 5),
        ("Add up a list of numbers: sum of a list", "total([1, 2, 3])", 6),
        ("Write a function that multiplies two numbers", "multiply(6, 7)", 42),
        ("Reverse a string", "backwards('abc')", "cba"),
        ("Count the words of a text with Python", "count_words('a b a')", {"a": 2, "b": 1}),
        ("Find the largest number of a list", "largest([1, 9, 3])", 9),
        ("Compute the average of a list in Python", "mean([1, 2, 3])", 2),
        ("Is a number even? Write Python.", "[is_even(2), is_even(3)]", [True, False]),
        ("factorial in Python", "factorial(5)", 120),
        ("Write a Fibonacci function", "fibonacci(7)", [0, 1, 1, 2, 3, 5, 8]),
        ("Check for a palindrome", "[is_palindrome('noon'), is_palindrome('soon')]", [True, False]),
        ("Convert Celsius to Fahrenheit", "fahrenheit(100)", 212),
        ("Write a function that greets me", "greet('Ada')", "Hello, Ada"),
        ("hello world", "printed", "Hello, world!\n"),
        ("Write a for loop", "printed", "".join(f"{n}\n" for n in range(1, 11))),
        ("Sort a list of names", "printed", "['Ali', 'Ben', 'Mia', 'Zoe']\n"),
        (
            "Write FizzBuzz",
            "printed",
            "".join(f"{'Fizz' * (n % 3 == 0) + 'Buzz' * (n % 5 == 0) or n}\n" for n in range(1, 101)),
        ),
    ],
)
def test_the_code_that_pupils_ask_for_first_does_what_they_asked(prompt: str, call: str, result: object) -> None:
    for seed in range(5):
        assert eval(call, run_code(say(prompt, temperature=0.7, seed=seed))) == result


@pytest.mark.parametrize(
    ("prompt", "word"),
    [
        ("What is the capital of France?", "Paris"),
        ("The capital of Japan is", "Tokyo"),
        ("What is the capital of Peru?", "not Claude"),
        ("What is 2 + 2?", "I do not calculate"),
        ("What is AI?", "count"),
        ("What is Python?", "programming language"),
        ("Tell me a fun fact", "Did you know"),
        ("Translate hello to French", "bonjour"),
        ("What time is it?", "I have no"),
        ("Write an email to my teacher", "^Dear"),
        ("Tell me about cats", "cat"),
        ("What is the largest planet?", "planet|Moon|Sun|astronaut"),
        ("Add two eggs to my recipe", "recipe"),
        ("Sort of a story, please", "once|Once|land|looked"),
        ("How is the weather in Paris?", "degrees|[Rr]ain"),
    ],
)
def test_what_pupils_ask_first_is_in_its_text_and_takes_no_other_topic(prompt: str, word: str) -> None:
    for seed in range(5):
        assert re.search(word, say(prompt, temperature=0.7, seed=seed))


@pytest.mark.parametrize("seed", range(5))
def test_a_haiku_about_snow_has_three_lines_and_no_forecast(seed: int) -> None:
    text = say("Write a haiku about snow", temperature=0.5, top_p=0.9, seed=seed)
    assert len(text.splitlines()) == 3
    assert "degrees" not in text


def test_code_comes_in_a_fence_that_python_can_compile() -> None:
    text = say("Write a Python function", temperature=0)
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert code is not None
    compile(code[1], "reply", "exec")


def test_a_recipe_is_a_markdown_list() -> None:
    assert re.search(r"^- \d \w+\n- ", say("A recipe, please", temperature=0), re.MULTILINE)


def test_the_system_prompt_changes_the_voice() -> None:
    question = "How is the weather today?"
    voices = ["You are a pirate.", "You are a scientist.", "You are my grandmother.", "You are a poet."]
    assert len({say(question, system=system, temperature=0) for system in [None, *voices]}) == 5
    assert say(question, system="You are a pirate.", temperature=0).startswith("Ahoy")


def test_a_question_about_nothing_follows_the_conversation() -> None:
    text = say("Tell me a joke", "Two owls meet.", "Another one, please", temperature=0)
    assert re.search(r"ladder|say to the other|meet", text)


def test_an_unknown_question_is_not_answered_from_the_conversation_before() -> None:
    assert say("Tell me a joke", "Two owls meet.", "Who won the cup?", temperature=0).startswith("I am a small demo")


# --- continuing and copying ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "prompt", ["Once upon a time", "once upon a time", "The weather today is", "Once upon a time "]
)
def test_a_known_beginning_is_continued(prompt: str) -> None:
    text = say(prompt, temperature=0)
    assert text.startswith(" ") != prompt.endswith(" ")
    assert demo.model().copied(prompt.capitalize() + text, 3) == 1


def test_a_prefill_is_continued() -> None:
    assert say("Tell me a story", "In a land of", temperature=0).startswith(" rivers")


@pytest.mark.parametrize("temperature", [0, 0.7])
def test_a_pattern_is_copied_fifty_times_of_fifty(temperature: float) -> None:
    for seed in range(50):
        assert say(FEW_SHOT, temperature=temperature, seed=seed, max_tokens=1) == " mer"


def test_an_unseen_left_side_is_copied_too_since_nothing_is_translated() -> None:
    assert say(FEW_SHOT.replace("\nsea ->", "\ncat ->"), temperature=0, max_tokens=1) == " mer"


def test_a_pattern_runs_on_until_a_stop_sequence_ends_it() -> None:
    assert say(FEW_SHOT, temperature=0, max_tokens=10) == " mer\ndog -> chien\nsea -> mer\n"
    assert say(FEW_SHOT, temperature=0, stop_sequences=("\n",)) == " mer"


# --- the stream ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "reason", "raw"),
    [
        ({}, "end", "end_turn"),
        ({"max_tokens": 4}, "max_tokens", "max_tokens"),
        ({"stop_sequences": ("quiet",)}, "stop_sequence", "stop_sequence"),
    ],
)
def test_every_reply_ends_with_its_reason_and_its_tokens(options: dict[str, Any], reason: str, raw: str) -> None:
    first, *middle, last = chunks(ask(STORY, temperature=0, **options))
    assert first.model == "demo"
    assert str(first.id).startswith("demo-")
    assert (last.stop_reason, last.raw_stop_reason, last.done) == (reason, raw, True)
    assert last.usage is not None
    assert last.usage.input_tokens == 7
    assert last.usage.output_tokens == {"end": 52, "max_tokens": 4, "stop_sequence": 7}[reason]
    assert all(chunk.text for chunk in middle)


@settings(derandomize=True, max_examples=40, deadline=None)
@given(st.integers(0, 50), st.integers(0, 60), st.integers(1, 12))
def test_a_stop_sequence_never_shows_wherever_it_crosses_tokens(seed: int, start: int, length: int) -> None:
    full = say("A recipe, please", seed=seed)
    stop = full[start : start + length]
    if not stop:
        return
    pieces = [chunk.text for chunk in chunks(ask("A recipe, please", seed=seed, stop_sequences=("never there", stop)))]
    assert "".join(pieces) == full[: full.index(stop)]


def test_text_held_back_for_a_stop_sequence_that_never_comes_is_not_lost() -> None:
    full = say(STORY, temperature=0)
    assert say(STORY, temperature=0, stop_sequences=(full[-9:] + "!", "\n\n")) == full


def test_a_stop_ends_a_slow_reply_at_once() -> None:
    stop = Stop()
    timer = threading.Timer(0.05, stop.set)
    timer.start()
    got = list(demo.stream(ask(STORY), stop=stop, delay_s=3600))  # a wait to its end would outlast pytest's time-out
    timer.join()
    assert (got[-1].stop_reason, got[-1].done) == (None, False)
    assert got[-1].usage is not None
    assert got[-1].usage.output_tokens == 0


def test_no_reply_is_empty() -> None:
    assert all(say(prompt, temperature=2, seed=s, max_tokens=5) for prompt in ("Hello", STORY, "") for s in range(20))


@settings(derandomize=True, max_examples=200, deadline=None)
@given(st.text())
def test_tokens_joined_are_the_text(text: str) -> None:
    assert "".join(tokens(text)) == text


def test_the_training_text_survives_its_tokens() -> None:
    assert all("".join(tokens(paragraph.text)) == paragraph.text for paragraph in paragraphs())
    assert not re.search(r"[|$@\\]|\{[^}]", demo.text())


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.text(max_size=60), st.text(max_size=20), st.text(max_size=20))
def test_any_prompt_gets_a_reply(prompt: str, prefill: str, system: str) -> None:
    assert chunks(ask(prompt, prefill, system=system, seed=1, max_tokens=3))[-1].done


# --- the lens --------------------------------------------------------------------------------------------------------


def test_the_steps_are_the_stream() -> None:
    request = ask(STORY, temperature=0.9, top_p=0.95, seed=4)
    steps = list(demo.steps(request))
    assert "".join(step.word for step in steps) == say(STORY, temperature=0.9, top_p=0.95, seed=4)
    assert steps[-1].token == 0
    assert steps[3].before == STORY + "".join(step.word for step in steps[:3])


def test_a_step_shows_a_whole_distribution_and_how_it_was_drawn() -> None:
    vocabulary = demo.vocabulary()
    for step in islice(demo.steps(ask(STORY, temperature=0.7, top_k=5, seed=1)), 10):
        assert len(step.p) == len(step.final) == len(vocabulary)
        assert sum(step.p) == pytest.approx(1)
        assert sampling.survivors(step.final) == 5
        assert step.token == sampling.draw(step.final, step.u)
        assert vocabulary[step.token] == step.word


def test_every_word_with_its_space_is_possible_and_the_end_only_after_three_tokens() -> None:
    steps = list(islice(demo.steps(ask(STORY, seed=1)), 4))
    spaced = [token for token, word in enumerate(demo.vocabulary()) if token and not re.match(r"\.?\w", word)]
    assert len(spaced) > 700
    assert all(step.p[token] > 0 for step in steps for token in spaced)
    assert [step.p[0] > 0 for step in steps] == [False, False, False, True]


def test_a_step_names_the_sentences_its_context_comes_from() -> None:
    step = next(demo.steps(ask(STORY)))
    assert step.context == " a time there was a"
    assert step.places > 50
    assert 0 < step.passed < 0.1
    assert len(step.sources) == 3
    for source in step.sources:
        assert source.text[source.start : source.end].split() == ["a", "time", "there", "was", "a"]


def test_a_copied_pattern_is_its_own_source() -> None:
    step = next(demo.steps(ask(FEW_SHOT)))
    assert [source.text for source in step.sources] == [FEW_SHOT]
    assert step.sources[0].text[: step.sources[0].end] == "sea ->"
    assert " chien" in demo.vocabulary(ask(FEW_SHOT))


def test_forcing_what_was_drawn_anyway_changes_nothing_and_another_word_branches() -> None:
    request = ask(STORY, seed=3)
    plain = list(demo.steps(request))
    same = list(demo.steps(request, force=[step.token for step in plain[:4]]))
    owl = demo.vocabulary().index(" owl")
    other = list(demo.steps(request, force=[plain[0].token, owl]))
    assert [step.token for step in same] == [step.token for step in plain]
    assert [step.forced for step in same[:5]] == [True] * 4 + [False]
    assert other[1].word == " owl"
    assert other[2].before.endswith(" owl")
    assert [step.u for step in other[:5]] == [step.u for step in plain[:5]]


def test_the_order_of_the_settings_matters() -> None:
    request = ask(STORY, temperature=1.5, top_p=0.9)
    first, last = (next(demo.steps(request, order=o)) for o in ("temperature_first", "temperature_last"))
    assert first.p == last.p
    assert sampling.survivors(first.final) > 3 * sampling.survivors(last.final)


def test_the_golden_numbers_of_once_upon_a_time_there_was_a() -> None:
    step = next(demo.steps(ask(STORY)))
    words = [demo.vocabulary().index(word) for word in (" little", " quiet", " young")]

    def percent(**options: Any) -> list[float]:
        final = sampling.shape(step.p, **options).final
        return [round(100 * final[word], 1) for word in words]

    assert percent(temperature=1) == [33.9, 16.5, 13.6]
    assert percent(temperature=0.3) == [86.2, 7.8, 4.1]
    assert percent(temperature=1.5) == [21.4, 13.2, 11.6]
    assert percent(top_k=3) == [53.0, 25.8, 21.2]


# --- the lesson of the settings --------------------------------------------------------------------------------------

CURVE_PROMPTS = (
    STORY,
    "Tell me a story",
    "How is the weather today?",
    "How do I cook soup?",
    "What does temperature do?",
    "Tell me about the planets",
)
COLD, COOL, WARM, HOT, WILD = ({"temperature": t} for t in (0.3, 0.7, 1.0, 1.2, 1.5))
HOT_TOP_P, HOT_TOP_K = {**HOT, "top_p": 0.9}, {**HOT, "top_k": 5}
CELLS = tuple(tuple(cell.items()) for cell in (COLD, COOL, WARM, HOT, WILD, HOT_TOP_P, HOT_TOP_K))


@cache
def cell_texts(cell: tuple[tuple[str, float], ...]) -> tuple[str, ...]:
    return tuple(say(prompt, **dict(cell), seed=s, max_tokens=40) for prompt in CURVE_PROMPTS for s in range(6))


def clean(cell: dict[str, float]) -> float:
    """The share of texts without any three tokens in a row that the training text does not hold."""
    texts = cell_texts(tuple(cell.items()))
    return sum(demo.model().copied(text, 3) in (1, None) for text in texts) / len(texts)


def distinct_2(cell: dict[str, float]) -> float:
    """Different token pairs among all pairs, per prompt, on average."""
    texts = cell_texts(tuple(cell.items()))
    shares = []
    for n in range(0, len(texts), 6):
        pairs = [pair for text in texts[n : n + 6] for pair in zip(tokens(text), tokens(text)[1:], strict=False)]
        shares.append(len(set(pairs)) / len(pairs))
    return sum(shares) / len(shares)


def test_temperature_buys_variety() -> None:
    shares = [distinct_2(cell) for cell in (COLD, COOL, WARM, HOT, WILD)]
    assert shares == sorted(shares)
    assert shares[0] < shares[2] - 0.1 < shares[4] - 0.2


def test_and_then_it_costs_mistakes() -> None:
    assert clean(COLD) > 0.95
    assert clean(COOL) > 0.9
    assert 0.3 < clean(WARM) < 0.8
    assert clean(HOT) < clean(WARM) - 0.15
    assert clean(WILD) < 0.1


def test_two_hundred_hot_replies_hold_no_words_that_run_together() -> None:
    known = {part for paragraph in paragraphs() for part in re.findall(r"\w+|\w+[.,;:!?)\"]+\w+", paragraph.text)}
    prompts = (
        *CURVE_PROMPTS,
        "Tell me a joke",
        "Write a haiku",
        "A recipe, please",
        "Write Python that adds two numbers",
    )
    texts = [say(prompt, temperature=1.2, seed=seed, max_tokens=60) for prompt in prompts for seed in range(20)]
    assert len(texts) == 200
    found = {part for text in texts for part in re.findall(r"\w+|[^\W\d]+[.,;:!?)\"]+\w+", text)}
    assert found - known == set()


def test_words_of_a_text_without_spaces_still_follow_each_other() -> None:
    model = demo.train("好，你好。\n\n好，你好。")
    assert model.complete("好，", temperature=0).startswith("你好。")
    assert demo.train("alone").complete("?", seed=1) == "alone"


def test_top_p_takes_the_mistakes_away_and_top_k_does_so_less_well() -> None:
    assert clean(HOT_TOP_P) > clean(HOT) + 0.5
    assert clean(HOT) + 0.15 < clean(HOT_TOP_K) < clean(HOT_TOP_P) - 0.15


# --- train your own --------------------------------------------------------------------------------------------------

OWN = "\n\n".join(sentence for sentence in demo.text().split("\n\n")[:60])


def copied(model: demo.DemoModel) -> float:
    """The mean share of 8 tokens in a row that stand in the text, over ten replies."""
    texts = [model.complete("Once upon a time", seed=seed, max_tokens=60) for seed in range(10)]
    return sum(model.copied(text) or 0 for text in texts) / len(texts)


def test_trained_without_the_seen_twice_rule_it_recites_and_with_one_word_of_context_it_rambles() -> None:
    text = (ROOT / "tests" / "conftest.py").read_text()
    reciting, ruled, short = (demo.train(text, order=o, seen_twice=s) for o, s in ((6, False), (6, True), (2, True)))
    assert copied(reciting) > 0.8
    assert copied(ruled) < copied(reciting) - 0.3
    assert copied(short) < 0.2


def test_text_of_its_own_kind_puzzles_it_less_than_another() -> None:
    model = demo.train(OWN)
    kin = "Once upon a time there was a quiet fox who lived by the sea. One day it found a map."
    assert model.perplexity(kin) < 10
    assert model.perplexity("Quarterly revenue exceeded all guidance.") > 100


def test_a_trained_model_speaks_only_of_what_it_read() -> None:
    model = demo.train("The cat sat. The cat ran.\n\nThe cat sat. The cat hid.")
    assert model.complete("The cat", temperature=0, max_tokens=1) == " sat"
    assert "demo model" not in model.complete("Who are you?", seed=1)
    assert set(model.vocabulary()) == {"<end>", "The", " cat", " sat", ".", " The", " ran", " hid"}


def test_a_text_shorter_than_the_measure_has_no_share() -> None:
    assert demo.model().copied("Once upon a") is None


def test_settings_that_are_unset_have_the_documented_defaults() -> None:
    request = ask(STORY, seed=5)
    set_out = replace(
        request, sampling=replace(request.sampling, temperature=demo.TEMPERATURE, max_tokens=demo.MAX_TOKENS)
    )
    assert [chunk.text for chunk in chunks(request)] == [chunk.text for chunk in chunks(set_out)]
