"""Fetch a file from an https:// address, to attach it like a local one.

An address may come from anywhere, and must not lead into the user's own network. So a name is looked up once, all of
its IP addresses have to be public, and the connection goes to one of these, with the certificate of the name. Each
redirect is checked in the same way. No key, cookie or login is sent, and no more is read than may go with a prompt.
Behind a proxy (HTTPS_PROXY) the proxy looks names up, so there only the text of the address can be checked.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from claude_nb import __version__
from claude_nb.errors import ClaudeError, Interrupted, NetworkError, PromptError, StreamCut
from claude_nb.prompting.public import is_named_public, is_public
from claude_nb.providers.http import proxies, transport
from claude_nb.providers.http.stream import ByteStream, Head, ThreadedStream, Timeouts, Unreached
from claude_nb.providers.http.transport import OutgoingRequest, Url
from claude_nb.safe_text.redaction import looks_like_key

MOST_S = 30.0  # for the whole download, redirects included
TIMEOUTS = Timeouts(connect_s=10.0, silence_s=MOST_S)
REDIRECTS = 3  # pictures of wikis and code hosts are behind one or two
HEADERS = {
    "Accept": "image/png, image/jpeg, image/gif, image/webp, application/pdf, text/*",
    "Accept-Encoding": "identity",
    "Connection": "close",
    "User-Agent": f"claude-nb/{__version__}",
}


class Fetched(NamedTuple):
    """A downloaded file: its bytes, its name, and the host that was asked."""

    data: bytes
    name: str
    host: str


def look_up(host: str, port: int) -> list[str]:
    """Return all IP addresses of a name. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in found))


def fetch(
    url: str,
    most: int,
    *,
    look_up: Callable[[str, int], list[str]] = look_up,
    allowed: Callable[[str], bool] = is_public,
    clock: Callable[[], float] = time.monotonic,
) -> Fetched:
    """Download a file: fetch("https://example.org/a.png", 5_000_000).name -> "a.png".

    most     bytes; a longer answer is refused, whatever length it announced
    allowed  which IP addresses may be connected to

    Raises PromptError for an address that is not allowed or an answer that is not a file, NetworkError if nothing
    arrives within 30 seconds, and Interrupted on Ctrl-C.
    """
    download = _Download(_checked(url, allowed), most, look_up, allowed)
    end = clock() + MOST_S
    try:
        download.start()
        while not download.ended.wait(0.25):  # in slices: Windows does not interrupt a wait
            if clock() > end:
                raise NetworkError(
                    f"{download.name} took longer than {MOST_S:g} s; try again, or download it and attach the file"
                )
    except KeyboardInterrupt:
        raise Interrupted(f"stopped while {download.name} was fetched; nothing was sent") from None
    finally:
        download.give_up()
    if download.error:
        raise download.error
    return Fetched(bytes(download.data), download.name, download.host)


class _Download(threading.Thread):
    """A thread of its own, so that the waiting one can leave in every phase."""

    def __init__(
        self, url: Url, most: int, look_up: Callable[[str, int], list[str]], allowed: Callable[[str], bool]
    ) -> None:
        super().__init__(name="claude_nb download", daemon=True)
        self.ended = threading.Event()
        self.error: ClaudeError | None = None
        self.data = bytearray()
        self.host = url.raw_host.decode()
        last = "".join(char for char in url.path.rpartition("/")[2] if char.isprintable())
        self.name = last[:100] or self.host
        self._url = url
        self._most = most
        self._look_up = look_up
        self._allowed = allowed
        self._given_up = False
        self._stream: ByteStream | None = None

    def run(self) -> None:
        try:
            self._follow()
        except (Unreached, StreamCut) as error:
            broke = f"the connection to {self._host} broke off; run it again, or download it and attach the file"
            self.error = NetworkError(broke if isinstance(error, StreamCut) else str(error))
        except ClaudeError as error:
            self.error = error
        finally:
            self.ended.set()

    def give_up(self) -> None:
        """End the download, from any thread, even if it has ended."""
        self._given_up = True
        if self._stream:
            self._stream.close()

    @property
    def _host(self) -> str:
        """The host of the address that is being read, after redirects."""
        return self._url.raw_host.decode()

    def _follow(self) -> None:
        for _ in range(REDIRECTS + 1):
            target = self._get()
            if target is None:
                return
            self._url = _checked(target, self._allowed, base=self._url)
        raise PromptError(f"{self.name} is redirected more than {REDIRECTS} times; attach the address where it ends")

    def _get(self) -> str | None:
        """Read the answer of one address.

        Returns the target of a redirect, or None after a file.
        """
        addresses = [None] if proxies.proxy_for(str(self._url)) else self._addresses()
        for address in addresses:
            try:
                return self._read(address)
            except Unreached:
                if self._given_up or address == addresses[-1]:
                    raise
        raise AssertionError("the last address returns or raises")

    def _addresses(self) -> list[str]:
        """Return the IP addresses of the host.

        Raises PromptError if one of them is not public.
        """
        try:
            found = self._look_up(self._host, self._url.port or 443)
        except (OSError, UnicodeError):
            found = []
        for address in found:
            if not self._allowed(address):
                raise PromptError(
                    f"{self._host} leads to {address}, which is not public; download it and attach the file"
                )
        if not found:
            raise NetworkError(f"the name of {self._host} was not found; check the address and the network")
        return found

    def _read(self, address: str | None) -> str | None:
        request = OutgoingRequest("GET", str(self._url), None, HEADERS, None, TIMEOUTS, connect_to=address)
        stream = self._stream = ThreadedStream(self._host, TIMEOUTS)
        if self._given_up:
            return None
        transport.begin(request, stream)
        try:
            head = stream.take()
            if isinstance(head, Head) and head.status in (301, 302, 303, 307, 308) and "location" in head.headers:
                return head.headers["location"]
            self._take(stream, head)
        finally:
            stream.close()
        return None

    def _take(self, stream: ByteStream, head: Head | bytes) -> None:
        status, headers = head if isinstance(head, Head) else Head(502, {})
        if status != 200:
            raise PromptError(f"{self._host} answered {status} for {self.name}; check the address")
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise PromptError(f"{self._host} sends {self.name} compressed; download it and attach the file")
        length = headers.get("content-length", "")
        if length.isdecimal() and len(length) < 16 and int(length) > self._most:
            self._too_large()
        while isinstance(piece := stream.take(), bytes) and piece:
            self.data += piece
            if len(self.data) > self._most:
                self._too_large()

    def _too_large(self) -> None:
        raise PromptError(f"{self.name} has more than {self._most / 1e6:.1f} MB; make it smaller, or attach a part")


def _checked(text: str, allowed: Callable[[str], bool], base: Url | None = None) -> Url:
    """Parse an address and check what it says.

    The PromptError shows its host and nothing more of it.
    """
    try:
        url = transport.parse_url(text, base)
    except ValueError:
        raise PromptError("that is not the address of a file; write it like https://example.org/a.png") from None
    host = url.raw_host.decode()
    if not 0 < (url.port or 443) < 2**16:
        raise PromptError(f"the address at {host} has an impossible port; leave it out")
    if url.scheme != "https":
        raise PromptError(f"{host or 'this'} is not an https:// address; download it and attach the file")
    if url.userinfo:
        raise PromptError(f"the address at {host} holds a name or password before @; leave it out, no login is sent")
    if looks_like_key(text):
        raise PromptError(f"the address at {host} holds what looks like a key; download it and attach the file")
    if not is_named_public(host, allowed):
        raise PromptError(f"{host or 'this'} is not a public address; download it and attach the file")
    return url
