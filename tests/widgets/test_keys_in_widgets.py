"""A key that is typed into the playground stays out of its state, which is saved with the notebook."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from claude_nb.errors import PromptError
from claude_nb.providers.credentials import Credentials
from claude_nb.session.session import Session
from claude_nb.widgets import presets
from claude_nb.widgets.playground import Playground
from tests.helpers.spellings import SECRET, SPELLINGS, leaks

SHAPED = "sk-ant-api03-a1b2C3d4E5f6a1b2C3d4E5f6"


class Page(Playground):
    """A playground that notes what it sends to its page."""

    def __init__(self, **settings: Any) -> None:
        self.sent: list[Any] = []
        variables = {"ANTHROPIC_API_KEY": SECRET, "CLAUDE_NB_HISTORY": "off"}
        super().__init__(session=Session(credentials=Credentials(variables)), **settings)

    def send(self, content: Any, buffers: Any = None) -> None:
        self.sent.append(content)

    def send_state(self, key: Any = None) -> None:
        self.sent.append({"reset": key})

    def everything(self) -> str:
        state = {name: value for name, value in self.get_state().items() if name not in ("_esm", "_css")}
        return json.dumps(state, default=repr) + json.dumps(self.sent, default=repr)


def shows(text: str, key: str) -> bool:
    return bool(leaks(text)) if key != SHAPED else SHAPED[16:] in text


KEYS = [SHAPED, SECRET, SPELLINGS["in base64 after a name"], SPELLINGS["in a URL"], f"-H 'X-Api-Key: {SECRET}'"]
TEXTS = ["prompt", "system", "model", "variable", "stop_sequences"]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("name", [*TEXTS, "effort", "temperature", "seed"])
def test_a_key_in_a_setting_is_refused_and_the_state_goes_back(name: str, key: str) -> None:
    page = Page(prompt="before", system="also before", provider="demo")
    before = getattr(page, name)
    page.set_state({name: [key] if name == "stop_sequences" else key})
    assert getattr(page, name) == before
    assert not shows(page.everything(), key)
    assert {"reset": name} in page.sent
    assert any(message.get("t") == "refused" and message["name"] == name for message in page.sent)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("name", ["prompt", "system"])
def test_a_run_with_a_key_sends_nothing_not_even_the_earlier_prompt(name: str, key: str) -> None:
    page = Page(prompt="before", provider="demo")
    page._receive(page, {"t": "run", "settings": {"prompt": "Hi", name: key}, "n": 1}, None)
    page.wait()
    assert not shows(page.everything(), key)
    if name == "prompt":
        assert page.reply is None
        assert "looks like a key" in page.history[-1]["error"]


@pytest.mark.parametrize("key", KEYS)
def test_a_key_in_a_preset_is_neither_kept_nor_saved(key: str) -> None:
    page = Page(provider="demo")
    page._receive(page, {"t": "preset", "name": "mine", "params": {"stop_sequences": [key]}}, None)
    page._receive(page, {"t": "preset", "name": SHAPED, "params": {"temperature": 1}}, None)
    assert not shows(page.everything(), key)
    path: Path = presets.default_path()
    assert not path.exists() or not shows(path.read_text(), key)


@pytest.mark.parametrize("key", KEYS)
def test_a_key_given_in_python_is_refused(key: str) -> None:
    for settings in ({"prompt": key}, {"system": key}, {"stop_sequences": [key]}, {"variable": key}, {"model": key}):
        with pytest.raises(PromptError) as caught:
            Page(**settings)
        assert not shows(str(caught.value), key)
    with pytest.raises(PromptError) as caught:
        Page().run(key)
    assert not shows(str(caught.value), key)


def test_an_ordinary_long_word_is_kept() -> None:
    page = Page(prompt="What does internationalization mean? See https://example.org/a/long/one", provider="demo")
    page.set_state({"system": "On Donaudampfschifffahrtsgesellschaft.", "stop_sequences": ["-----BEGIN-----"]})
    assert page.system == "On Donaudampfschifffahrtsgesellschaft."
    assert page.stop_sequences == ["-----BEGIN-----"]
