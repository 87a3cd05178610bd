"""The service-level report: what is asked for, and what comes out."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from crewline_infra.periods import Period
from crewline_reporting.intervals.rules import IntervalKind
from crewline_reporting.intervals.service import IntervalTally
from crewline_reporting.metrics.catalogue import CATALOGUE
from crewline_reporting.metrics.formulas import Metric
from crewline_reporting.metrics.rules import DEFAULT_THRESHOLDS, Thresholds
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
    levels_only: bool = False
    """Fetch and give nothing but the service levels: for long reports."""
    from_records: bool = False
    """Count from the records even where the roll-up could answer (for checks; the numbers are the same)."""

    @property
    def levels(self) -> list[Metric]:
        return service_levels(list(self.variants))

    @property
    def metrics(self) -> list[Metric]:
        if self.levels_only:
            return self.levels
        return [CATALOGUE[name] for name in COUNTS] + self.levels + [CATALOGUE[name] for name in BESIDES]


ReportRow = IntervalTally
"""One interval, or the total (its interval is the whole period): `.interval`, `.tally`, `.value(metric)`."""


@dataclass(frozen=True, slots=True)
class ServiceLevelReport:
    """`source` is 'rollup' or 'records': what was counted; both give the same numbers."""

    query: ServiceLevelQuery
    rows: Sequence[ReportRow]
    total: ReportRow
    source: str

    @property
    def levels(self) -> list[Metric]:
        return self.query.levels

    @property
    def metrics(self) -> list[Metric]:
        """Every metric that a row has, in the order of the columns; no other may be asked of it."""
        return self.query.metrics
