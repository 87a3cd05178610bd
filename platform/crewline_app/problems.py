"""Errors as answers: a problem document for programs, a page for people, never a stack trace for either."""

from typing import Any
from urllib.parse import quote

from litestar import Request, Response
from litestar.exceptions import HTTPException, NotAuthorizedException, ValidationException
from litestar.response import Redirect
from litestar.types import ExceptionHandlersMap

from crewline_infra.errors import CrewlineError, NotFound, TooMany, Unauthenticated
from crewline_infra.i18n import gettext as _
from crewline_infra.i18n import mark
from crewline_infra.log import get_logger
from crewline_web.render import fragment, page

_log = get_logger("crewline.web")
_AnyRequest = Request[Any, Any, Any]
_UNPROCESSABLE, _SERVER_ERROR, _NOT_FOUND, _UNAUTHENTICATED = 422, 500, 404, 401

TITLES = {
    400: mark("This request cannot be read"),
    401: mark("Log in first"),
    403: mark("Not yours to see"),
    404: mark("There is nothing here"),
    405: mark("This address does not do that"),
    409: mark("Somebody was faster"),
    413: mark("Too large"),
    422: mark("Something does not fit"),
    429: mark("Too many requests"),
    500: mark("Something broke on our side"),
    503: mark("Out of reach for a moment"),
}
TEXTS = {
    404: mark("It may have moved, or it is not yours. The address may have a slip in it."),
    405: mark("Use the page's own buttons, or look into the API's documentation."),
    413: mark("Send less at once."),
    500: mark("Nothing that you entered was kept. Try again, and give us the request number."),
    503: mark("The database did not answer. Nothing is lost; try again in a moment."),
}


def exception_handlers() -> ExceptionHandlersMap:
    return {CrewlineError: on_known, HTTPException: on_http, Exception: on_unexpected}


def on_known(request: _AnyRequest, problem: CrewlineError) -> Response[Any]:
    """Expected: the sentence of the error is the answer."""
    if isinstance(problem, Unauthenticated) and _wants_page(request):
        return Redirect(f"/login?next={quote(_path_with_query(request))}", status_code=303)
    if isinstance(problem, NotFound):
        return _answer(request, _NOT_FOUND, "not_found")
    answer = _answer(request, problem.status, problem.code, detail=problem.message, field=problem.field)
    if isinstance(problem, TooMany):
        answer.headers["Retry-After"] = str(problem.retry_after_s)
    return answer


def on_http(request: _AnyRequest, problem: HTTPException) -> Response[Any]:
    """What the framework refuses: unknown routes, methods, bodies that do not parse or fit."""
    if isinstance(problem, ValidationException):
        return _answer(request, _UNPROCESSABLE, "invalid", detail=_first(problem.extra), errors=problem.extra)
    if problem.status_code >= _SERVER_ERROR:
        return on_unexpected(request, problem)
    code = {_NOT_FOUND: "not_found", 405: "method_not_allowed", 413: "too_large"}
    answer = _answer(request, problem.status_code, code.get(problem.status_code, "bad_request"))
    if isinstance(problem, NotAuthorizedException):
        answer.status_code = _UNAUTHENTICATED
    answer.headers.update(problem.headers or {})
    return answer


def on_unexpected(request: _AnyRequest, problem: Exception) -> Response[Any]:
    """A fault of ours: logged with its traceback under the request number that the person sees."""
    _log.error("request_failed", exc_info=problem)
    return _answer(request, _SERVER_ERROR, "internal")


def _answer(
    request: _AnyRequest,
    status: int,
    code: str,
    *,
    detail: str = "",
    field: str | None = None,
    errors: object = None,
) -> Response[Any]:
    title = _(TITLES.get(status, TITLES[500]))
    text = detail or (_(TEXTS[status]) if status in TEXTS else "")
    if not _wants_page(request):
        return _document(request, status, code, title, detail=text, field=field, errors=errors)
    kind = {403: "forbidden", 404: "empty"}.get(status, "error")
    values: dict[str, Any] = {"kind": kind, "title": title, "text": text, "request_id": request_number(request)}
    if request.headers.get("hx-request-type") == "partial":
        return fragment(request, "shell/problem_part.html", status=status, **values)
    again = _path_with_query(request) if status >= _SERVER_ERROR else ""
    # The address is left out of the page: what is missing and what is foreign must read the same.
    return page(request, "shell/problem.html", status=status, again=again, here="/", **values)


def _document(request: _AnyRequest, status: int, code: str, title: str, **extra: object) -> Response[Any]:
    """RFC 9457. The request number is in the header for all, in the body for our own faults:
    the bodies for a missing and for a foreign object stay the same byte for byte."""
    body: dict[str, object] = {"type": "about:blank", "title": title, "status": status}
    body |= {"code": code} | {name: value for name, value in extra.items() if value}
    if status >= _SERVER_ERROR:
        body["request_id"] = request_number(request)
    return Response(body, status_code=status, media_type="application/problem+json")


def request_number(request: _AnyRequest) -> str:
    return str(request.scope.get("crewline_request_id", ""))


def _wants_page(request: _AnyRequest) -> bool:
    path = request.scope["path"]
    machine = path.startswith(("/api/", "/health/", "/metrics", "/openapi"))
    return not machine and "text/html" in request.headers.get("accept", "*/*").replace("*/*", "text/html")


def _path_with_query(request: _AnyRequest) -> str:
    if request.method != "GET":
        return "/"
    query = request.scope["query_string"].decode("latin-1")
    return request.scope["path"] + (f"?{query}" if query else "")


def _first(extra: object) -> str:
    """The first complaint of a validation, as a sentence."""
    if isinstance(extra, list) and extra and isinstance(extra[0], dict):
        where = str(extra[0].get("key", "")).strip()
        what = str(extra[0].get("message", ""))
        return f"{where}: {what}" if where else what
    return ""
