"""Slash commands for keys in the keyring: /login /logout.

A key is typed into a hidden field, never into a cell.
"""

from __future__ import annotations

from getpass import getpass
from types import ModuleType

from claude_nb.errors import ApiError, AuthError, ClaudeError, ConfigError
from claude_nb.notebook.commands.command import Command, Invocation
from claude_nb.providers import api, registry
from claude_nb.providers.credentials import SERVICE
from claude_nb.providers.registry import Provider


def _login(call: Invocation) -> str:
    provider, keyring = _provider(call.text), _keyring()
    typed, problem = _store_typed_key(keyring, provider)
    if not typed:
        return "no key was typed, so nothing has changed"
    if problem:
        raise ConfigError(f"the keyring cannot store the key ({problem}); set {provider.key_variables[0]} instead")
    call.session.credentials.forget()
    return f"the {provider.name} key is in the keyring; {_check(call, provider)}"


def _store_typed_key(keyring: ModuleType, provider: Provider) -> tuple[bool, str]:
    """Return whether a key was typed, and why it could not be stored.

    It never raises, because its frame holds the key.
    """
    key = getpass(f"{provider.name} API key (hidden): ").strip()
    try:
        if key:
            keyring.set_password(SERVICE, provider.name, key)
    except Exception as error:  # noqa: BLE001  # every keyring backend has its own errors
        return True, type(error).__name__
    return bool(key), ""


def _logout(call: Invocation) -> str:
    provider, keyring = _provider(call.text), _keyring()
    call.session.credentials.forget()
    try:
        keyring.delete_password(SERVICE, provider.name)
    except Exception:  # noqa: BLE001  # every backend raises its own error for a key that it does not have
        return f"the keyring has no {provider.name} key"
    return f"the {provider.name} key is no longer in the keyring"


def _check(call: Invocation, provider: Provider) -> str:
    try:
        api.check_key(provider, call.session.credentials)
    except AuthError as error:
        return f"but the server rejects it: {error}"
    except ApiError as error:
        return f"the server could not check it ({error})"
    except ClaudeError as error:
        return f"it has not been checked ({error})"
    return "the server accepts it"


def _provider(name: str) -> Provider:
    provider = registry.find(name or "aimlapi")
    if not provider.key_variables:
        raise ConfigError(
            f"{provider.name} has no key of its own; use %claude /login aimlapi or %claude /login anthropic"
        )
    return provider


def _keyring() -> ModuleType:
    try:
        import keyring
    except ImportError:
        raise ConfigError("storing keys needs keyring: %pip install keyring, then run this again") from None
    return keyring


COMMANDS = (
    Command("/login [PROVIDER]", "store a key in the keyring; you type it into a hidden field", _login),
    Command("/logout [PROVIDER]", "remove the key from the keyring", _logout),
)
