"""A tenant names the address that we call: nothing but the public internet may answer."""

import ipaddress
import socket
from collections.abc import AsyncIterator, Sequence

import httpx
import pytest

from crewline_infra.egress import (
    ANSWER_BYTES_MAX,
    Address,
    Egress,
    Policy,
    Refused,
    Unreachable,
    check_url,
    is_public,
)

PUBLIC = "93.184.215.14"
NOT_PUBLIC = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",  # noqa: S104 - an address to refuse
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a00:1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2001:0:7f00:1::",
    "2001:0:5db8:d70e:0:0:80ff:fffe",
    "fe80::1",
    "fc00::1",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
]


@pytest.mark.parametrize("text", NOT_PUBLIC)
def test_addresses_that_are_not_the_public_internet(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", [PUBLIC, "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "url",
    [
        "http://crm.example.com/hook",
        "ftp://crm.example.com/hook",
        "https://crm.example.com:8443/hook",
        "https://user:secret@crm.example.com/",
        "https://user@crm.example.com/",
        "https://crm.example.com/#part",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://①②⑦.⓪.⓪.①/",
        "https://localhost/",
        "https://intranet/",
        "https://crm.example.com\\@127.0.0.1/",
        "https:///hook",
        "https://crm.example.com:99999/",
        "https://crm.example.com/a b",
        "https://crm.example.com/\nHost: x",
        "https://" + "a" * 2000 + ".com/",
        "",
        "crm.example.com",
    ],
)
def test_urls_that_may_not_be_stored(url: str) -> None:
    with pytest.raises(Refused):
        check_url(url, Policy())


def test_a_plain_https_url_is_kept_as_it_is() -> None:
    target = check_url("https://crm.example.com/hooks/1?x=2", Policy())
    assert (target.host, target.port) == ("crm.example.com", 443)


def test_loopback_needs_the_explicit_setting_and_nothing_else_is_opened_by_it() -> None:
    lenient = Policy(loopback=True)
    assert check_url("http://127.0.0.1:9100/hook", lenient).port == 9100
    for url in ("http://crm.example.com/", "https://10.0.0.1/", "https://crm.example.com:22/"):
        with pytest.raises(Refused):
            check_url(url, lenient)


class Resolver:
    """Answers with the next list each time: a name that changes its mind."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[Address]:
        self.asked.append(host)
        return [ipaddress.ip_address(text) for text in self.answers.pop(0)]


async def nothing() -> AsyncIterator[bytes]:
    for _ in ():
        yield b""


class Wire(httpx.AsyncBaseTransport):
    def __init__(
        self,
        status: int | Exception,
        location: str = "",
        body: AsyncIterator[bytes] | None = None,
    ) -> None:
        self.answer = (
            status
            if isinstance(status, Exception)
            else httpx.Response(status, headers={"location": location}, content=body or nothing())
        )
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


async def post(resolver: Resolver, wire: Wire, url: str = "https://crm.example.com/h") -> int:
    egress = Egress(Policy(), resolver=resolver, transport=wire)
    try:
        answer = await egress.post(url, body=b"{}", headers={"x": "y"}, timeout_ms=1000)
    finally:
        await egress.close()
    return answer.status


async def test_it_connects_to_the_checked_address_under_the_name() -> None:
    resolver, wire = Resolver([PUBLIC], ["127.0.0.1"]), Wire(204)
    assert await post(resolver, wire) == 204
    (request,) = wire.requests
    assert request.url.host == PUBLIC
    assert request.headers["host"] == "crm.example.com"
    assert request.extensions["sni_hostname"] == "crm.example.com"
    assert resolver.asked == ["crm.example.com"], "resolved once"


@pytest.mark.parametrize("addresses", [["127.0.0.1"], [PUBLIC, "10.0.0.1"], ["64:ff9b::7f00:1"]])
async def test_one_bad_address_of_a_name_is_enough_to_refuse(addresses: list[str]) -> None:
    wire = Wire(204)
    with pytest.raises(Refused):
        await post(Resolver(addresses), wire)
    assert wire.requests == []


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    wire = Wire(302, location="http://169.254.169.254/")
    assert await post(Resolver([PUBLIC]), wire) == 302
    assert len(wire.requests) == 1


async def test_a_big_answer_is_not_read_to_its_end() -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1024
            yield b"x" * 1024

    wire = Wire(200, body=endless())
    assert await post(Resolver([PUBLIC]), wire) == 200
    assert read <= ANSWER_BYTES_MAX + 4096


async def test_no_answer_has_a_reason() -> None:
    class Nobody(Resolver):
        async def __call__(self, host: str, port: int) -> Sequence[Address]:
            raise socket.gaierror

    with pytest.raises(Unreachable, match="name_not_found"):
        await post(Nobody(), Wire(200))
    with pytest.raises(Unreachable, match="connect"):
        await post(Resolver([PUBLIC]), Wire(httpx.ConnectError("refused")))
    with pytest.raises(Unreachable, match="tls"):
        await post(Resolver([PUBLIC]), Wire(httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED]")))


async def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    assert await post(Resolver([PUBLIC]), Wire(200)) == 200
