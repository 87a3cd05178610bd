"""A service-level report as rows of a page: labels, cells and their doors. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from zoneinfo import ZoneInfo

from crewline_infra.i18n import gettext as _
from crewline_infra.i18n import mark
from crewline_reporting.metrics.catalogue import CATALOGUE
from crewline_reporting.metrics.formulas import Metric, exact
from crewline_reporting.metrics.rules import Tally
from crewline_reporting.reports.model import ReportRow, ServiceLevelReport
from crewline_web.formats import clock, month, number, percent, seconds, short_day
from crewline_web.portal.drill import contacts_href, formulas_href
from crewline_web.portal.figures import Definition, definition_of
from crewline_web.portal.filters import ReportFilter

COUNT_COLUMNS = (
    ("offered", mark("Offered")),
    ("answered", mark("Answered")),
    ("answered_in_time", mark("In time")),
    ("abandoned", mark("Abandoned")),
    ("short_abandoned", mark("Short")),
    ("flowed_out", mark("Flowed out")),
    ("callback", mark("Callbacks")),
)
Doors = Callable[..., str]
"""Figure and bounds to the address of the contacts behind them: `contacts_href` of a report."""
SELDOM = {"flowed_out", "callback"}
TIME_COLUMNS = (
    ("abandonment_rate", mark("Abandoned %")),
    ("asa", mark("Average wait")),
    ("aht", mark("Handle time")),
    ("longest_wait", mark("Longest wait")),
)


@dataclass(frozen=True, slots=True)
class Column:
    label: str
    definition: Definition


@dataclass(frozen=True, slots=True)
class Cell:
    """`href` is empty where there is nothing behind the figure."""

    text: str
    href: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """`level`, `in_time` and `late` feed the chart; `late` are all offered that were not answered in time."""

    label: str
    href: str
    cells: list[Cell]
    level: str
    in_time: int
    late: int


@dataclass(frozen=True, slots=True)
class ReportTable:
    columns: list[Column]
    lines: list[Line]
    total: Line

    @property
    def is_empty(self) -> bool:
        return not any(line.in_time or line.late for line in self.lines)


def report_table(slug: str, wanted: ReportFilter, report: ServiceLevelReport) -> ReportTable:
    total = report.total.tally
    counts = [(name, label) for name, label in COUNT_COLUMNS if name not in SELDOM or getattr(total, name)]
    level = report.levels[0]
    columns = [_column(name, label) for name, label in counts]
    columns.insert(3, Column(_("Service level"), definition_of(level)))
    columns += [_column(name, label) for name, label in TIME_COLUMNS]
    names = [name for name, _label in counts]
    doors, zone = partial(contacts_href, slug, wanted), report.query.period.zone

    def line(label: str, formulas: str, row: ReportRow) -> Line:
        return _line(doors, label, row, counts=names, level=(level, formulas))

    lines = [
        line(interval_label(wanted, row, zone), formulas_href(slug, wanted, row), row) for row in trimmed(report.rows)
    ]
    return ReportTable(columns, lines, line(_("Total"), formulas_href(slug, wanted), report.total))


def trimmed(rows: Iterable[ReportRow]) -> list[ReportRow]:
    """Without the empty intervals before the first and after the last contact."""
    kept = list(rows)
    while kept and not kept[0].tally.contacts:
        kept.pop(0)
    while kept and not kept[-1].tally.contacts:
        kept.pop()
    return kept


def interval_label(wanted: ReportFilter, row: ReportRow, zone: str) -> str:
    """A time of day, a day or a month; with its day where the page shows several."""
    local = row.interval.starts_at.astimezone(ZoneInfo(zone))
    if wanted.interval == "month":
        return month(local.date())
    if wanted.interval == "day":
        return day_label(local.date())
    text = local.strftime("%H:%M")
    return text if wanted.days == 1 else f"{short_day(local.date())} {text}"


def day_label(value: date) -> str:
    names = (_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun"))
    return f"{names[value.weekday()]} {short_day(value)}"


def _line(door_of: Doors, label: str, row: ReportRow, *, counts: list[str], level: tuple[Metric, str]) -> Line:
    part, tally = row.interval, row.tally

    def door(figure: str, value: object) -> str:
        if not value:
            return ""
        return door_of(figure, part.starts_at, part.ends_at, longest_ms=max(tally.longest_wait_ms, 1))

    cells = [Cell(number(getattr(tally, name)), door(name, getattr(tally, name))) for name in counts]
    value = _value(level[0], tally)
    cells.insert(3, Cell(percent(value), "" if value is None else level[1]))
    cells += _times(tally, door)
    return Line(
        label=label,
        href=door("offered", tally.offered),
        cells=cells,
        level="" if value is None else f"{value * 100:.2f}",
        in_time=tally.answered_in_time,
        late=tally.offered - tally.answered_in_time,
    )


def _times(tally: Tally, door: Callable[[str, object], str]) -> list[Cell]:
    """Each opens into the contacts that make it: the abandoned, the answered, the one that waited longest."""
    answered = door("answered", tally.answered)
    shown = {name: _value(CATALOGUE[name], tally) for name, _label in TIME_COLUMNS}
    asa = seconds(shown["asa"], 1)
    return [
        Cell(percent(shown["abandonment_rate"]), door("abandoned", tally.abandoned)),
        Cell(_("%(seconds)s s") % {"seconds": asa} if shown["asa"] is not None else asa, answered),
        Cell(clock(_float(shown["aht"])), answered),
        Cell(clock(_float(shown["longest_wait"])), door("waited_longest", tally.longest_wait_ms)),
    ]


def _value(metric: Metric, tally: Tally) -> Decimal | None:
    value = exact(metric, tally)
    return None if value is None else Decimal(value.numerator) / Decimal(value.denominator)


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _column(name: str, label: str) -> Column:
    return Column(_(label), definition_of(CATALOGUE[name]))
