"""The only way out to an address that a tenant chose.

The name is resolved once, every address it has is checked, and the connection goes to a checked
address while TLS and the Host header keep the name: what was checked is what is reached, so a name
that changes its mind between check and connect (DNS rebinding) gains nothing. Proxies of the
environment are ignored, redirects are not followed, and of the answer only the status leaves here.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import httpx

from crewline_infra.errors import Invalid
from crewline_infra.i18n import gettext as _

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], Awaitable[Sequence[Address]]]

URL_LENGTH_MAX = 2_000
ANSWER_BYTES_MAX = 64 * 1024
_NAT64 = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))
_COMPATIBLE = ipaddress.ip_network("::/96")
_SITE_LOCAL = ipaddress.ip_network("fec0::/10")


class Refused(Invalid):
    """The address may not be called. The sentence never says what a name resolved to."""


class Unreachable(Exception):
    """No answer: name, connection, TLS or time limit failed. `.reason` is a stable code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Policy:
    """What may be reached. `loopback` (demonstration, tests) alone allows plain http."""

    ports: frozenset[int] = frozenset({443})
    loopback: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    url: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    retry_after: str | None


def check_url(url: str, policy: Policy) -> Target:
    """The parts of a URL that may be stored as a destination; raises `Refused` with what to change.

    The name is not resolved here: that happens, and is checked, at every call.
    """
    parts, port = _split(url)
    host = (parts.hostname or "").rstrip(".")
    literal = _literal(host)
    local = policy.loopback and (host == "localhost" or bool(literal and literal.is_loopback))
    if parts.scheme != "https" and not (local and parts.scheme == "http"):
        raise _refused(_("The address must start with https://."))
    if not local and port not in policy.ports:
        raise _refused(_("Port {port} is not allowed.").format(port=port))
    if not local and (_numeric(host) or host == "localhost" or "." not in host) and not literal:
        raise _refused(_("The host must be a public name."))
    if literal and not _allowed(literal, policy):
        raise _refused(_("The host is not a public address."))
    return Target(url=url, host=host, port=port)


def _split(url: str) -> tuple[SplitResult, int]:
    if len(url) > URL_LENGTH_MAX or not url.isascii() or not url.isprintable() or " " in url:
        raise _refused(_("The address must be a plain URL of at most 2000 characters."))
    try:
        parts = urlsplit(url)
        port = parts.port if parts.port is not None else {"http": 80}.get(parts.scheme, 443)
    except ValueError:
        raise _refused(_("The address is not a URL.")) from None
    if not parts.hostname or "\\" in url:
        raise _refused(_("The address is not a URL."))
    if "@" in parts.netloc:
        raise _refused(_("The address must not contain a user name or password."))
    if parts.fragment:
        raise _refused(_("The address must not contain a fragment (#)."))
    return parts, port


def _refused(sentence: str) -> Refused:
    return Refused(sentence, field="url")


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _numeric(host: str) -> bool:
    """`2130706433`, `0x7f000001`, `127.1`: a resolver reads these as addresses."""
    last = host.rsplit(".", 1)[-1]
    return last.isdigit() or last.lower().startswith("0x")


def is_public(address: Address) -> bool:
    """Whether a packet to this address can only end on the public internet.

    Every address hidden in another is unwrapped first: IPv4-mapped, -compatible, 6to4, NAT64,
    Teredo. `is_global` alone says yes to several of those around 127.0.0.1.
    """
    inner = _unwrapped(address)
    if inner:
        return all(is_public(each) for each in inner)
    if address.is_multicast or not address.is_global:
        return False
    return address not in _SITE_LOCAL


def _unwrapped(address: Address) -> list[Address]:
    if isinstance(address, ipaddress.IPv4Address):
        return []
    if address.ipv4_mapped:
        return [address.ipv4_mapped]
    if address.sixtofour:
        return [address.sixtofour]
    if address.teredo:
        return list(address.teredo)
    if any(address in network for network in _NAT64) or address in _COMPATIBLE:
        return [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    return []


def _allowed(address: Address, policy: Policy) -> bool:
    return is_public(address) or (policy.loopback and address.is_loopback)


async def system_resolver(host: str, port: int) -> Sequence[Address]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ipaddress.ip_address(str(entry[4][0]).split("%", 1)[0]) for entry in found]


class Egress:
    """Posts to checked destinations. One per process; `close()` it."""

    def __init__(
        self,
        policy: Policy,
        *,
        resolver: Resolver = system_resolver,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._policy = policy
        self._resolver = resolver
        self._client = httpx.AsyncClient(
            trust_env=False,
            follow_redirects=False,
            timeout=None,  # noqa: S113 - one limit over the whole call, in post()
            transport=transport,
            limits=httpx.Limits(max_connections=200, max_keepalive_connections=40),
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def post(self, url: str, *, body: bytes, headers: Mapping[str, str], timeout_ms: int) -> Answer:
        """The answer's status. Raises `Refused`, or `Unreachable` when none came in time."""
        target = check_url(url, self._policy)
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                address = await self._address(target)
                return await self._send(target, address, body, headers)
        except TimeoutError:
            raise Unreachable("timeout") from None
        except httpx.HTTPError as error:
            raise Unreachable(_reason(error)) from error

    async def _address(self, target: Target) -> Address:
        try:
            found = await self._resolver(target.host, target.port)
        except (OSError, UnicodeError):
            raise Unreachable("name_not_found") from None
        if not found:
            raise Unreachable("name_not_found")
        if not all(_allowed(address, self._policy) for address in found):
            raise _refused(_("The host is not a public address."))
        return found[0]

    async def _send(self, target: Target, address: Address, body: bytes, headers: Mapping[str, str]) -> Answer:
        named = httpx.URL(target.url)
        request = self._client.build_request(
            "POST",
            named.copy_with(host=str(address)),
            content=body,
            headers={
                **headers,
                "host": named.netloc.decode(),
                "accept-encoding": "identity",
            },
            extensions={"sni_hostname": target.host},
        )
        answer = await self._client.send(request, stream=True)
        try:
            await _drain(answer)
        finally:
            await answer.aclose()
        return Answer(status=answer.status_code, retry_after=answer.headers.get("retry-after"))


async def _drain(answer: httpx.Response) -> None:
    """Read a small body so that the connection can be used again; give up on a big one."""
    size = 0
    async for chunk in answer.aiter_raw():
        size += len(chunk)
        if size > ANSWER_BYTES_MAX:
            return


def _reason(error: httpx.HTTPError) -> str:
    if not isinstance(error, httpx.ConnectError):
        return "broken"
    return "tls" if "ssl" in str(error).lower() else "connect"
