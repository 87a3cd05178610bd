"""Records for the tests of reporting."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from crewline_infra.tenancy import Context, Role
from crewline_reporting.records.rules import Outcome, Record
from tests.builders import Tenant

MORNING = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
"""09:00 in Shanghai."""


def worker(tenant: Tenant) -> Context:
    return Context(Role.WORKER, tenant_id=tenant.id)


def make_record(
    tenant: Tenant, external_id: str, outcome: Outcome = "answered", *, at: datetime = MORNING, **changes: Any
) -> Record:
    """A contact that arrives at `at`, enters the queue 10 s later, waits 5 s and, answered, talks 60 s."""
    wait_ms = changes.get("wait_ms", 5_000)
    queued_at = at + timedelta(seconds=10)
    left_at = queued_at + timedelta(milliseconds=wait_ms)
    answered = outcome == "answered"
    menu = outcome in ("menu_ended", "excluded")
    talk_ms = changes.get("talk_ms", 60_000 if answered else 0)
    values: dict[str, Any] = {
        "tenant_id": tenant.id,
        "contact_id": uuid5(tenant.id, external_id),
        "source": "test",
        "external_id": external_id,
        "outcome": outcome,
        "arrived_at": at,
        "queued_at": None if menu else queued_at,
        "answered_at": left_at if answered else None,
        "ended_at": left_at + timedelta(milliseconds=talk_ms),
        "menu_ms": 10_000,
        "wait_ms": wait_ms,
        "talk_ms": talk_ms,
        "exclusion": "phantom" if outcome == "excluded" else None,
        "recorded_at": at + timedelta(hours=1),
    }
    return Record(**(values | changes))


def queue_id(number: int) -> UUID:
    return UUID(int=number)
