"""Batches: many requests sent as one, answered within a day, at half the price.

A batch goes on without this process; its id and the key are enough to ask for it. Anthropic has an address for each of
its steps. AI/ML API answers one address with the state of a batch while it runs, and with its results afterwards.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from itertools import chain
from typing import Any

from claude_nb.errors import ApiError, AuthError, ClaudeError, ConfigError, NetworkError, PromptError, StreamCut
from claude_nb.providers import addresses, api_errors, headers, registry
from claude_nb.providers.attempt import SendOptions
from claude_nb.providers.credentials import Credentials
from claude_nb.providers.dialects.base import child, children, count, string
from claude_nb.providers.http import client
from claude_nb.providers.http.transport import OutgoingRequest
from claude_nb.providers.keys import Key, origin_of
from claude_nb.providers.redacted import chunks_without_keys, without_keys
from claude_nb.providers.sse import read_object
from claude_nb.stop_signal import Stop
from claude_nb.types.request import Chunk, Request

PATHS = {"anthropic": "/messages/batches", "aimlapi": "/batches"}
MOST_REQUESTS = 100_000
MOST_BYTES = 256_000_000
LINE_BYTES = 64 << 20
SILENCE_S = 600.0  # a server reads and checks all requests before it answers
COUNTS = ("processing", "succeeded", "errored", "canceled", "expired")
ID = re.compile(r"[\w-]{1,128}", re.ASCII)
# Words of AI/ML API for a batch that ended without results.
FATES = {"cancelled": "canceled", "canceled": "canceled", "expired": "expired", "failed": "errored", "error": "errored"}
ENDED_AS = {
    "canceled": "the batch was canceled before this request was answered; resume() sends it again",
    "expired": "the batch expired before this request was answered; resume() sends it again",
    "errored": "the server gave up this batch; resume() sends the request again",
}
NO_RESULT = "the batch ended without a result for this request; resume() sends it again"


@dataclass(frozen=True, slots=True)
class State:
    """State of a batch at the server.

    status   in_progress, canceling or ended
    counts   how many of its requests are "processing", "succeeded", "errored", "canceled" or "expired"
    created  when the server took it, and when it ends at the latest; None: it did not say
    results  the server's own address of the results; "" if it named none
    fate     why there are no results: canceled, expired or errored; "": there are some
    """

    id: str
    status: str
    counts: Mapping[str, int] = field(default_factory=dict)
    created: datetime | None = None
    expires: datetime | None = None
    results: str = ""
    fate: str = ""

    @property
    def total(self) -> int:
        """Number of requests."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Server:
    """The batches of one server, and what is sent along with each request to it.

    address  where batches are created: "https://api.anthropic.com/v1/messages/batches"
    """

    provider: str
    address: str
    key: Key | None
    headers: Mapping[str, str | Key]
    timeout_s: float | None = None
    allow_http: bool = False

    def create(self, requests: Iterable[tuple[str, Mapping[str, Any]]], stop: Stop) -> State:
        """Send a batch of (custom_id, body) and return its state.

        After an error, nothing_created() tells whether the server may have created it all the same. A request that
        was refused because of the load is sent up to twice more; any other is not, because it could be paid twice.
        """
        listed = [{"custom_id": custom_id, "params": body} for custom_id, body in requests]
        outgoing = self._with_time(client.post(self.address, {"requests": listed}, key=self.key, headers=self.headers))
        if len(outgoing.content or b"") > MOST_BYTES:
            raise PromptError(f"this batch has over {MOST_BYTES // 1_000_000} MB, the most that servers take; split it")
        for tries_left in reversed(range(client.RETRIES + 1)):
            try:
                return self._read(client.read_json(outgoing, stop=stop, allow_http=self.allow_http, retries=0))
            except ClaudeError as error:
                if not tries_left or error.retry_in_s is None or not nothing_created(error):
                    raise
                wait_s = error.retry_in_s
            stop.wait(wait_s)
        raise AssertionError("the last try returns or raises")

    def state(self, batch_id: str, stop: Stop) -> State:
        """Return the state of a batch."""
        if self.provider == "anthropic":
            return self._read(self._json(client.get, f"/{batch_id}", stop), batch_id)
        with self._opened(self._batch_address(batch_id), stop) as response:
            for data in _objects(response):
                return State(batch_id, "ended") if "custom_id" in data else self._read(data, batch_id)
        raise StreamCut("the server said nothing about this batch; ask again later")

    def cancel(self, batch_id: str, stop: Stop) -> State:
        """End a batch. What is answered already stays, and is paid."""
        path = f"/{batch_id}/cancel" if self.provider == "anthropic" else f"/cancel/{batch_id}"

        def post(*args: Any, **more: Any) -> OutgoingRequest:
            return replace(client.get(*args, **more), method="POST")

        try:
            return self._read(self._json(post, path, stop), batch_id)
        except ApiError as error:
            if error.status not in (400, 409):  # it has ended already
                raise
        return self.state(batch_id, stop)

    def newest(self, stop: Stop) -> list[State] | None:
        """Return the newest batches of the account; None where the server has no list of them."""
        if self.provider != "anthropic":
            return None
        return [self._read(data) for data in children(self._json(client.get, "", stop, "limit=100"), "data")]

    def results(self, state: State, stop: Stop) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield (custom_id, result) line by line, in the order of the server.

        Raises NetworkError or StreamCut if the results break off.
        """
        if state.fate:
            return
        own = self._batch_address(state.id, "/results")
        named = state.results if state.results and _same_origin(state.results, self.address) else own
        with self._opened(named if self.provider == "anthropic" else own, stop) as response:
            for data in _objects(response):
                if custom_id := string(data.get("custom_id")):
                    yield custom_id, child(data, "result")
                elif api_errors.is_error(data):
                    raise api_errors.from_event(data)

    def _batch_address(self, batch_id: str, path: str = "") -> str:
        if self.provider == "anthropic":
            return addresses.joined(self.address, f"/{batch_id}{path}")
        return _with_query(self.address, f"batch_id={batch_id}")

    def _json(self, method: Any, path: str, stop: Stop, query: str = "") -> dict[str, Any]:
        address = addresses.joined(self.address, path) if path else self.address
        outgoing = method(_with_query(address, query), key=self.key, headers=self.headers)
        return client.read_json(self._with_time(outgoing), stop=stop, allow_http=self.allow_http)

    def _opened(self, address: str, stop: Stop) -> client.Response:
        outgoing = self._with_time(client.get(address, key=self.key, headers=self.headers))
        return client.opened(outgoing, stop=stop, allow_http=self.allow_http)

    def _with_time(self, outgoing: OutgoingRequest) -> OutgoingRequest:
        return replace(outgoing, timeouts=client.Timeouts(silence_s=self.timeout_s or SILENCE_S))

    def _read(self, data: dict[str, Any], batch_id: str = "") -> State:
        """Read a state. Every value is checked, because the id becomes part of an address."""
        if api_errors.is_error(data):
            raise api_errors.from_event(data)
        batch_id = batch_id or string(data.get("id"))
        if not ID.fullmatch(batch_id):
            raise StreamCut("the server gave this batch no usable id; look at your usage there")
        fate = FATES.get(string(data.get("status")), "") if self.provider == "aimlapi" else ""
        status = string(data.get("processing_status"))
        counts = child(data, "request_counts")
        return State(
            batch_id,
            "ended" if fate or status == "ended" else "canceling" if status == "canceling" else "in_progress",
            {name: count(counts.get(name)) or 0 for name in COUNTS},
            _time(data.get("created_at")),
            _time(data.get("expires_at")),
            string(data.get("results_url")),
            fate,
        )


def server_of(request: Request, credentials: Credentials, options: SendOptions) -> Server:
    """Return the server that takes a request in a batch.

    Raises PromptError if none does, and ConfigError if a key is missing.
    """
    check(request)
    provider = registry.find(request.provider)
    address = addresses.joined(request.base_url or provider.base_url or "", PATHS[request.provider])
    key = registry.key_for(request, credentials)
    own = headers.at(options.headers, address, credentials, registry.OWNERS)
    theirs = registry.dialect_of(registry.find("anthropic")).headers
    return Server(request.provider, address, key, {**theirs, **own}, options.timeout_s, options.allow_http)


def check(request: Request) -> None:
    """Raise PromptError for a request that cannot be part of a batch."""
    if request.provider not in PATHS:
        raise PromptError(f"{request.provider} takes no batches; leave out batch, or use -p anthropic or -p aimlapi")
    if request.provider == "aimlapi" and "claude" not in request.model.lower():
        raise PromptError(f"AI/ML API takes only Claude models in a batch, not {request.model}; leave out batch")
    if request.speed:
        raise PromptError("a batch has no fast mode; leave out --speed, or leave out batch")


def body(request: Request, default_max_tokens: int) -> dict[str, Any]:
    """Return the body of a request in a batch. Batches of AI/ML API have the Messages format, too."""
    if request.sampling.max_tokens is None:
        limited = replace(request.sampling, max_tokens=default_max_tokens, is_default_limit=True)
        request = replace(request, sampling=limited)
    return registry.preview(request, stream=False, form="messages")[1]


def chunks(result: dict[str, Any] | None, fate: str = "") -> Iterator[Chunk]:
    """Convert the result of one request to the chunks of its reply.

    Raises ClaudeError for a request that got none.

    result  None: the server sent none, because of the fate of the batch
    """
    kind = string(result.get("type")) if result else fate
    if result and kind == "succeeded":
        whole = registry.dialect_of(registry.find("anthropic")).whole
        yield from chunks_without_keys(whole(child(result, "message")))
    elif result and kind == "errored":
        raise api_errors.from_event(child(result, "error") or result)
    else:
        raise ClaudeError(ENDED_AS.get(kind, NO_RESULT))


def nothing_created(error: ClaudeError) -> bool:
    """Return whether a batch that could not be sent certainly does not exist."""
    if isinstance(error, ApiError):
        refused = error.status is not None and error.status < 500 and error.status not in (408, 409)
        return refused or isinstance(error, AuthError) or error.status == 529
    is_unreached = isinstance(error, NetworkError) and error.retry_in_s is not None
    return is_unreached or isinstance(error, (PromptError, ConfigError))


def _objects(response: client.Response) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of a body: one a line, or a list of them, or a single one over several lines."""
    lines = (line for line in response.lines(LINE_BYTES) if line.strip())
    first = next(lines, b"")
    if (found := read_object(first)) is not None:
        yield without_keys(found)
        yield from (without_keys(data) for line in lines if (data := read_object(line)) is not None)
        return
    whole = bytearray()
    for line in chain([first], lines):
        whole += line + b"\n"
        if len(whole) > LINE_BYTES:
            raise StreamCut("the results have no lines, and are too large to be read at once; ask for smaller batches")
    with suppress(ValueError, RecursionError):
        value = json.loads(bytes(whole))
        items = value if isinstance(value, list) else [value]
        yield from (without_keys(item) for item in items if isinstance(item, dict))


def _same_origin(url: str, other: str) -> bool:
    with suppress(ClaudeError):
        addresses.check(url)
        return origin_of(url) == origin_of(other)
    return False


def _with_query(address: str, query: str) -> str:
    mark = "&" if "?" in address else "?"
    return f"{address}{mark}{query}" if query else address


def _time(value: object) -> datetime | None:
    """Return a time in UTC; servers write it with an offset of zero."""
    with suppress(ValueError):
        return datetime.fromisoformat(string(value)[:19]).replace(tzinfo=timezone.utc)
    return None
