"""Fetches the file that an https:// address names, so that it can go with a prompt as a file of the user's would.

An address may come from anywhere, and must not lead into the user's own network. So a name is looked up once, all
its addresses have to be public, and the connection goes to one of these, with the certificate of the name; each
redirect is checked in the same way. No key, cookie or login is sent, and no more is read than may go with a prompt.
Behind a proxy (HTTPS_PROXY) it is the proxy that looks names up, so there only what the address says can be checked.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.request import getproxies, proxy_bypass

from claude_nb import __version__
from claude_nb.errors import ClaudeError, Interrupted, NetworkError, PromptError
from claude_nb.prompt.public import is_named_public, is_public
from claude_nb.providers.keys import looks_like_key

if TYPE_CHECKING:
    import httpx

MOST_S = 30.0  # for all of it, redirects included
SILENCE_S = 10.0
REDIRECTS = 3  # pictures of wikis and code hosts lie behind one or two
TAKES = "image/png, image/jpeg, image/gif, image/webp, application/pdf, text/*"


class Fetched(NamedTuple):
    """A file from the network: its bytes, the last part of its address, and the host that was named."""

    data: bytes
    name: str
    host: str


def look_up(host: str, port: int) -> list[str]:
    """All IP addresses of a name. Raises OSError."""
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
    """Get what an https:// address names: fetch("https://example.org/a.png", 5_000_000).name -> "a.png".

    most     bytes; a longer answer is given up, whatever length it announced
    allowed  which IP addresses may be connected to

    Raises PromptError for an address that is not fetched, or for an answer that is none; NetworkError without an
    answer within 30 seconds; Interrupted on Ctrl-C.
    """
    work = _Work(_checked(url, allowed), most, look_up, allowed)
    end = clock() + MOST_S
    try:
        work.start()
        while not work.ended.wait(0.25):  # in slices: Windows does not interrupt a wait
            if clock() > end:
                raise NetworkError(
                    f"{work.name} took longer than {MOST_S:g} s; try again, or download it and attach the file"
                )
    except KeyboardInterrupt:
        raise Interrupted(f"stopped while {work.name} was fetched; nothing was sent") from None
    finally:
        work.give_up()
    if work.trouble:
        raise work.trouble
    return Fetched(bytes(work.data), work.name, work.host)


class _Work(threading.Thread):
    """The thread that does it, so that whoever waits can leave in every phase, also while a name is looked up."""

    def __init__(
        self,
        url: httpx.URL,
        most: int,
        look_up: Callable[[str, int], list[str]],
        allowed: Callable[[str], bool],
    ) -> None:
        super().__init__(name="claude_nb download", daemon=True)
        self.ended = threading.Event()
        self.trouble: ClaudeError | None = None
        self.data = bytearray()
        self.host = url.raw_host.decode()
        last = "".join(char for char in url.path.rpartition("/")[2] if char.isprintable())
        self.name = last[:100] or self.host
        self._url = url
        self._most = most
        self._look_up = look_up
        self._allowed = allowed
        self._given_up = False
        self._connection: socket.socket | None = None

    def run(self) -> None:
        try:
            self._follow()
        except ClaudeError as error:
            self.trouble = error
        except Exception as error:  # noqa: BLE001  # of whatever went wrong below, one line goes to the user
            self.trouble = _explained(error, self._url.raw_host.decode(), begun=bool(self.data))
        finally:
            self.ended.set()

    def give_up(self) -> None:
        """End it, from any thread, also when it has ended."""
        self._given_up = True
        self._shut()

    def _follow(self) -> None:
        for _ in range(REDIRECTS + 1):
            target = self._get()
            if target is None:
                return
            self._url = _checked(target, self._allowed, base=self._url)
        raise PromptError(f"{self.name} is redirected more than {REDIRECTS} times; attach the address where it ends")

    def _get(self) -> str | None:
        """Read the answer of one address; where it leads instead, if it is a redirect."""
        import httpx

        proxy = _proxy(self._url.raw_host.decode())
        places = [None] if proxy else self._places()
        for place in places:
            try:
                return self._read(proxy, place)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if self._given_up or place == places[-1]:
                    raise
        raise AssertionError("the last place returns or raises")

    def _places(self) -> list[str]:
        """The IP addresses of the host; none at all when one of them is not public."""
        host = self._url.raw_host.decode()
        found = self._look_up(host, self._url.port or 443)
        for one in found:
            if not self._allowed(one):
                raise PromptError(f"{host} leads to {one}, which is not public; download it and attach the file")
        if not found:
            raise socket.gaierror
        return found

    def _read(self, proxy: str | None, place: str | None) -> str | None:
        host = self._url.raw_host.decode()
        to = self._url.copy_with(host=place, fragment=None) if place else self._url
        headers = {
            "Host": self._url.netloc.decode(),
            "Accept": TAKES,
            "Accept-Encoding": "identity",
            "User-Agent": f"claude-nb/{__version__}",
        }
        extensions: dict[str, Any] = {"trace": self._trace, "sni_hostname": host}
        with (
            _client(proxy, host) as client,
            client.stream("GET", to, headers=headers, extensions=extensions) as response,
        ):
            if response.has_redirect_location:
                return str(response.headers["location"])
            self._take(response)
        return None

    def _take(self, response: httpx.Response) -> None:
        host = self._url.raw_host.decode()
        if response.status_code != 200:
            raise PromptError(f"{host} answered {response.status_code} for {self.name}; check the address")
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise PromptError(f"{host} sends {self.name} packed; download it and attach the file")
        length = response.headers.get("content-length", "")
        if length.isdecimal() and len(length) < 16 and int(length) > self._most:
            self._too_large()
        # As it comes off the line, so that nothing small can unpack to something large.
        for piece in response.iter_raw():
            self.data += piece
            if len(self.data) > self._most:
                self._too_large()

    def _too_large(self) -> None:
        raise PromptError(f"{self.name} has more than {self._most / 1e6:.1f} MB, which is the most that is sent")

    def _trace(self, step: str, info: Mapping[str, Any]) -> None:
        """httpcore tells its steps to this function; two of them hand out the socket."""
        if step.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._connection = info["return_value"].get_extra_info("socket")
            if self._given_up:
                self._shut()

    def _shut(self) -> None:
        connection = self._connection
        if connection is not None:
            # The plain method: that of a TLS socket would take its TLS layer away under a running read.
            with contextlib.suppress(OSError):  # closed already
                socket.socket.shutdown(connection, socket.SHUT_RDWR)


def _checked(address: str, allowed: Callable[[str], bool], base: httpx.URL | None = None) -> httpx.URL:
    """The address, if by what it says it may be fetched. Raises PromptError, which shows its host and no more of it."""
    import httpx

    try:
        url = base.join(address) if base else httpx.URL(address)
    except (httpx.InvalidURL, ValueError):
        raise PromptError("that is no address of a file; write it like https://example.org/a.png") from None
    host = url.raw_host.decode()
    if not 0 < (url.port or 443) < 2**16:
        raise PromptError(f"the address at {host} has an impossible port; leave it out")
    if url.scheme != "https":
        raise PromptError(f"{host or 'this'} is no https:// address; download it and attach the file")
    if url.userinfo:
        raise PromptError(f"the address at {host} holds a name or password before @; no login is sent, so leave it out")
    if looks_like_key(address):
        raise PromptError(f"the address at {host} holds what looks like a key; download it and attach the file")
    if not is_named_public(host, allowed):
        raise PromptError(f"{host or 'this'} is not a public address; download it and attach the file")
    return url


def _proxy(host: str) -> str | None:
    """The proxy that the owner of this machine has set for that host."""
    found = getproxies()
    proxy = found.get("https") or found.get("all")
    if not proxy or proxy_bypass(host):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _client(proxy: str | None, host: str) -> httpx.Client:
    import httpx

    certificates = httpx.create_ssl_context()
    try:
        # Of the environment only the certificates count; proxies have been decided on.
        return httpx.Client(trust_env=False, verify=certificates, proxy=proxy, timeout=SILENCE_S)
    except (ImportError, ValueError, httpx.InvalidURL):
        raise NetworkError(f"{host} cannot be reached with this HTTPS_PROXY; check how it is written") from None


def _explained(error: Exception, host: str, *, begun: bool) -> ClaudeError:
    """One line of ours; the text of the exception is not used, for it may hold the address."""
    import httpx

    causes: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and len(causes) < 10:
        causes.append(cause)
        cause = cause.__cause__ or cause.__context__
    if begun:
        return NetworkError(f"the connection to {host} broke off; run it again, or download it and attach the file")
    for kinds, text in CAUSES:
        if any(isinstance(one, kinds) for one in causes):
            return NetworkError(text.format(host))
    if isinstance(error, httpx.TimeoutException):
        return NetworkError(f"{host} was silent for {SILENCE_S:g} s; try again, or download it and attach the file")
    if isinstance(error, httpx.ProxyError):
        return NetworkError(f"the proxy lets nothing through to {host}; check HTTPS_PROXY and NO_PROXY")
    if isinstance(error, httpx.ProtocolError):
        return NetworkError(f"{host} gave no proper answer; download it and attach the file")
    return NetworkError(f"no connection to {host}; check the address and the network")


CAUSES: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((ssl.SSLCertVerificationError,), "the certificate of {} is not trusted; set SSL_CERT_FILE to yours"),
    ((socket.gaierror, UnicodeError), "the name of {} was not found; check the address and the network"),
    ((FileNotFoundError, ssl.SSLError), "{} cannot be reached over TLS; check SSL_CERT_FILE, if it is set"),
)
