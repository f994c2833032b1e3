"""Requests to a provider besides replies: count tokens, list models, check a key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from claude_nb.errors import ApiError
from claude_nb.providers import addresses, headers, model_list, registry
from claude_nb.providers.credentials import Credentials
from claude_nb.providers.error_advice import topic_of
from claude_nb.providers.headers import Headers
from claude_nb.providers.model_list import Served
from claude_nb.types.request import Request

MOST_PAGES = 2  # of 1,000 models


def count_tokens(
    request: Request, *, credentials: Credentials, allow_http: bool = False, own: Sequence[Headers] = ()
) -> int | None:
    """Return the tokens of a prompt as its server counts them, free of charge.

    Returns None if this provider does not count.

    The server receives the prompt, with the user's own headers. Raises ClaudeError if the server cannot be asked.
    """
    if request.provider != "anthropic":
        return None
    from claude_nb.providers.dialects.base import count
    from claude_nb.providers.http import client

    address, body = registry.preview(request, stream=False)
    names = ("model", "messages", "system", "thinking", "tools", "tool_choice", "output_config")
    counted: dict[str, Any] = {name: body[name] for name in names if name in body}
    key = registry.key_for(request, credentials)
    theirs = registry.dialect_of(registry.find("anthropic")).headers
    sent = {**theirs, **headers.at(own, address, credentials, registry.OWNERS)}
    outgoing = client.post(addresses.joined(address, "/count_tokens"), counted, key=key, headers=sent)
    try:
        return count(client.read_json(outgoing, allow_http=allow_http).get("input_tokens"))
    except ApiError as error:
        # Many servers have no such address. Others have it, and do not know the model or want money.
        if error.status not in (404, 405, 501) or topic_of(error.status, error.words):
            raise
    return None


def model_ids(name: str, base_url: str, credentials: Credentials, own: Sequence[Headers] = ()) -> list[str]:
    """Return the model ids that a server lists at /models.

    Raises ClaudeError if it cannot be asked.
    """
    return [model.id for model in served_models(name, base_url, credentials, own)]


def served_models(name: str, base_url: str, credentials: Credentials, own: Sequence[Headers] = ()) -> list[Served]:
    """Return what a server says about its models at /models. It is asked for 2,000 models at most.

    Raises ClaudeError if it cannot be asked.
    """
    from claude_nb.providers.http import client

    provider = registry.find(name)
    credentials.admit(provider.owner, base_url)
    key = credentials.find(provider.owner, base_url)
    sent = {**registry.dialect_of(provider).headers, **headers.at(own, base_url, credentials, registry.OWNERS)}
    address = addresses.joined(base_url, "/models")
    mark = "&" if "?" in address else "?"
    if provider.dialect != "messages":
        return model_list.read(client.read_json(client.get(address, key=key, headers=sent), retries=0).get("data"))
    rows: list[Any] = []
    after = ""
    for _ in range(MOST_PAGES):
        page = client.read_json(client.get(f"{address}{mark}limit=1000{after}", key=key, headers=sent), retries=0)
        rows += page["data"] if isinstance(page.get("data"), list) else []
        if page.get("has_more") is not True or not isinstance(page.get("last_id"), str):
            break
        after = f"&after_id={quote(page['last_id'][:200], safe='')}"
    return model_list.read(rows)


def check_key(provider: registry.Provider, credentials: Credentials) -> None:
    """Ask the server whether it accepts the key.

    Raises ClaudeError: AuthError if it does not.
    """
    from claude_nb.providers.http import client

    key, sent = credentials.find(provider.owner), registry.dialect_of(provider).headers
    client.read_json(client.get(f"{provider.base_url}{provider.check_path}", key=key, headers=sent))
