"""Reading a report's input, and the facts that are printed with its numbers. Pure."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation

from crewline_infra.errors import Invalid
from crewline_infra.i18n import gettext as _
from crewline_infra.periods import Period, day_period, parse_date
from crewline_reporting.intervals.rules import IntervalKind, interval_kind
from crewline_reporting.metrics.rules import Thresholds
from crewline_reporting.metrics.service_level import DEFAULT_VARIANT, service_levels

SECONDS_MAX = 86_400
DAYS_MAX: dict[IntervalKind, int] = {"30m": 400, "hour": 800, "day": 4_000, "month": 12_000}
DEFAULT_THRESHOLD_S = "20"
DEFAULT_SHORT_ABANDON_S = "5"


def milliseconds(text: str, field: str) -> int:
    """'20' or '7.5' seconds as whole milliseconds. Raises `Invalid` for anything else."""
    try:
        seconds = Decimal(text)
    except InvalidOperation:
        seconds = Decimal(-1)
    if not seconds.is_finite() or not 0 <= seconds <= SECONDS_MAX or seconds * 1000 % 1 != 0:
        raise Invalid(
            _("%(text)s is no number of seconds from 0 to 86400 (at most three decimals).") % {"text": repr(text)},
            field=field,
        )
    return int(seconds * 1000)


def thresholds(threshold_s: str, short_abandon_s: str) -> Thresholds:
    return Thresholds(milliseconds(threshold_s, "threshold"), milliseconds(short_abandon_s, "short_abandon"))


def variants(texts: Sequence[str]) -> tuple[str, ...]:
    """['V1,V4'], ['v1', 'v4'] or ['all'] as variant names. Raises `Invalid` for an unknown one."""
    names = [name.strip() for text in texts for name in text.split(",")] or [DEFAULT_VARIANT]
    return tuple(metric.short for metric in service_levels(names))


def report_period(first: str, last: str, interval: str, zone: str) -> tuple[Period, IntervalKind]:
    """Local dates, both included. Raises `Invalid` when they are none, or too many for the interval."""
    kind = interval_kind(interval)
    from_date, to_date = parse_date(first), parse_date(last)
    if (to_date - from_date) > timedelta(days=DAYS_MAX[kind]):
        raise Invalid(
            _("A report by %(interval)s covers at most %(days)s days.") % {"interval": kind, "days": DAYS_MAX[kind]},
            field="to",
        )
    return _period(from_date, to_date, zone), kind


def _period(first: date, last: date, zone: str) -> Period:
    try:
        return day_period(first, last, zone)
    except OverflowError as problem:
        raise Invalid(_("The period lies outside the calendar."), field="to") from problem


def moment(text: str, zone: str, *, end: bool) -> datetime:
    """A local date (as an end: included) or an instant with its offset (as an end: excluded), in UTC."""
    if len(text) == len("2026-01-31"):
        day = parse_date(text)
        period = _period(day, day, zone)
        return period.ends_at if end else period.starts_at
    try:
        at = datetime.fromisoformat(text)
    except ValueError as problem:
        raise Invalid(_("%(text)s is no date and no instant.") % {"text": repr(text)}) from problem
    if at.tzinfo is None:
        raise Invalid(_("%(text)s says no offset from UTC; write 1999-03-01T07:00:00Z.") % {"text": repr(text)})
    return at.astimezone(UTC)


def seconds_text(ms: int) -> str:
    """20000 -> '20', 7500 -> '7.5'."""
    return f"{Decimal(ms) / 1000:f}"
