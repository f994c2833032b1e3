"""Look up API keys.

The order is: passed in Python, environment, Colab or Kaggle secrets, keyring. A key is bound to one origin, and
http/client.py refuses to send it anywhere else.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from claude_nb.errors import ConfigError
from claude_nb.guard import shown
from claude_nb.providers import folders
from claude_nb.providers.keys import AUTHORIZATION, Key, is_loopback, origin_of
from claude_nb.safe_text import redaction

GATEWAY_KEY = "CLAUDE_NB_API_KEY"  # for every other server, such as a gateway or a proxy
LONG_WORD = re.compile(r"\S{16}")  # a shorter key is a word that a local server requires, such as "ollama"
KEY_HEADER = re.compile(r"[A-Za-z0-9-]{1,100}")
SERVICE = "claude_nb"  # the name of the keys in the keyring


class KeyOwner(NamedTuple):
    """The provider that a key belongs to.

    base_url   its own address; None if it has none
    variables  environment variables that may hold the key
    header     the header that its server reads the key in
    """

    name: str
    base_url: str | None
    variables: tuple[str, ...] = ()
    header: str = AUTHORIZATION


class Credentials:
    """Look up keys and remember them. A session has one."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        variables = os.environ if environ is None else environ
        # A closure, as in Key, keeps the environment out of vars() and of a debugger's list of variables.
        self._variable: Callable[[str], str] = lambda name: variables.get(name, "").strip()
        self._passed: dict[str, Key] = {}
        self._from_variable: dict[tuple[str, str], Key] = {}
        self._from_elsewhere: dict[tuple[str, str], Key | None] = {}
        self._bound: set[str] = set()  # origins that a file of the machine names
        self._answers: dict[tuple[str, str], bool] = {}  # (variable, origin): whether the user lets it go there
        # Asks the user whether the key of a variable may go to an origin. It returns None if nobody can answer.
        self.ask: Callable[[str, str], bool | None] = lambda *_: None

    def setting(self, name: str) -> str | None:
        """Return a CLAUDE_NB_... variable, or None: setting("PROVIDER") -> "demo"."""
        return self._variable(f"CLAUDE_NB_{name}") or None

    def variable(self, name: str) -> str:
        """Return an environment variable that the user names, or ""."""
        return self._variable(name)

    def notebook(self) -> str | None:
        """Return the path of the running notebook; None if the server does not tell it."""
        return self._variable("JPY_SESSION_NAME") or None

    def own_models(self) -> list[dict[str, Any]]:
        """Read the user's models: CLAUDE_NB_MODELS, or models.json in settings."""
        setting = self.setting("MODELS")
        folder = folders.own_folder("config")
        path = folders.named(setting) if setting else folder and folder / "models.json"
        if path is None or not (setting or folders.is_file(path)):
            return []
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            rows = data["models"] if isinstance(data, dict) else data
            return [dict(row) for row in rows]
        except (OSError, ValueError, KeyError, TypeError) as error:
            reason = type(error).__name__
        raise ConfigError(
            f"cannot read your models in {path} ({reason}); write it like claude_nb/providers/models.json"
        )

    def give(self, owner: KeyOwner, value: str, base_url: str | None) -> None:
        """Store a key from Python code, for the provider's own address or the given one."""
        url = base_url or owner.base_url
        if url is None:
            raise ConfigError(
                f"{owner.name} has no address; say whose key it is: configure(api_key=..., provider='aimlapi')"
            )
        if not isinstance(value, str) or not value.strip():
            raise ConfigError("api_key must be a text that is not empty; pass the key as a string")
        self._passed[owner.name] = self._key((value.strip(), "configure(api_key=...)"), owner, origin_of(url))

    def find(self, owner: KeyOwner, base_url: str | None = None) -> Key | None:
        """Return the key to send to this provider at this address, if any.

        A provider's own key goes to its own origin and to this machine (a local proxy), nowhere else. CLAUDE_NB_API_KEY
        goes to the server of CLAUDE_NB_BASE_URL; without that, to those that bind() and admit() allow. So a --base-url
        in somebody's notebook cannot obtain it.
        """
        url = base_url or owner.base_url
        if url is None:
            return None
        origin = origin_of(url)
        passed, place = self._passed.get(owner.name), (owner.name, origin)
        if passed and passed.origin == origin:
            return passed
        names = self._variables(owner, origin)
        # Read the environment each time, because it changes. The other places are slow, or ask the user.
        if found := self._from_environment(names):
            self._from_variable[place] = self._key(found, owner, origin)
            return self._from_variable[place]
        if place not in self._from_elsewhere:
            found = _from_secrets(names) or (_from_keyring(owner) if is_home(owner, url) else None)
            self._from_elsewhere[place] = self._key(found, owner, origin) if found else None
        return self._from_elsewhere[place]

    def bind(self, base_url: str) -> None:
        """Let the user's keys go to a server, because a file of the machine names it."""
        self._bound.add(origin_of(base_url))
        self._from_elsewhere.clear()

    def is_bound(self, origin: str) -> bool:
        """Return whether something outside the notebook names a server as the user's own."""
        named = self.setting("BASE_URL")
        return origin == origin_of(named) if named else origin in self._bound

    def is_gateway(self, origin: str) -> bool:
        """Return whether CLAUDE_NB_API_KEY may go to an origin."""
        asked = not self.setting("BASE_URL") and self._answers.get((GATEWAY_KEY, origin), False)
        return asked or self.is_bound(origin)

    def may_send(self, variable: str, origin: str) -> bool | None:
        """Ask whether the key of a variable may go to an origin, once for each pair. None if nobody can be asked."""
        if (place := (variable, origin)) not in self._answers and (may := self.ask(variable, origin)) is not None:
            self._answers[place] = may
            self._from_elsewhere.clear()
        return self._answers.get(place)

    def admit(self, owner: KeyOwner, base_url: str | None) -> None:
        """Ask whether CLAUDE_NB_API_KEY may go to a server, once for each one that nothing else names.

        Raises ConfigError if nobody can be asked. Does nothing where this key is not needed or not there.
        """
        if base_url is None or self.setting("BASE_URL") or self.is_bound(origin_of(base_url)):
            return
        is_own = owner.base_url is not None and origin_of(base_url) == origin_of(owner.base_url)
        if is_own or self.find(owner, base_url) or not (self._variable(GATEWAY_KEY) or self._gateway_secret()):
            return
        if self.may_send(GATEWAY_KEY, origin_of(base_url)) is None:
            raise unbound(origin_of(base_url))

    def forget(self) -> None:
        """Forget all keys and look them up again, because one was stored or removed."""
        self._passed.clear()
        self._from_variable.clear()
        self._from_elsewhere.clear()

    def known(self) -> tuple[Key, ...]:
        """Return every key found so far, for redaction."""
        elsewhere = (key for key in self._from_elsewhere.values() if key)
        return (*self._passed.values(), *self._from_variable.values(), *elsewhere)

    def in_text(self, text: str, owners: Iterable[KeyOwner]) -> bool:
        """Return whether a text holds a key format, or a key of one of these owners, wherever it is kept."""
        if redaction.looks_like_key(text):
            return True
        if not LONG_WORD.search(text):
            return False  # most texts; the keyring and the secrets of Colab are slow, or ask the user
        for owner in owners:
            self.find(owner)
            for name in (*owner.variables, GATEWAY_KEY):
                redaction.remember(self._variable(name))
        self._gateway_secret()
        return redaction.holds_known(text)

    def _gateway_secret(self) -> Key | None:
        """Return CLAUDE_NB_API_KEY of Colab or Kaggle, if any. It is bound to no origin yet."""
        if (gateway := (GATEWAY_KEY, "")) not in self._from_elsewhere:
            found = _from_secrets((GATEWAY_KEY,))
            self._from_elsewhere[gateway] = Key(found[0], origin="", found=found[1]) if found else None
        return self._from_elsewhere[gateway]

    def missing(self, owner: KeyOwner, base_url: str | None) -> ConfigError:
        """Return the error for a missing key, which says where to set it."""
        if base_url is not None and not is_home(owner, base_url):
            own = f"the key of {owner.name} is only sent to {origin_of(owner.base_url)}; " if owner.base_url else ""
            names = GATEWAY_KEY if self.setting("BASE_URL") else f"{GATEWAY_KEY} and CLAUDE_NB_BASE_URL"
            return ConfigError(f"{own}for {origin_of(base_url)} set {names}")
        variable = (*owner.variables, GATEWAY_KEY)[0]
        return ConfigError(
            f"{owner.name} needs a key: set {variable} or run %claude /login {owner.name}; -p demo works without one"
        )

    def _key(self, found: tuple[str, str], owner: KeyOwner, origin: str) -> Key:
        """Return a key for an origin. CLAUDE_NB_KEY_HEADER names its header on servers that are nobody's own."""
        is_own = owner.base_url is not None and origin == origin_of(owner.base_url)
        header = owner.header if is_own else self.setting("KEY_HEADER") or owner.header
        if not KEY_HEADER.fullmatch(header) or not redaction.names_secret(header):
            raise ConfigError(f"CLAUDE_NB_KEY_HEADER is {shown(header)}, which names no header for a key; use api-key")
        return Key(found[0], origin=origin, found=found[1], header=header)

    def _variables(self, owner: KeyOwner, origin: str) -> tuple[str, ...]:
        if owner.base_url and origin == origin_of(owner.base_url):
            return owner.variables
        names = (GATEWAY_KEY,) if self.is_gateway(origin) else ()
        return (*owner.variables, *names) if is_loopback(origin) else names

    def _from_environment(self, names: tuple[str, ...]) -> tuple[str, str] | None:
        for name in names:
            if value := self._variable(name):
                return value, f"environment variable {name}"
        return None


def unbound(origin: str) -> ConfigError:
    """Return the error for CLAUDE_NB_API_KEY where nothing says which server it belongs to."""
    return ConfigError(
        f"{GATEWAY_KEY} is bound to no server, so nothing was sent to {origin}; "
        "set CLAUDE_NB_BASE_URL to the address of the server that it belongs to"
    )


def is_home(owner: KeyOwner, base_url: str) -> bool:
    """Return whether an address is the provider's own origin, or this machine."""
    is_own = owner.base_url is not None and origin_of(base_url) == origin_of(owner.base_url)
    return is_own or is_loopback(base_url)


def _from_secrets(names: tuple[str, ...]) -> tuple[str, str] | None:
    """Look a key up in the secrets of Colab and Kaggle, on these platforms only."""
    for name in names:
        for ask in (_colab_secret, _kaggle_secret):
            if found := ask(name):
                return found
    return None


def _colab_secret(name: str) -> tuple[str, str] | None:
    if "google.colab" not in sys.modules:
        return None
    try:
        from google.colab import userdata

        value: Any = userdata.get(name)
    except Exception:  # noqa: BLE001  # no such secret, no access, or an older Colab: each has its own error
        return None
    return (str(value), f"Colab secret {name}") if value else None


def _kaggle_secret(name: str) -> tuple[str, str] | None:
    if "KAGGLE_KERNEL_RUN_TYPE" not in os.environ:
        return None
    try:
        from kaggle_secrets import UserSecretsClient

        value: Any = UserSecretsClient().get_secret(name)
    except Exception:  # noqa: BLE001  # not attached, not allowed or no network: each has its own error
        return None
    return (str(value), f"Kaggle secret {name}") if value else None


def _from_keyring(owner: KeyOwner) -> tuple[str, str] | None:
    try:
        import keyring

        value = keyring.get_password(SERVICE, owner.name)
    except Exception:  # noqa: BLE001  # not installed, locked or without a backend: then there is no key here
        return None
    return (value.strip(), "keyring") if value and value.strip() else None
