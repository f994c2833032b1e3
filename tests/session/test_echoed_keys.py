"""A server that repeats the key in what it answers: it reaches no reply, no history and no list."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from claude_nb.errors import ClaudeError
from claude_nb.providers import api, registry
from claude_nb.providers.credentials import Credentials
from claude_nb.safe_text.redaction import remember
from claude_nb.session.session import Session
from claude_nb.types.reply import Reply
from tests.helpers.replies import chat, messages
from tests.helpers.server import Scenario, Server, answer
from tests.helpers.spellings import SECRET, SPELLINGS, leaks

TEXT = f"Your key is {SECRET}, in JSON {SPELLINGS['with JSON escapes']}, in base64 {SPELLINGS['in base64']}."
CALL = {"id": SECRET, "type": "tool_use", "name": "f", "input": {SECRET: [SECRET], "deep": {"x": SECRET}}}


def session(path: Path, server: Server) -> Session:
    variables = {"ANTHROPIC_API_KEY": SECRET, "AIMLAPI_API_KEY": SECRET, "CLAUDE_NB_HISTORY": str(path / "h.db")}
    return Session(credentials=Credentials(variables))


def whole_chat(text: str) -> Scenario:
    message = {"role": "assistant", "content": text, "reasoning_content": f"thinks of {SECRET}"}
    return answer(200, {"id": SECRET, "model": SECRET, "choices": [{"message": message, "finish_reason": "stop"}]})


def whole_messages(text: str) -> Scenario:
    blocks = [{"type": "thinking", "thinking": SECRET, "signature": "s"}, {"type": "text", "text": text}, CALL]
    return answer(200, {"id": SECRET, "model": SECRET, "content": blocks, "stop_reason": SECRET})


def pieces(text: str, size: int) -> list[str]:
    return [text[i : i + size] for i in range(0, len(text), size)]


ANSWERS: dict[str, tuple[str, Scenario, bool]] = {
    "chat, whole": ("aimlapi", whole_chat(TEXT), True),
    "messages, whole": ("anthropic", whole_messages(TEXT), True),
    **{f"chat, by {n}": ("aimlapi", chat(pieces(TEXT, n)), False) for n in (1, 3, 9, 40)},
    **{f"messages, by {n}": ("anthropic", messages(pieces(TEXT, n)), False) for n in (1, 3, 9, 40)},
    "chat, whole and unasked": ("aimlapi", whole_chat(TEXT), False),
}


def everything(reply: Reply) -> str:
    bundle = json.dumps(reply._repr_mimebundle_(), ensure_ascii=False)
    return f"{reply!r}{reply}{json.dumps(reply.to_dict(), ensure_ascii=False)}{bundle}"


@pytest.mark.parametrize("name", ANSWERS)
def test_a_reply_and_its_history_show_no_key(name: str, tmp_path: Path) -> None:
    provider, scenario, whole = ANSWERS[name]
    with Server([scenario]) as server:
        asking = session(tmp_path, server)
        reply = asking.ask("Hi", provider=provider, base_url=server.url, whole=whole)
        assert server.requests[0].headers["authorization"].endswith(SECRET)
    assert leaks(everything(reply)) == []
    assert reply.text.startswith("Your key is [key], in JSON [key], in base64 ")
    assert asking.last is not None
    assert leaks(everything(asking.last)) == []
    store = asking.store
    assert store is not None
    assert leaks("".join(everything(row.reply) for row in store.recent(None))) == []
    files = "".join(path.read_bytes().decode("latin-1") for path in tmp_path.rglob("*") if path.is_file())
    assert leaks(files) == []


@pytest.mark.parametrize("provider", ["aimlapi", "anthropic"])
def test_a_list_of_models_shows_no_key(provider: str, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"id": f"{name}: {text}"} for name, text in SPELLINGS.items()]
    with Server([answer(200, {"data": rows})]) as server:
        asking = session(tmp_path, server)
        listed = api.model_ids(provider, server.url, asking.credentials)
    assert len(listed) == len(SPELLINGS)
    assert leaks("\n".join(listed)) == []


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 422])
@pytest.mark.parametrize("name", SPELLINGS)
def test_an_error_shows_no_key(name: str, status: int, tmp_path: Path) -> None:
    text = SPELLINGS[name]
    error = {"message": f"{'x' * 250} {text} {text}", "code": text, "param": text, "type": text}
    headers = {"x-request-id": "".join(letter for letter in text if " " <= letter <= "~")}
    refusal = answer(status, {"error": error, "request_id": text}, headers)
    with Server([refusal]) as server, pytest.raises(ClaudeError) as caught:
        session(tmp_path, server).ask("Hi", provider="aimlapi", base_url=server.url)
    assert leaks(f"{caught.value!r}{vars(caught.value)}") == []


def test_a_key_that_two_pieces_of_text_share_is_masked_when_the_reply_ends(tmp_path: Path) -> None:
    """Between the two the model calls a function; each half alone is too short to count."""
    remember("Ab3dEf9hIj2kLm")
    text = {"type": "text", "text": "so Ab3dEf9"}
    rest = {"type": "text", "text": "hIj2kLm it is"}
    body = {"id": "1", "content": [text, {"type": "tool_use", "id": "c", "name": "f", "input": {}}, rest]}
    with Server([answer(200, body | {"stop_reason": "end_turn"})]) as server:
        turn = session(tmp_path, server).stream("Hi", provider="anthropic", base_url=server.url, whole=True)
        reply = turn.wait()
    assert reply.text == "so [key] it is"
    assert reply.calls[0].at <= len(reply.text)


def test_the_first_prompt_is_checked_against_the_keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keyring.get_password", lambda _, name: SECRET if name == "anthropic" else None)
    asking = Session(credentials=Credentials({"CLAUDE_NB_HISTORY": "off"}))
    for text in (SECRET, SPELLINGS["in base64 after a name"], SPELLINGS["in a URL"]):
        with pytest.raises(ClaudeError, match="looks like a key"):
            asking.ask(f"What is wrong with {text}?", provider="demo")


def test_an_ordinary_prompt_asks_no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr("keyring.get_password", lambda _, name: asked.append(name))
    credentials = Credentials({})
    assert not credentials.in_text("Why is the sky blue? " * 100, registry.OWNERS)
    assert asked == []
    assert not credentials.in_text("What does internationalization mean?", registry.OWNERS)
    assert not credentials.in_text("What does internationalization mean?", registry.OWNERS)
    assert asked == ["aimlapi", "anthropic"]  # once
