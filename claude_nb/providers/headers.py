"""Headers of the user's own, for gateways such as Portkey, Helicone, Cloudflare and Azure.

A header is sent to one server only, and is no part of a request or of the history. Its value must not be a secret: it
names the environment variable that holds one, as in "Helicone-Auth=Bearer env:HELICONE_API_KEY".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from claude_nb.errors import ConfigError, PromptError
from claude_nb.guard import shown
from claude_nb.providers.credentials import GATEWAY_KEY, Credentials, KeyOwner, is_home, unbound
from claude_nb.providers.keys import Key, origin_of
from claude_nb.safe_text import redaction

MOST = 20
MOST_CHARS = 4_000  # of one value
NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
VALUE = re.compile(r"[!-~](?:[ -~]*[!-~])?")
VARIABLE = re.compile(r"(?P<before>[A-Za-z]+ )?env:(?P<name>[A-Za-z_][A-Za-z0-9_]*)")
SECRET_VALUE = re.compile(r"(?i)(?:bearer|basic|token)\s+\S.*|[0-9a-f]{32,}|[\w-]+\.[\w-]{20,}\.[\w-]{20,}")
# They are set here, or change what the connection or the body is.
RESERVED = {
    *("accept", "accept-encoding", "anthropic-version", "connection", "content-encoding", "content-length"),
    *("content-type", "cookie", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"),
    *("user-agent", "x-client-request-id"),
}


@dataclass(frozen=True, slots=True, repr=False)
class Headers:
    """Headers by name, in lower case.

    origin  the only server that gets them; None: the one of the call
    """

    values: Mapping[str, str]
    origin: str | None = None

    def __repr__(self) -> str:
        return repr(dict(self.values))

    def at(self, url: str, credentials: Credentials, owners: Iterable[KeyOwner]) -> dict[str, str | Key]:
        """Return what is sent to an address; secrets are keys of that address.

        A notebook may name any variable and any server, so the user is asked where nothing else names the server.
        Raises ConfigError for a variable that is not set or must not go there, and PromptError for a value that is
        a key.
        """
        origin = origin_of(url)
        if self.origin not in (None, origin):
            return {}
        for found in filter(None, map(VARIABLE.fullmatch, self.values.values())):
            _refuse_foreign(found["name"], origin, credentials, owners)
        sent = {name: _sent(name, value, origin, credentials) for name, value in self.values.items()}
        if credentials.is_bound(origin) or any(is_home(owner, origin) for owner in owners):
            return sent
        return {name: value for name, value in sent.items() if _may_send(self.values[name], origin, credentials)}


def at(
    groups: Iterable[Headers], url: str, credentials: Credentials, owners: Iterable[KeyOwner]
) -> dict[str, str | Key]:
    """Return the headers of several groups for an address. Later ones replace earlier ones of the same name.

    owners  the providers, whose keys go to their own servers only
    """
    return {name: value for group in groups for name, value in group.at(url, credentials, owners).items()}


def check(value: Any) -> Headers | None:
    """Return checked headers: check({"X-Team": "blue"}) or check(("X-Team=blue",)).

    None without any. Raises PromptError.
    """
    if isinstance(value, Headers):
        return value
    if isinstance(value, str):
        value = (value,)
    pairs = list(value.items()) if isinstance(value, Mapping) else [_pair(text) for text in _texts(value)]
    if len(pairs) > MOST:
        raise PromptError(f"{len(pairs)} headers are too many; send at most {MOST}")
    checked = {}
    for name, text in pairs:
        _check(name, text)
        checked[name.lower()] = text
    return Headers(checked) if checked else None


def _texts(value: Any) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise PromptError(f"headers must be a dict such as {{'X-Team': 'blue'}}, not {type(value).__name__}")
    return list(value)


def _pair(text: Any) -> tuple[str, str]:
    name, mark, value = text.partition("=") if isinstance(text, str) else ("", "", "")
    if not mark:
        raise PromptError("headers are written NAME=VALUE, for example --header X-Team=blue")
    return name.strip(), value.strip()


def _check(name: object, value: object) -> None:
    """Raise PromptError for a header that is not sent. The error does not repeat the value, which may be a secret."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise PromptError(f"headers: {shown(name)} is not the name of one; use letters, digits and -")
    lower = name.lower()
    if lower == "authorization":
        raise PromptError("the header Authorization holds the key; set CLAUDE_NB_API_KEY or run %claude /login instead")
    if lower in RESERVED or lower.startswith(("proxy-", "sec-")):
        raise PromptError(f"the header {name} is set by claude_nb; leave it out")
    if not isinstance(value, str) or not VALUE.fullmatch(value):
        raise PromptError(f"headers: the value of {name} must be one line of ASCII text; correct it")
    if len(value) > MOST_CHARS:
        raise PromptError(f"headers: the value of {name} is longer than {MOST_CHARS:,} characters; shorten it")
    if VARIABLE.fullmatch(value):
        return
    if redaction.names_secret(name) or SECRET_VALUE.fullmatch(value) or redaction.looks_like_key(value):
        raise PromptError(
            f"the header {name} holds a secret; put it into an environment variable, and write {name}=env:VARIABLE"
        )


def _sent(name: str, value: str, origin: str, credentials: Credentials) -> str | Key:
    found = VARIABLE.fullmatch(value)
    if not found:
        if redaction.holds_known(value):
            raise PromptError(f"the header {name} holds a key; write {name}=env:VARIABLE and set the variable")
        return value
    variable = found["name"]
    secret = credentials.variable(variable)
    if not secret:
        raise ConfigError(f"the environment variable {variable} is not set; set it, or leave out the header {name}")
    if not VALUE.fullmatch(secret):
        raise ConfigError(f"the environment variable {variable} is not one line of ASCII text; correct it")
    redaction.remember(secret)
    return Key((found["before"] or "") + secret, origin=origin, found=f"environment variable {variable}")


def _may_send(value: str, origin: str, credentials: Credentials) -> bool:
    """Return whether the user lets a header go to a server. Raises ConfigError if nobody can be asked."""
    found = VARIABLE.fullmatch(value)
    if not found or found["name"] == GATEWAY_KEY:  # see _refuse_foreign()
        return True
    may = credentials.may_send(found["name"], origin)
    if may is None:
        raise ConfigError(
            f"nobody can be asked here whether {found['name']} may go to {origin}, so nothing was sent; "
            "set CLAUDE_NB_BASE_URL to the address of this server if it is yours"
        )
    return may


def _refuse_foreign(variable: str, origin: str, credentials: Credentials, owners: Iterable[KeyOwner]) -> None:
    """Raise ConfigError for the key of another server: a notebook of somebody else may name any variable."""
    for owner in owners:
        if variable in owner.variables and not is_home(owner, origin):
            raise ConfigError(f"{variable} holds the key of {owner.name}, which {origin} never gets; name another one")
    home = credentials.setting("BASE_URL")
    if variable == GATEWAY_KEY and not home and not credentials.is_gateway(origin):
        raise unbound(origin)
    if variable == GATEWAY_KEY and home and origin_of(home) != origin:
        raise ConfigError(f"{variable} holds the key of {origin_of(home)}, which {origin} never gets; name another one")
