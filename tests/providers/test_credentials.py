"""Which key is found, and where no key is ever sent."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path

import pytest

from claude_nb.errors import ConfigError
from claude_nb.providers.credentials import GATEWAY_KEY, Credentials, KeyOwner, is_home
from claude_nb.providers.keys import Key, is_loopback

AIMLAPI = KeyOwner("aimlapi", "https://api.aimlapi.com/v1", ("AIMLAPI_API_KEY", "AIMLAPI_KEY", "AIML_API_KEY"))
ANTHROPIC = KeyOwner("anthropic", "https://api.anthropic.com/v1", ("ANTHROPIC_API_KEY",))
OTHER = KeyOwner("openai-compatible", None)
GATEWAY = "https://gateway.example/v1"
LOCAL = "http://127.0.0.1:8000/v1"


def value(key: Key | None) -> str | None:
    return None if key is None else key.reveal()


class Keyring(types.ModuleType):
    """A keyring that counts its look-ups."""

    def __init__(self, **kept: str) -> None:
        super().__init__("keyring")
        self.kept = kept
        self.asked = 0

    def get_password(self, service: str, name: str) -> str | None:
        assert service == "claude_nb"
        self.asked += 1
        return self.kept.get(name)


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> Keyring:
    keyring = Keyring(aimlapi="from-the-keyring ")
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    return keyring


# Where keys are found


@pytest.mark.parametrize("name", AIMLAPI.variables)
def test_every_variable_of_a_provider_is_read(name: str) -> None:
    key = Credentials({name: " secret \n"}).find(AIMLAPI)
    assert key is not None
    assert (key.reveal(), key.found, key.origin) == (
        "secret",
        f"environment variable {name}",
        "https://api.aimlapi.com",
    )


def test_the_first_variable_wins_and_empty_ones_do_not_count() -> None:
    assert value(Credentials({"AIMLAPI_KEY": "b", "AIMLAPI_API_KEY": "a"}).find(AIMLAPI)) == "a"
    assert value(Credentials({"AIMLAPI_KEY": "b", "AIMLAPI_API_KEY": " "}).find(AIMLAPI)) == "b"


def test_a_missing_key_is_none() -> None:
    assert Credentials({}).find(AIMLAPI) is None
    assert Credentials({"ANTHROPIC_API_KEY": "a"}).find(AIMLAPI) is None
    assert Credentials({GATEWAY_KEY: "g"}).find(OTHER) is None


def test_a_key_passed_in_python_wins() -> None:
    credentials = Credentials({"AIMLAPI_API_KEY": "env"})
    credentials.give(AIMLAPI, " given\n", None)
    assert value(credentials.find(AIMLAPI)) == "given"


def test_the_environment_wins_over_the_keyring(keyring: Keyring) -> None:
    assert value(Credentials({"AIMLAPI_API_KEY": "env"}).find(AIMLAPI)) == "env"
    assert value(Credentials({}).find(AIMLAPI)) == "from-the-keyring"
    assert keyring.asked == 1


def test_a_changed_variable_counts_at_once() -> None:
    environ = {"AIMLAPI_API_KEY": "wrong"}
    credentials = Credentials(environ)
    assert value(credentials.find(AIMLAPI)) == "wrong"
    environ["AIMLAPI_API_KEY"] = "right"
    assert value(credentials.find(AIMLAPI)) == "right"
    del environ["AIMLAPI_API_KEY"]
    assert credentials.find(AIMLAPI) is None


def test_a_slow_place_is_asked_once_even_if_it_has_no_key(keyring: Keyring) -> None:
    credentials = Credentials({})
    for _ in range(5):
        credentials.find(AIMLAPI)
        credentials.find(ANTHROPIC)
    assert keyring.asked == 2


def test_after_a_login_the_keyring_is_asked_again(keyring: Keyring) -> None:
    credentials = Credentials({})
    assert credentials.find(ANTHROPIC) is None
    keyring.kept["anthropic"] = "new"
    credentials.forget()
    assert value(credentials.find(ANTHROPIC)) == "new"


def test_a_broken_keyring_means_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", types.ModuleType("keyring"))
    assert Credentials({}).find(AIMLAPI) is None


def test_colab_secrets_are_read_where_colab_is(monkeypatch: pytest.MonkeyPatch) -> None:
    colab = types.ModuleType("google.colab")
    colab.userdata = types.SimpleNamespace(get={"ANTHROPIC_API_KEY": "colab"}.__getitem__)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "google", types.ModuleType("google"))
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    key = Credentials({}).find(ANTHROPIC)
    assert key is not None
    assert (key.reveal(), key.found) == ("colab", "Colab secret ANTHROPIC_API_KEY")
    assert Credentials({}).find(AIMLAPI) is None


def test_kaggle_secrets_are_read_where_kaggle_is(monkeypatch: pytest.MonkeyPatch) -> None:
    kaggle = types.ModuleType("kaggle_secrets")
    kaggle.UserSecretsClient = lambda: types.SimpleNamespace(get_secret=lambda name: "kaggle")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "kaggle_secrets", kaggle)
    assert Credentials({}).find(AIMLAPI) is None
    monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Interactive")
    assert value(Credentials({}).find(AIMLAPI)) == "kaggle"


# Where keys go


@pytest.mark.parametrize(
    "url",
    [
        GATEWAY,
        "http://api.aimlapi.com/v1",
        "https://api.aimlapi.com:8443/v1",
        "https://api.aimlapi.com.evil.example/v1",
        "https://api.aimlapi.com@evil.example/v1",
        "https://evil.example/https://api.aimlapi.com/v1",
        "https://127.0.0.1.evil.example/v1",
        "https://localhost.evil.example/v1",
        "http://10.0.0.1/v1",
        "http://0.0.0.0:8000/v1",
    ],
)
def test_a_providers_key_goes_to_no_other_server(url: str, keyring: Keyring) -> None:
    credentials = Credentials({"AIMLAPI_API_KEY": "secret"})
    credentials.give(AIMLAPI, "given-secret", None)
    assert credentials.find(AIMLAPI, url) is None
    assert keyring.asked == 0


@pytest.mark.parametrize("url", [LOCAL, "http://localhost:1/v1", "http://[::1]:8000/v1", "http://127.9.9.9/v1"])
def test_a_proxy_on_this_machine_may_have_it(url: str) -> None:
    assert value(Credentials({"AIMLAPI_API_KEY": "secret"}).find(AIMLAPI, url)) == "secret"
    assert is_loopback(url)


def test_the_gateway_key_goes_to_other_servers_and_to_no_provider() -> None:
    credentials = Credentials({GATEWAY_KEY: "gate", "CLAUDE_NB_BASE_URL": GATEWAY})
    assert value(credentials.find(OTHER, GATEWAY)) == "gate"
    assert value(credentials.find(AIMLAPI, GATEWAY)) == "gate"
    assert credentials.find(AIMLAPI) is None


NAMED = [GATEWAY, LOCAL, "http://localhost:1/v1", "https://evil.example", "http://10.0.0.1/v1", "http://0.0.0.0/v1"]


@pytest.mark.parametrize("url", NAMED)
@pytest.mark.parametrize("owner", [OTHER, AIMLAPI, ANTHROPIC])
def test_the_gateway_key_goes_to_no_server_that_nothing_outside_the_notebook_names(url: str, owner: KeyOwner) -> None:
    credentials = Credentials({GATEWAY_KEY: "gate"})
    assert credentials.find(owner, url) is None
    with pytest.raises(
        ConfigError, match=r"is bound to no server, so nothing was sent to http.*; set CLAUDE_NB_BASE_URL"
    ):
        credentials.admit(owner, url)
    assert credentials.find(owner, url) is None


@pytest.mark.parametrize("may", [True, False])
def test_the_user_is_asked_once_for_each_origin(may: bool) -> None:
    credentials, asked = Credentials({GATEWAY_KEY: "gate"}), []

    def ask(variable: str, origin: str) -> bool:
        asked.append((variable, origin))
        return may

    credentials.ask = ask
    for url in (GATEWAY, "https://GATEWAY.example:443/v2", LOCAL, GATEWAY):
        for owner in (OTHER, AIMLAPI):
            credentials.admit(owner, url)
            assert value(credentials.find(owner, url)) == ("gate" if may else None)
    assert asked == [(GATEWAY_KEY, "https://gateway.example"), (GATEWAY_KEY, "http://127.0.0.1:8000")]
    assert credentials.find(OTHER, "https://gateway.example:8443") is None


def test_nobody_is_asked_where_another_key_or_none_goes() -> None:
    def ask(variable: str, origin: str) -> bool:
        raise AssertionError(f"asked about {origin}")

    for environ, owner, url in (
        ({}, OTHER, GATEWAY),
        ({GATEWAY_KEY: "gate"}, OTHER, None),
        ({GATEWAY_KEY: "gate"}, AIMLAPI, None),
        ({GATEWAY_KEY: "gate"}, AIMLAPI, "https://api.aimlapi.com/v1"),
        ({GATEWAY_KEY: "gate", "ANTHROPIC_API_KEY": "own"}, ANTHROPIC, LOCAL),
        ({GATEWAY_KEY: "gate", "CLAUDE_NB_BASE_URL": GATEWAY}, OTHER, GATEWAY),
        ({GATEWAY_KEY: "gate", "CLAUDE_NB_BASE_URL": GATEWAY}, OTHER, LOCAL),
    ):
        credentials = Credentials(environ)
        credentials.ask = ask
        credentials.admit(owner, url)
    credentials = Credentials({GATEWAY_KEY: "gate"})
    credentials.ask = ask
    credentials.give(OTHER, "given", GATEWAY)
    credentials.admit(OTHER, GATEWAY)
    assert value(credentials.find(OTHER, GATEWAY)) == "given"


def test_a_gateway_key_in_the_secrets_of_colab_is_bound_too(monkeypatch: pytest.MonkeyPatch) -> None:
    colab = types.ModuleType("google.colab")
    colab.userdata = types.SimpleNamespace(get={GATEWAY_KEY: "secret-of-colab"}.get)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    credentials = Credentials({})
    assert credentials.find(OTHER, GATEWAY) is None
    with pytest.raises(ConfigError, match="is bound to no server"):
        credentials.admit(OTHER, GATEWAY)
    credentials.bind(GATEWAY)
    assert value(credentials.find(OTHER, GATEWAY)) == "secret-of-colab"
    assert credentials.find(OTHER, LOCAL) is None


def test_the_key_of_a_configured_gateway_goes_nowhere_else() -> None:
    credentials = Credentials({GATEWAY_KEY: "gate", "CLAUDE_NB_BASE_URL": GATEWAY})
    assert value(credentials.find(OTHER, GATEWAY)) == "gate"
    assert credentials.find(OTHER, "https://evil.example/v1") is None
    assert credentials.find(OTHER, LOCAL) is None


def test_a_passed_key_goes_only_to_its_address() -> None:
    credentials = Credentials({})
    credentials.give(OTHER, "given", GATEWAY)
    assert value(credentials.find(OTHER, "https://gateway.example/v2")) == "given"
    assert credentials.find(OTHER, "https://evil.example/v1") is None


def test_a_key_is_at_home_on_its_own_origin_and_this_machine() -> None:
    assert is_home(AIMLAPI, "https://API.aimlapi.com:443/v2")
    assert not is_home(OTHER, GATEWAY)


# What is said


def test_a_passed_key_without_an_address_is_refused() -> None:
    with pytest.raises(ConfigError, match="say whose key it is"):
        Credentials({}).give(OTHER, "secret", None)
    with pytest.raises(ConfigError, match="not empty"):
        Credentials({}).give(AIMLAPI, "  ", None)


def test_a_missing_key_names_the_variable_and_the_demo() -> None:
    assert str(Credentials({}).missing(AIMLAPI, None)) == (
        "aimlapi needs a key: set AIMLAPI_API_KEY or run %claude /login aimlapi; -p demo works without one"
    )


def test_a_key_that_was_kept_back_is_explained() -> None:
    assert str(Credentials({}).missing(AIMLAPI, GATEWAY)) == (
        "the key of aimlapi is only sent to https://api.aimlapi.com; for https://gateway.example set CLAUDE_NB_API_KEY "
        "and CLAUDE_NB_BASE_URL"
    )


def test_every_key_found_is_known_for_redaction(keyring: Keyring) -> None:
    credentials = Credentials({"ANTHROPIC_API_KEY": "env"})
    credentials.give(AIMLAPI, "given", None)
    for owner, url in ((ANTHROPIC, None), (AIMLAPI, LOCAL), (OTHER, GATEWAY)):
        credentials.find(owner, url)
    assert {key.reveal() for key in credentials.known()} == {"env", "given", "from-the-keyring"}


# Settings


def test_settings_are_read_from_the_environment() -> None:
    credentials = Credentials({"CLAUDE_NB_PROVIDER": " demo ", "CLAUDE_NB_MODEL": "", "JPY_SESSION_NAME": "a/b.ipynb"})
    assert (credentials.setting("PROVIDER"), credentials.setting("MODEL"), credentials.notebook()) == (
        "demo",
        None,
        "a/b.ipynb",
    )
    assert Credentials({}).notebook() is None


@pytest.mark.parametrize("wrap", [lambda rows: rows, lambda rows: {"models": rows}])
def test_own_models_are_rows_or_a_file_like_models_json(wrap: object, tmp_path: Path) -> None:
    path = tmp_path / "models.json"
    path.write_text(json.dumps(wrap([{"name": "llama"}])), encoding="utf-8")  # type: ignore[operator]
    assert Credentials({"CLAUDE_NB_MODELS": str(path)}).own_models() == [{"name": "llama"}]
    assert Credentials({}).own_models() == []


@pytest.mark.parametrize("text", [None, "{", "3", '{"rows": []}', "[3]"])
def test_a_bad_file_of_models_is_one_line(text: str | None, tmp_path: Path) -> None:
    path = tmp_path / "models.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot read your models"):
        Credentials({"CLAUDE_NB_MODELS": str(path)}).own_models()
