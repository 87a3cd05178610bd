"""The service-level report: what is asked for, and what comes out."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from crewline_infra.periods import Period
from crewline_reporting.intervals.rules import Interval, IntervalKind
from crewline_reporting.metrics.catalogue import CATALOGUE
from crewline_reporting.metrics.formulas import Metric, shown
from crewline_reporting.metrics.rules import DEFAULT_THRESHOLDS, Tally, Thresholds
from crewline_reporting.metrics.service_level import DEFAULT_VARIANT, service_levels

COUNTS = (
    "offered",
    "answered",
    "answered_in_time",
    "abandoned",
    "short_abandoned",
    "flowed_out",
    "callback",
    "menu_ended",
)
"""Count metrics of every row, in the order of the columns."""
BESIDES = ("abandonment_rate", "asa", "aht", "longest_wait")
"""Metrics of every row after the service levels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLevelQuery:
    """`period` consists of whole local days of its zone. `with_empty` also lists intervals without contacts."""

    period: Period
    interval: IntervalKind
    thresholds: Thresholds = DEFAULT_THRESHOLDS
    variants: Sequence[str] = (DEFAULT_VARIANT,)
    queue_id: UUID | None = None
    channel: str | None = None
    with_empty: bool = False
    from_records: bool = False
    """Count from the records even where the roll-up could answer (for checks; the numbers are the same)."""


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One interval, or the total (its interval is the whole period)."""

    interval: Interval
    tally: Tally

    def value(self, metric: Metric) -> Decimal | int | None:
        """The shown value; None is N/A."""
        return shown(metric, self.tally)


@dataclass(frozen=True, slots=True)
class ServiceLevelReport:
    """`source` is 'rollup' or 'records': what was counted; both give the same numbers."""

    query: ServiceLevelQuery
    rows: Sequence[ReportRow]
    total: ReportRow
    source: str

    @property
    def levels(self) -> list[Metric]:
        return service_levels(list(self.query.variants))

    @property
    def metrics(self) -> list[Metric]:
        """Every metric of a row, in the order of the columns."""
        return [CATALOGUE[name] for name in COUNTS] + self.levels + [CATALOGUE[name] for name in BESIDES]
