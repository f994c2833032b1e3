from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from claude_nb.session.conversation import Cell, Conversation
from claude_nb.types.request import Message, Request


def answer(text: str) -> Message:
    return Message("assistant", text)


def ask(prompt: str, system: str | None = None) -> Request:
    return Request("demo", "demo", (Message("user", prompt),), system)


def talk(*cells: str) -> Conversation:
    """Return a conversation with one exchange for each "id/run"; "" is outside notebooks."""
    conversation = Conversation("c")
    for n, cell in enumerate(cells):
        conversation = conversation.plus(ask(f"p{n}"), answer(f"a{n}"), Cell(*cell.split("/")) if cell else None)
    return conversation


def prompts(conversation: Conversation) -> list[str]:
    return [exchange.prompt.text for exchange in conversation.exchanges]


def test_it_keeps_exchanges_in_order() -> None:
    assert talk("a/1", "b/1").messages == (
        Message("user", "p0"),
        Message("assistant", "a0"),
        Message("user", "p1"),
        Message("assistant", "a1"),
    )


def test_only_the_newest_prompt_of_a_request_is_added() -> None:
    longer = Request("demo", "demo", (*talk("a/1").messages, Message("user", "new")))
    assert prompts(talk("a/1").plus(longer, answer("answer"), None)) == ["p0", "new"]


def test_running_a_cell_again_removes_its_exchange_and_later_ones() -> None:
    assert prompts(talk("a/1", "b/1", "c/1").before(Cell("b", "2"))) == ["p0"]
    assert prompts(talk("a/1", "b/1").before(Cell("a", "2"))) == []


def test_two_prompts_of_one_run_belong_together() -> None:
    assert prompts(talk("a/1", "a/1").before(Cell("a", "1"))) == ["p0", "p1"]
    assert prompts(talk("z/1", "a/1", "a/1").before(Cell("a", "2"))) == ["p0"]


def test_a_new_cell_or_code_outside_notebooks_continues() -> None:
    assert prompts(talk("a/1", "", "b/1").before(Cell("c", "1"))) == ["p0", "p1", "p2"]
    assert prompts(talk("a/1", "b/1").before(None)) == ["p0", "p1"]


def test_a_conversation_remembers_its_newest_system_prompt() -> None:
    spoken = Conversation("c").plus(ask("Hi", "Be brief."), answer("Yo."), None)
    assert spoken.system == "Be brief."
    assert spoken.plus(ask("Ho"), answer("Hm."), None).system is None


def test_adding_does_not_change_the_old_conversation() -> None:
    old = talk("a/1")
    old.plus(ask("more"), answer("yes"), None)
    assert prompts(old) == ["p0"]


@given(st.lists(st.sampled_from(["a/1", "a/2", "b/1", ""]), max_size=6), st.sampled_from(["a", "b", "c"]))
def test_rewinding_twice_is_rewinding_once(cells: list[str], cell: str) -> None:
    here = Cell(cell, "new")
    once = talk(*cells).before(here)
    assert once.before(here) == once
    assert not any(ex.cell and ex.cell.id == cell for ex in once.exchanges)
    assert once.exchanges == talk(*cells).exchanges[: len(once.exchanges)]
