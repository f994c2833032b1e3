"""What else a server can be asked: how many tokens a prompt has, which models there are, whether a key is good."""

from __future__ import annotations

from typing import Any

from claude_nb.providers import registry
from claude_nb.providers.credentials import Credentials
from claude_nb.types.request import Request


def count_tokens(request: Request, *, credentials: Credentials, allow_http: bool = False) -> int | None:
    """The tokens of a prompt as its server counts them, free of charge; None: this provider counts for nobody.

    The prompt is sent for it. Raises ClaudeError when the server cannot be asked.
    """
    if request.provider != "anthropic":
        return None
    from claude_nb.providers.http import client

    address, body = registry.preview(request, stream=False)
    names = ("model", "messages", "system", "thinking", "tools", "tool_choice", "output_config")
    counted: dict[str, Any] = {name: body[name] for name in names if name in body}
    key = registry.key_for(request, credentials)
    headers = registry.dialect_of(registry.find("anthropic")).headers
    data = client.post_json(f"{address}/count_tokens", counted, key=key, headers=headers, allow_http=allow_http)
    tokens = data.get("input_tokens")
    return tokens if isinstance(tokens, int) and not isinstance(tokens, bool) and tokens >= 0 else None


def served_models(name: str, base_url: str, credentials: Credentials) -> list[str]:
    """The model ids that a server lists at /models. Raises ClaudeError when it cannot be asked."""
    from claude_nb.providers.http import client

    key = credentials.find(registry.find(name).owner, base_url)
    data = client.get_json(base_url.rstrip("/") + "/models", key=key)
    rows = data.get("data") if isinstance(data, dict) else None
    return [str(row["id"]) for row in rows or [] if isinstance(row, dict) and "id" in row]


def check_key(provider: registry.Provider, credentials: Credentials) -> None:
    """Ask the server whether it takes the key. Raises ClaudeError: AuthError when it does not."""
    from claude_nb.providers.http import client

    headers = registry.dialect_of(provider).headers
    client.get_json(f"{provider.base_url}{provider.check_path}", key=credentials.find(provider.owner), headers=headers)
