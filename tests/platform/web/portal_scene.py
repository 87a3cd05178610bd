"""A tenant's day with every way to end: what portal tests count."""

from datetime import timedelta
from uuid import UUID

from crewline_reporting.records.rules import Record
from tests.builders import Tenant
from tests.reporting.scenes import MORNING, make_record

DAY = "2026-03-02"
OUTCOMES = ("answered", "abandoned", "answered", "flowed_out", "answered", "callback", "abandoned", "menu_ended")
WAITS_MS = (1_000, 4_999, 5_000, 8_000, 19_999, 20_000, 20_001, 45_000, 95_500)


def busy_day(tenant: Tenant, queue: UUID) -> list[Record]:
    """72 contacts: each outcome with each wait, one in five outside opening hours."""
    return [
        make_record(
            tenant,
            f"c{number}",
            outcome,
            at=MORNING + timedelta(minutes=3 * number),
            wait_ms=0 if outcome == "menu_ended" else WAITS_MS[number % len(WAITS_MS)],
            queue_id=queue,
            in_hours=number % 5 != 0,
            disposition='=HYPERLINK("http://evil.example")',
        )
        for number in range(72)
        for outcome in [OUTCOMES[number % len(OUTCOMES)]]
    ]
