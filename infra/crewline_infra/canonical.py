"""One byte form of a value, so that a hash means the same on every machine."""

import hashlib
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from crewline_infra.money import plain


def canonical_json(value: Any) -> bytes:
    """UTF-8 JSON: sorted keys, no spaces, Decimals and ids as text, instants as RFC 3339 in UTC to the millisecond.

    Floats are refused with `TypeError`: they have no single written form.
    """
    return json.dumps(
        _plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def instant_text(at: datetime) -> str:
    """'1999-03-01T07:20:30.000Z': always UTC, always three decimals."""
    utc = at.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


def sha256_hex(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return _scalar(value)


def _scalar(value: Any) -> str:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, datetime):
        return instant_text(value)
    if isinstance(value, UUID | date):
        return str(value)
    raise TypeError(f"no canonical form for {type(value).__name__}")
