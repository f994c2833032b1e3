"""Keys in the keyring: /login /logout. A key is typed into a hidden field, never into a cell."""

from __future__ import annotations

from getpass import getpass
from types import ModuleType

from claude_nb.errors import ApiError, AuthError, ClaudeError, ConfigError
from claude_nb.notebook.commands.command import Call, Command
from claude_nb.providers import api, registry
from claude_nb.providers.credentials import SERVICE
from claude_nb.providers.registry import Provider


def _login(call: Call) -> str:
    provider, keyring = _provider(call.rest), _keyring()
    typed, trouble = _typed_into(keyring, provider)
    if not typed:
        return "nothing was typed, nothing was changed"
    if trouble:
        raise ConfigError(f"the keyring did not take the key ({trouble}); set {provider.key_variables[0]} instead")
    call.session.credentials.forget()
    return f"the {provider.name} key is in the keyring; {_checked(call, provider)}"


def _typed_into(keyring: ModuleType, provider: Provider) -> tuple[bool, str]:
    """Whether something was typed, and what kept it out of the keyring. Never raises: its frame holds the key."""
    value = getpass(f"{provider.name} API key (hidden): ").strip()
    try:
        if value:
            keyring.set_password(SERVICE, provider.name, value)
    except Exception as error:  # noqa: BLE001  # every keyring backend has errors of its own
        return True, type(error).__name__
    return bool(value), ""


def _logout(call: Call) -> str:
    provider, keyring = _provider(call.rest), _keyring()
    call.session.credentials.forget()
    try:
        keyring.delete_password(SERVICE, provider.name)
    except Exception:  # noqa: BLE001  # deleting what is not there is an error in every backend, each its own
        return f"the keyring holds no {provider.name} key"
    return f"the {provider.name} key is out of the keyring"


def _checked(call: Call, provider: Provider) -> str:
    try:
        api.check_key(provider, call.session.credentials)
    except AuthError as error:
        return f"but the server refuses it: {error}"
    except ApiError as error:
        return f"the server could not check it ({error})"
    except ClaudeError as error:
        return f"it is not checked yet ({error})"
    return "the server accepts it"


def _provider(name: str) -> Provider:
    provider = registry.find(name or "aimlapi")
    if not provider.key_variables:
        raise ConfigError(f"{provider.name} has no key of its own; /login aimlapi or /login anthropic")
    return provider


def _keyring() -> ModuleType:
    try:
        import keyring
    except ImportError:
        raise ConfigError("keys are kept by the keyring package: %pip install keyring, then again") from None
    return keyring


COMMANDS = (
    Command("login", "/login [PROVIDER]", "keep a key in the keyring, typed into a hidden field", _login),
    Command("logout", "/logout [PROVIDER]", "take it out again", _logout),
)
