"""Refuse what no part of the product could read or store, before any part tries."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from crewline_infra.errors import Invalid
from crewline_tenants.people.access import SAFE_METHODS, AnyRequest

_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_NUL_TEXT = "A text holds a character that cannot be stored (NUL)."
NUL = "\0"


async def refuse_unreadable(request: AnyRequest) -> None:
    """Raises `Invalid` with the field: PostgreSQL stores no NUL, and no reader follows endless nesting."""
    if NUL in request.scope["path"]:
        raise Invalid(_NUL_TEXT)
    for name, value in request.query_params.multi_items():
        _refuse_nul(name, f"{name}{value}")
    if request.method in SAFE_METHODS:
        return
    body = await request.body()
    if request.headers.get("content-type", "").startswith(_FORMS):
        _check_form(body)
    else:
        _check_document(body)


def _check_form(body: bytes) -> None:
    if b"%00" in body or b"\0" in body:
        fields = parse_qsl(body.decode("latin-1"), keep_blank_values=True)
        raise Invalid(_NUL_TEXT, field=next((name for name, value in fields if NUL in value), None))


def _check_document(body: bytes) -> None:
    try:
        document = msgspec.json.decode(body)
    except RecursionError:
        raise Invalid("This is nested too deeply.") from None
    except UnicodeDecodeError:
        raise Invalid("This is no UTF-8 text.") from None
    except msgspec.DecodeError:
        # A form is read as one whatever it calls itself; what is no JSON the operation itself refuses.
        return _check_form(body)
    for name, text in _texts(document):
        _refuse_nul(name, text)


def _texts(document: Any) -> Iterator[tuple[str, str]]:
    """Each text with the field it lies in ('values.name'), keys too; without recursion."""
    waiting = [("", document)]
    while waiting:
        place, value = waiting.pop()
        if isinstance(value, str):
            yield place, value
        elif isinstance(value, dict):
            for name, inner in value.items():
                yield place, name
                waiting.append((f"{place}.{name}" if place else name, inner))
        elif isinstance(value, list):
            waiting += [(place, inner) for inner in value]


def _refuse_nul(name: str, text: str) -> None:
    if NUL in text:
        raise Invalid(_NUL_TEXT, field=name.replace(NUL, "") or None)
