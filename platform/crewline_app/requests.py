"""Around every request: its number, the language of its texts, one line in the log, two metrics."""

from collections.abc import Awaitable, Callable

from litestar.datastructures import MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from prometheus_client import Counter, Histogram

from crewline_infra.clock import monotonic_ms
from crewline_infra.i18n import locale
from crewline_infra.ids import new_id
from crewline_infra.log import get_logger
from crewline_web.prefs import SCOPE_KEY, read_prefs

_log = get_logger("crewline.web")
_QUIET = ("/static/", "/health/", "/metrics")

REQUESTS = Counter("crewline_http_requests_total", "Requests by route and status.", ["method", "route", "status"])
DURATION = Histogram("crewline_http_request_seconds", "Time to the end of the response.", ["method", "route"])


def observed(app: ASGIApp) -> ASGIApp:
    """Wrap the application: outermost, so that unknown routes and faults are seen too."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
            return
        number, prefs, begun = new_id().hex, read_prefs(scope), monotonic_ms()
        extra: dict[str, object] = scope  # type: ignore[assignment]  # a TypedDict that takes more
        extra["crewline_request_id"] = number
        extra[SCOPE_KEY] = prefs
        seen = {"status": 500}
        with locale(prefs.language):
            try:
                await app(scope, receive, _sender(send, number, seen))
            finally:
                _report(scope, seen["status"], monotonic_ms() - begun, number)

    return wrapped


def _sender(send: Send, number: str, seen: dict[str, int]) -> Callable[[Message], Awaitable[None]]:
    async def send_numbered(message: Message) -> None:
        if message["type"] == "http.response.start":
            seen["status"] = message["status"]
            message.setdefault("headers", [])
            MutableScopeHeaders.from_message(message)["X-Request-Id"] = number
        await send(message)

    return send_numbered


def _report(scope: Scope, status: int, duration_ms: int, number: str) -> None:
    """The route's template and never its address: an address can hold what does not belong in a log."""
    route = str(scope.get("path_template") or "unknown")
    method = str(scope.get("method", ""))
    REQUESTS.labels(method, route, str(status)).inc()
    DURATION.labels(method, route).observe(duration_ms / 1000)
    if route.startswith(_QUIET):
        return
    _log.info(
        "request",
        request_id=number,
        method=method,
        route=route,
        status=status,
        duration_ms=duration_ms,
    )
