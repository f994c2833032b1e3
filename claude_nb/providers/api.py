"""Requests to a provider besides replies: count tokens, list models, check a key."""

from __future__ import annotations

from typing import Any

from claude_nb.providers import addresses, registry
from claude_nb.providers.credentials import Credentials
from claude_nb.types.request import Request


def count_tokens(request: Request, *, credentials: Credentials, allow_http: bool = False) -> int | None:
    """Return the tokens of a prompt as its server counts them, free of charge.

    Returns None if this provider does not count.

    The server receives the prompt. Raises ClaudeError if the server cannot be asked.
    """
    if request.provider != "anthropic":
        return None
    from claude_nb.providers.dialects.base import count
    from claude_nb.providers.http import client

    address, body = registry.preview(request, stream=False)
    names = ("model", "messages", "system", "thinking", "tools", "tool_choice", "output_config")
    counted: dict[str, Any] = {name: body[name] for name in names if name in body}
    key = registry.key_for(request, credentials)
    headers = registry.dialect_of(registry.find("anthropic")).headers
    outgoing = client.post(addresses.joined(address, "/count_tokens"), counted, key=key, headers=headers)
    return count(client.read_json(outgoing, allow_http=allow_http).get("input_tokens"))


def served_models(name: str, base_url: str, credentials: Credentials) -> list[str]:
    """Return the model ids that a server lists at /models.

    Raises ClaudeError if it cannot be asked.
    """
    from claude_nb.providers.http import client

    key = credentials.find(registry.find(name).owner, base_url)
    data = client.read_json(client.get(addresses.joined(base_url, "/models"), key=key))
    return [str(row["id"]) for row in data.get("data") or [] if isinstance(row, dict) and "id" in row]


def check_key(provider: registry.Provider, credentials: Credentials) -> None:
    """Ask the server whether it accepts the key.

    Raises ClaudeError: AuthError if it does not.
    """
    from claude_nb.providers.http import client

    key, headers = credentials.find(provider.owner), registry.dialect_of(provider).headers
    client.read_json(client.get(f"{provider.base_url}{provider.check_path}", key=key, headers=headers))
