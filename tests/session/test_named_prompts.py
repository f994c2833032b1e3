"""prompt(): a named prompt keeps its versions, and {{prompts.NAME}} stands for one of them wherever a prompt goes."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

import claude_nb
from claude_nb.errors import PromptError
from claude_nb.session.named_prompts import prompt
from claude_nb.session.session import Session
from claude_nb.sweeps.api import compare, sweep
from claude_nb.sweeps.check import check
from claude_nb.sweeps.mapping import map as ask_rows
from claude_nb.widgets.playground import Playground
from tests.helpers import sessions

DEMO: dict[str, Any] = {"provider": "demo", "max_tokens": 2, "seed": 1}
FIRST, SECOND = "Urgent? {{text}}", "Urgent or not? {{text}}"


@pytest.fixture
def own(tmp_path: Path) -> Session:
    """A session with two versions of a prompt."""
    made = sessions.session(CLAUDE_NB_HISTORY=str(tmp_path / "h.db"), CLAUDE_NB_PROVIDER="demo")
    for text in (FIRST, SECOND):
        prompt("triage", text, session=made)
    return made


def test_the_same_text_is_the_same_version(own: Session) -> None:
    first = prompt("triage", version=1, session=own)
    again = prompt("triage", FIRST, session=own)
    assert (again, again.number, again.id) == (FIRST, 1, first.id)
    assert again.saved_at == first.saved_at
    assert prompt("triage", session=own).number == 1  # it is the newest again
    assert prompt("triage", version=-1, session=own).number == 2
    assert prompt("triage", version=first.id[:4], session=own).number == 1
    assert prompt("other", FIRST, session=own).number == 1


def test_versions_outlive_the_session(own: Session) -> None:
    store = own.store
    assert store
    later = sessions.session(CLAUDE_NB_HISTORY=str(store.path))
    assert prompt("triage", session=later) == SECOND


def test_without_a_history_they_last_as_long_as_the_session() -> None:
    session = sessions.session()
    prompt("triage", FIRST, session=session)
    prompt("triage", SECOND, session=session)
    assert prompt("triage", session=session).number == 2
    assert session.ask("{{prompts.triage[1]}}", variables={"text": "x"}, **DEMO).prompt == "Urgent? x"
    with pytest.raises(PromptError, match="there is no prompt 'triage'"):
        prompt("triage", session=sessions.session())


def test_it_is_a_text_that_says_which_version_it_is(own: Session) -> None:
    text = prompt("triage", session=own)
    assert repr(text) == f"<prompt triage, version 2 ({text.id}): {SECOND}>"
    assert repr(text[:6]) == "'Urgent'"
    assert pickle.loads(pickle.dumps(text)).number == 2
    assert own.ask(text, variables={"text": "Fire!"}, **DEMO).prompt == "Urgent or not? Fire!"
    assert "\x1b" not in repr(prompt("triage", "\x1b[2J", session=own))


FORMS = {
    "{{prompts.triage}}!": "Urgent or not? it!",
    "{{ prompts.triage }}": "Urgent or not? it",
    "{{prompts.triage[1]}}": "Urgent? it",
    "{{prompts.triage[-1]}}": "Urgent or not? it",
    "{{prompts.triage}} {{prompts.triage[1]}}": "Urgent or not? it Urgent? it",
    "\\{{prompts.triage}}": "{{prompts.triage}}",
    "prompts.triage {prompts.triage}": "prompts.triage {prompts.triage}",
}


@pytest.mark.parametrize("form", FORMS)
def test_a_name_in_a_prompt_stands_for_the_text_and_its_variables_are_filled(own: Session, form: str) -> None:
    text = "it"
    assert own.ask(form, **DEMO).prompt == FORMS[form]
    assert text


def test_a_pinned_id_stays_when_the_prompt_changes(own: Session) -> None:
    pin = prompt("triage", version=1, session=own).id
    assert own.ask(f'{{{{prompts.triage["{pin}"]}}}}', variables={"text": "a"}, **DEMO).prompt == "Urgent? a"


def test_a_prompt_may_contain_others_but_not_itself(own: Session) -> None:
    prompt("tone", "Be {{mood}}.", session=own)
    prompt("triage", f"{{{{prompts.tone}}}} {FIRST}", session=own)
    values = {"mood": "kind {{text}}", "text": "{{prompts.tone}}"}
    assert (
        own.ask("{{prompts.triage}}", variables=values, **DEMO).prompt == "Be kind {{text}}. Urgent? {{prompts.tone}}"
    )
    prompt("tone", "{{prompts.triage}}", session=own)
    with pytest.raises(PromptError, match="the prompt triage contains itself"):
        own.ask("{{prompts.triage}}", variables=values, **DEMO)


def test_a_variable_of_the_user_comes_first(own: Session) -> None:
    prompts = ["a list"]
    assert own.ask("{{prompts[0]}}", **DEMO).prompt == "a list"
    assert prompts


WRONG = {
    "{{prompts}}": r"\{\{prompts\}\} is not the name of a prompt; write \{\{prompts.triage\}\}",
    "{{prompts.triag}}": "did you mean triage",
    "{{prompts.letter}}": r'save it with claude_nb.prompt\("letter", text\)',
    "{{prompts.triage[3]}}": r"no version 3; there is 1 \(\w{8}\), 2",
    "{{prompts.triage[0]}}": "no version 0",
    "{{prompts.triage[99999999999999999999]}}": "no version 9999",
    '{{prompts.triage["abc"]}}': "no version 'abc'",
    '{{prompts.triage["zzzzzzzz"]}}': "no version 'zzzzzzzz'",
    "{{prompts.triage.text}}": "not the name of a prompt",
    "{{prompts[1]}}": "not the name of a prompt",
    "{{prompts.triage()}}": "not the name of a prompt",
    "{{prompts.triage[1][2]}}": "not the name of a prompt",
    "{{prompts.__class__}}": "no prompt '__class__'",
}


@pytest.mark.parametrize("form", WRONG)
def test_a_name_that_stands_for_nothing_is_one_error(own: Session, form: str) -> None:
    with pytest.raises(PromptError, match=WRONG[form]):
        own.ask(form, variables={"text": "a"}, **DEMO)


BAD: dict[str, tuple[tuple[Any, ...], dict[str, Any], str]] = {
    "a space": (("my prompt", "Hi"), {}, "letters, digits and _"),
    "a digit first": (("2nd", "Hi"), {}, "letters, digits and _"),
    "no name": (("", "Hi"), {}, "letters, digits and _"),
    "underscore": (("_x", "Hi"), {}, "letters, digits and _"),
    "a long name": (("x" * 61, "Hi"), {}, "letters, digits and _"),
    "a number": ((3, "Hi"), {}, "letters, digits and _, as in triage_2, not 3"),
    "no text": (("x", "  "), {}, "a text that is not empty"),
    "a list": (("x", ["Hi"]), {}, "a text that is not empty"),
    "a long text": (("x", "a" * 200_001), {}, "more than 200,000 characters"),
    "a version to save": (("x", "Hi"), {"version": 1}, "leave version out"),
    "no such prompt": (("x",), {}, "there is no prompt 'x'"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_saved_or_found_is_one_error(own: Session, case: str) -> None:
    arguments, options, message = BAD[case]
    with pytest.raises(PromptError, match=message):
        prompt(*arguments, **options, session=own)


def test_a_key_is_refused_and_does_not_reach_the_file(own: Session) -> None:
    key = "sk-ant-api03-" + "a" * 90
    with pytest.raises(PromptError, match="looks like a key"):
        prompt("leak", f"Use {key}", session=own)
    assert own.store
    assert key.encode() not in own.store.path.read_bytes()


def test_texts_arrive_as_they_are(own: Session) -> None:
    for text in (
        "naïve 🦊\u202e\r\n\ttabs",
        "half \ud83d pair",
        "null \0 byte",
        "{}{{}}\\{{x}}",
        "'); DROP TABLE prompts",
    ):
        saved = prompt("odd", text, session=own)
        assert prompt("odd", session=own) == saved
        assert saved == text.replace("\ud83d", "\ufffd")


def test_a_loop_that_saves_its_data_is_told_to_use_variables(own: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("claude_nb.storage.prompts.MOST_VERSIONS", 3)
    prompt("triage", "third", session=own)
    prompt("triage", FIRST, session=own)  # not a new one
    with pytest.raises(PromptError, match="triage has 3 versions; put what changes into"):
        prompt("triage", "fourth", session=own)


def test_sweeps_and_their_kin_take_a_name_too(own: Session) -> None:
    where = {"session": own, "show": False, **DEMO}
    form = "{{prompts.triage}}"
    wanted = ["Urgent or not? a", "Urgent or not? b"]
    assert [r.prompt for r in sweep(form, text=["a", "b"], **where)] == wanted
    assert [r.prompt for r in sweep([form, "{{prompts.triage[1]}}"], text="a", **where)] == [wanted[0], "Urgent? a"]
    assert [r.prompt for r in sweep(prompt("triage", session=own), text=["a", "b"], **where)] == wanted
    assert [r.prompt for r in ask_rows(form, ["a", "b"], **where)] == wanted
    values = {"text": "a"}
    assert [r.prompt for r in compare([{}, {"top_p": 0.5}], form, variables=values, **where)] == [wanted[0]] * 2


def test_a_check_and_the_options_take_a_name_too(own: Session) -> None:
    verdict = check("{{prompts.triage}}", lambda reply: True, n=1, session=own, text="a", **DEMO)
    assert verdict.replies[0].prompt == "Urgent or not? a"
    prompt("tone", "Be {{mood}}.", session=own)
    reply = own.ask("Hi", system="{{prompts.tone}}", variables={"mood": "kind"}, **DEMO)
    assert reply.request.system == "Be kind."
    mood = "curt"
    own.configure(system="{{prompts.tone}}")
    assert own.settings["system"] == "Be curt."
    assert mood


def test_the_playground_takes_a_name_too(own: Session) -> None:
    playground = Playground(session=own, prompt="{{prompts.triage}}", variable="r")
    text = "a"
    playground.run()
    reply = playground.wait()
    assert reply
    assert reply.prompt == f"Urgent or not? {text}"


def test_prompt_is_public() -> None:
    assert claude_nb.prompt is prompt
