"""Signatures against the published vector and the reference library; waits against the schedule."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from crewline_tenants.crm import rules
from crewline_tenants.crm.events import ClosedContact, ScriptResult

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
VECTOR_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - the published one
VECTOR_ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
VECTOR_BODY = b'{"test": 2432232314}'


def test_the_published_vector() -> None:
    key = rules.decode_secret(VECTOR_SECRET)
    signature = rules.sign(key, VECTOR_ID, 1614265330, VECTOR_BODY)
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(st.binary(min_size=24, max_size=64), st.text("abc0189_-", min_size=1), st.text())
def test_the_reference_library_accepts_what_we_sign(key: bytes, webhook_id: str, text: str) -> None:
    body = json.dumps({"a": text}).encode()
    sent_at = datetime.now(UTC)
    sent = rules.headers([key], webhook_id, sent_at, body)
    Webhook(rules.encode_secret(key)).verify(body, sent)
    assert rules.verified(key, sent, body, sent_at)


@given(st.binary(min_size=24, max_size=64), st.integers(1, 4_000_000_000))
def test_we_accept_what_the_reference_library_signs(key: bytes, seconds: int) -> None:
    at = datetime.fromtimestamp(seconds, UTC)
    signature = Webhook(rules.encode_secret(key)).sign("msg_1", at, '{"a": 1}')
    sent = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signature,
    }
    assert rules.verified(key, sent, b'{"a": 1}', at)


def test_during_rotation_either_secret_verifies() -> None:
    old, new = b"o" * 24, b"n" * 24
    body, sent_at = b"{}", datetime.now(UTC)
    sent = rules.headers([new, old], "msg_1", sent_at, body)
    for key in (old, new):
        Webhook(rules.encode_secret(key)).verify(body, sent)
    with pytest.raises(WebhookVerificationError):
        Webhook(rules.encode_secret(b"x" * 24)).verify(body, sent)


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "msg_2"},
        {"webhook-timestamp": "1764000001"},
        {"webhook-timestamp": "soon"},
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": ""},
    ],
)
def test_a_changed_delivery_is_not_verified(change: dict[str, str]) -> None:
    key, body = b"k" * 32, b'{"a":1}'
    sent_at = datetime.fromtimestamp(1764000000, UTC)
    sent = rules.headers([key], "msg_1", sent_at, body)
    assert rules.verified(key, sent, body, sent_at)
    assert not rules.verified(key, {**sent, **change}, body, sent_at)
    assert not rules.verified(key, sent, body + b" ", sent_at)
    v2 = sent["webhook-signature"].replace("v1,", "v2,")
    assert not rules.verified(key, {**sent, "webhook-signature": v2}, body, sent_at)


@pytest.mark.parametrize("seconds", [-301, 301])
def test_a_stale_delivery_is_not_verified(seconds: int) -> None:
    sent = rules.headers([b"k" * 24], "msg_1", NOW, b"{}")
    assert not rules.verified(b"k" * 24, sent, b"{}", NOW + timedelta(seconds=seconds))
    assert rules.verified(b"k" * 24, sent, b"{}", NOW + timedelta(seconds=300))


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_%%%", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
def test_a_secret_of_another_form_is_refused(secret: str) -> None:
    with pytest.raises(rules.SecretFormat):
        rules.decode_secret(secret)


def test_the_published_schedule_takes_about_75_hours() -> None:
    waits = [rules.scheduled_wait_ms(attempts, 0.0) // 1000 for attempts in range(1, 10)]
    assert waits == [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]
    assert sum(waits) / 3600 == pytest.approx(75.6, abs=0.1)


@given(st.integers(1, 9), st.floats(-1, 1))
def test_jitter_moves_a_wait_by_at_most_a_fifth(attempts: int, spread: float) -> None:
    wait = rules.scheduled_wait_ms(attempts, spread)
    assert 0.8 * rules.SCHEDULE_MS[attempts] <= wait <= 1.2 * rules.SCHEDULE_MS[attempts]


def judged(status: int | None, *, attempts: int = 1, retry_after: str | None = None) -> rules.Judgement:
    return rules.judge(status=status, retry_after=retry_after, attempts=attempts, spread=0.0, now=NOW)


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_only_2xx_acknowledges(status: int) -> None:
    assert judged(status, attempts=10).fate is rules.Fate.DELIVERED


@pytest.mark.parametrize("status", [None, 100, 199, 300, 302, 400, 401, 404, 500, 503])
def test_everything_else_is_tried_again_until_the_tenth_attempt(status: int | None) -> None:
    assert judged(status) == rules.Judgement(rules.Fate.RETRY, 5_000)
    assert judged(status, attempts=9).fate is rules.Fate.RETRY
    assert judged(status, attempts=10).fate is rules.Fate.DEAD


def test_gone_switches_the_endpoint_off_at_once() -> None:
    assert judged(410).fate is rules.Fate.GONE


@pytest.mark.parametrize("status", [429, 503])
def test_a_longer_wait_may_be_asked_for_but_not_a_shorter_one(status: int) -> None:
    assert judged(status, retry_after="120").wait_ms == 120_000
    assert judged(status, retry_after="1").wait_ms == 5_000
    assert judged(status, retry_after="Tue, 24 Nov 2026 12:02:00 GMT").wait_ms == 120_000
    assert judged(status, retry_after="9" * 400).wait_ms == rules.RETRY_AFTER_MAX_MS
    for nonsense in ("later", "-5", "1e9", "", "Tue, 99 Nov 2026 12:02:00 GMT"):
        assert judged(status, retry_after=nonsense).wait_ms == 5_000


def test_retry_after_of_another_status_is_not_obeyed() -> None:
    assert judged(500, retry_after="120").wait_ms == 5_000


def test_five_failures_in_a_row_close_the_way_for_half_a_minute() -> None:
    circuit = rules.Circuit()
    for n in range(4):
        circuit = rules.after_failure(circuit, NOW + timedelta(seconds=n))
        assert circuit.opens_at is None
        assert not circuit.probing
    circuit = rules.after_failure(circuit, NOW + timedelta(seconds=4))
    assert circuit.opens_at == NOW + timedelta(seconds=34)
    assert circuit.probing
    later = NOW + timedelta(minutes=2)
    again = rules.after_failure(circuit, later)
    assert again.opens_at == later + timedelta(seconds=30), "a failed probe closes it again"
    assert again.failing_since == NOW


def test_an_endpoint_that_acknowledges_nothing_for_five_days_is_given_up() -> None:
    circuit = rules.after_failure(rules.Circuit(), NOW)
    assert not rules.given_up(circuit, NOW + timedelta(days=5, seconds=-1))
    assert rules.given_up(circuit, NOW + timedelta(days=5))
    assert not rules.given_up(rules.Circuit(), NOW)


@pytest.mark.parametrize(
    ("status", "blamed"), [(None, True), (500, True), (503, True), (429, True), (422, False), (302, False)]
)
def test_a_refused_delivery_is_not_a_broken_endpoint(status: int | None, blamed: bool) -> None:
    assert rules.is_endpoint_failure(status) is blamed


def closed(**changes: object) -> ClosedContact:
    facts: dict[str, object] = {
        "contact_id": UUID(int=1),
        "version": 1,
        "channel": "voice",
        "direction": "inbound",
        "outcome": "answered",
        "arrived_at": NOW,
        "ended_at": NOW,
    }
    return ClosedContact(**{**facts, **changes})  # type: ignore[arg-type]  # a test's own facts


def test_the_body_of_one_event_is_always_the_same_bytes() -> None:
    payload = rules.body("contact.closed", NOW, closed(disposition="余额"))
    assert rules.encoded(payload) == rules.encoded(json.loads(rules.encoded(payload)))
    assert payload["data"]["disposition"] == "余额"
    assert payload["timestamp"] == "2026-11-24T12:00:00Z"


def test_a_body_that_would_be_too_long_goes_without_its_answers() -> None:
    script = ScriptResult(version_id=UUID(int=2), answers={"story": "x" * 30_000})
    payload = rules.body("contact.closed", NOW, closed(script=script, note="y" * 30_000))
    assert payload["data"]["script"] == {"version_id": str(UUID(int=2)), "omitted": True}
    assert len(rules.encoded(payload)) <= rules.BODY_BYTES_MAX


def test_a_lane_is_a_customer_or_else_the_contact() -> None:
    assert rules.lane(closed()) == f"contact:{UUID(int=1)}"
    assert rules.lane(closed(customer_ref="C-7")) == "customer:C-7"
    assert rules.lane(closed(customer_id=UUID(int=3), customer_ref="C-7")) == f"customer:{UUID(int=3)}"


@pytest.mark.parametrize(("number", "shown"), [("+8613800138000", "***8000"), ("123", "***"), ("", None), (None, None)])
def test_numbers_are_masked(number: str | None, shown: str | None) -> None:
    assert rules.masked(number) == shown
