"""Ask the Files API for what code on the server has written. types.reply_files comes here when it is needed."""

from __future__ import annotations

from typing import Any

from claude_nb.errors import ConfigError
from claude_nb.providers import addresses, headers, registry
from claude_nb.providers.dialects.base import count, label
from claude_nb.providers.http import client
from claude_nb.providers.http.transport import OutgoingRequest
from claude_nb.session.call import usual_headers
from claude_nb.session.default import default_session
from claude_nb.session.session import Session
from claude_nb.types.reply_files import ReplyFile

MOST_BYTES = 100_000_000
BETA = {"anthropic-beta": "files-api-2025-04-14"}  # the version of the API that we speak wants it


def about(file: ReplyFile, session: Session | None) -> dict[str, Any]:
    """Return name, type and size of a file. Raises ClaudeError."""
    data = client.read_json(_outgoing(file, "", session or default_session()))
    return {
        "name": label(data.get("filename")) or file.id,
        "type": label(data.get("mime_type")) or "application/octet-stream",
        "size": count(data.get("size_bytes")),
    }


def content(file: ReplyFile, session: Session | None) -> bytes:
    """Return the content of a file. Raises ClaudeError."""
    with client.opened(_outgoing(file, "/content", session or default_session())) as response:
        return response.content(MOST_BYTES)


def _outgoing(file: ReplyFile, path: str, session: Session) -> OutgoingRequest:
    request = file.request
    if request.provider != "anthropic":
        raise ConfigError(f"{request.provider} has no address for files of its code; use -p anthropic")
    session.policy.admit(request.provider, request.model, request.base_url, session.models)
    provider = registry.find(request.provider)
    address = addresses.joined(request.base_url or provider.base_url or "", f"/files/{file.id}{path}")
    key = registry.key_for(request, session.credentials)
    own = headers.at(usual_headers(session.settings), address, session.credentials, registry.OWNERS)
    theirs = registry.dialect_of(provider).headers
    return client.get(address, key=key, headers={**theirs, **BETA, **own, "Accept": "*/*"})
