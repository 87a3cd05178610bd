"""How a webhook is signed, when it is tried again, and what an answer means.

The signature is the Standard Webhooks scheme 1.0.0: HMAC-SHA256 over `id.timestamp.body`.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any

import msgspec

from crewline_tenants.crm.events import ClosedContact

SECRET_PREFIX = "whsec_"  # noqa: S105 - the public prefix of the format, not a secret
SECRET_BYTES_MIN = 24
SECRET_BYTES_MAX = 64
TIMEOUT_MS = 15_000
BODY_BYTES_MAX = 20 * 1024

SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
SCHEDULE_MS = (
    0,
    5 * SECOND,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    14 * HOUR,
    20 * HOUR,
    24 * HOUR,
)
"""Wait before the n-th attempt, counted from the attempt before it: about 75 hours in all."""

JITTER = 0.2
RETRY_AFTER_MAX_MS = 24 * HOUR
SHOWN_DIGITS = 4
CIRCUIT_FAILURES = 5
CIRCUIT_OPEN_MS = 30 * SECOND
GIVE_UP_MS = 120 * HOUR

ACKNOWLEDGED = range(200, 300)
GONE = 410
SERVER_ERROR = 500
SLOW_DOWN = frozenset({429, 503})


class SecretFormat(ValueError):
    """The secret is not `whsec_` followed by 24 to 64 bytes in base64."""


def encode_secret(key: bytes) -> str:
    return SECRET_PREFIX + base64.b64encode(key).decode()


def decode_secret(secret: str) -> bytes:
    """The signing key inside a `whsec_…` text."""
    if not secret.startswith(SECRET_PREFIX):
        raise SecretFormat(f"The secret must start with {SECRET_PREFIX}.")
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        raise SecretFormat("The secret must be base64 after its prefix.") from None
    if not SECRET_BYTES_MIN <= len(key) <= SECRET_BYTES_MAX:
        raise SecretFormat(f"The secret must hold {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes.")
    return key


def sign(key: bytes, webhook_id: str, timestamp: int, body: bytes) -> str:
    """One `v1,…` signature. `timestamp` is whole seconds since 1970."""
    content = f"{webhook_id}.{timestamp}.".encode() + body
    digest = hmac.new(key, content, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def headers(keys: Sequence[bytes], webhook_id: str, sent_at: datetime, body: bytes) -> dict[str, str]:
    """The three headers of a delivery: one signature per key, so that a secret can be rotated."""
    timestamp = int(sent_at.timestamp())
    return {
        "content-type": "application/json",
        "user-agent": "Crewline-Webhooks/1",
        "webhook-id": webhook_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(sign(key, webhook_id, timestamp, body) for key in keys),
    }


def verified(key: bytes, sent: dict[str, str], body: bytes, now: datetime, tolerance_s: int = 300) -> bool:
    """Whether a received delivery is genuine and fresh. `sent` has lower-case header names."""
    try:
        webhook_id, stamp = sent["webhook-id"], int(sent["webhook-timestamp"])
        signatures = sent["webhook-signature"].split()
    except (KeyError, ValueError):
        return False
    if abs(now.timestamp() - stamp) > tolerance_s:
        return False
    expected = sign(key, webhook_id, stamp, body).encode()
    return any(hmac.compare_digest(expected, given.encode()) for given in signatures)


class Fate(StrEnum):
    """What becomes of a delivery after an attempt."""

    DELIVERED = "delivered"
    RETRY = "retry"
    DEAD = "dead"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Judgement:
    fate: Fate
    wait_ms: int = 0


def judge(*, status: int | None, retry_after: str | None, attempts: int, spread: float, now: datetime) -> Judgement:
    """What an answer means. `attempts` includes the one just made; `spread` lies in [-1, 1].

    `status` is None when there was no answer. Only 2xx acknowledges; 410 says the endpoint is gone
    for good; 429 and 503 may ask for a longer wait than the schedule's, never for a shorter one.
    """
    if status in ACKNOWLEDGED:
        return Judgement(Fate.DELIVERED)
    if status == GONE:
        return Judgement(Fate.GONE)
    if attempts >= len(SCHEDULE_MS):
        return Judgement(Fate.DEAD)
    wait_ms = scheduled_wait_ms(attempts, spread)
    if status in SLOW_DOWN:
        wait_ms = max(wait_ms, retry_after_ms(retry_after, now))
    return Judgement(Fate.RETRY, wait_ms)


def scheduled_wait_ms(attempts: int, spread: float) -> int:
    """The wait after `attempts` failed ones, moved by up to 20 % either way."""
    return round(SCHEDULE_MS[attempts] * (1 + JITTER * spread))


def retry_after_ms(value: str | None, now: datetime) -> int:
    """A Retry-After header (seconds or a date) as a wait; 0 when unreadable; at most a day."""
    if not value:
        return 0
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(int(text[:9]) * SECOND, RETRY_AFTER_MAX_MS)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return 0
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0, min(round((at - now).total_seconds() * 1000), RETRY_AFTER_MAX_MS))


@dataclass(frozen=True, slots=True)
class Circuit:
    """Recent health of one endpoint; stored beside it, so every worker sees the same."""

    failures: int = 0
    failing_since: datetime | None = None
    opens_at: datetime | None = None

    @property
    def probing(self) -> bool:
        """One delivery at a time, until one is acknowledged."""
        return self.failures >= CIRCUIT_FAILURES


def is_endpoint_failure(status: int | None) -> bool:
    """Whether an answer says something about the endpoint rather than about this one delivery."""
    return status is None or status in SLOW_DOWN or status >= SERVER_ERROR


def after_failure(circuit: Circuit, now: datetime) -> Circuit:
    """Five failures in a row close the way for half a minute; a failed probe does so again."""
    failures = circuit.failures + 1
    since = circuit.failing_since or now
    opens_at = now + timedelta(milliseconds=CIRCUIT_OPEN_MS) if failures >= CIRCUIT_FAILURES else None
    return Circuit(failures, since, opens_at)


def given_up(circuit: Circuit, now: datetime) -> bool:
    """Nothing was acknowledged for five days: the endpoint is disabled and its owner told."""
    since = circuit.failing_since
    return since is not None and now - since >= timedelta(milliseconds=GIVE_UP_MS)


def masked(number: str | None) -> str | None:
    """A telephone number or name of a customer as shown outside the desk: the last four only."""
    if not number:
        return None
    return "***" + number[-SHOWN_DIGITS:] if len(number) > SHOWN_DIGITS else "***"


def body(event_type: str, at: datetime, facts: ClosedContact | None) -> dict[str, Any]:
    """The payload as it is stored and sent: type, time of the event, data."""
    data = {} if facts is None else msgspec.to_builtins(facts)
    payload = {"type": event_type, "timestamp": msgspec.to_builtins(at), "data": data}
    if len(encoded(payload)) > BODY_BYTES_MAX:
        data["note"] = None
        data["script"] = {"version_id": data["script"]["version_id"], "omitted": True} if data["script"] else None
    return payload


def encoded(payload: dict[str, Any]) -> bytes:
    """The bytes that are signed and sent: the same for every attempt."""
    return json.dumps(payload, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def lane(facts: ClosedContact) -> str:
    """Deliveries of one lane keep their order: a customer's, or the contact's where nobody is known."""
    if facts.customer_id or facts.customer_ref:
        return f"customer:{facts.customer_id or facts.customer_ref}"
    return f"contact:{facts.contact_id}"
