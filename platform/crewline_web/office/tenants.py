"""The page of all tenants: what its templates and its CSV show."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from crewline_infra.i18n import gettext as _
from crewline_reporting.exports.table import Table
from crewline_reporting.metrics.catalogue import CATALOGUE
from crewline_reporting.metrics.formulas import Metric, exact
from crewline_reporting.metrics.rules import Tally, total
from crewline_web import formats
from crewline_web.office.figures import LEVEL, TenantFigures, neighbours


@dataclass(frozen=True, slots=True)
class Counts:
    """Ratios from 0 to 1; None where no contact counts."""

    level: float | None
    offered: int
    abandoned: int

    @property
    def abandoned_share(self) -> float | None:
        return self.abandoned / self.offered if self.offered else None


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantRow:
    slug: str
    name: str
    colour: int
    target: float
    state: tuple[str, str]
    month: Counts
    today: Counts
    days: list[float]


@dataclass(frozen=True, slots=True)
class SumRow:
    month: Counts
    today: Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What the `kpi` macro takes."""

    label: str
    value: str
    href: str
    unit: str = ""
    state: tuple[str, str] | None = None
    target: str = ""
    note: str = ""
    definition: tuple[str, str, str, str] | None = None


def view(found: Sequence[TenantFigures], month: str | None, now: datetime) -> dict[str, Any]:
    label = month or f"{now:%Y-%m}"
    before, after = neighbours(label)
    rows = [_row(figures) for figures in found]
    whole = SumRow(_counts(total([f.month for f in found])), _counts(total([f.today for f in found])))
    last = max((figures.last_month for figures in found), default="")
    return {
        "rows": rows,
        "sum": whole,
        "figures": _figures(rows, whole, label),
        "month": label,
        "month_name": formats.month(date.fromisoformat(f"{label}-01")),
        "before": before,
        "after": after,
        "last_month": last,
        "last_month_name": formats.month(date.fromisoformat(f"{last}-01")) if last else "",
    }


def table(found: Sequence[TenantFigures], month: str | None, now: datetime) -> Table:
    header = [
        (_("Month"), month or f"{now:%Y-%m}"),
        (_("Service level"), f"{_(LEVEL.title)} ({LEVEL.key})"),
        (_("Made at"), f"{now:%Y-%m-%dT%H:%M:%SZ}"),
    ]
    columns = [_("Tenant"), _("State"), _("Target"), _("In time"), _("Offered"), _("Abandoned")]
    columns += [_("Today, in time"), _("Today, offered"), _("Today, abandoned")]
    rows = [
        [
            figures.tenant.slug,
            figures.state(figures.month_level)[1],
            _ratio(figures.promise.target),
            _ratio(figures.month_level),
            figures.month.offered,
            figures.month.abandoned,
            _ratio(figures.today_level),
            figures.today.offered,
            figures.today.abandoned,
        ]
        for figures in found
    ]
    return Table(header, columns, rows)


def _row(figures: TenantFigures) -> TenantRow:
    return TenantRow(
        slug=figures.tenant.slug,
        name=figures.tenant.shown_name,
        colour=figures.tenant.colour,
        target=float(figures.promise.target),
        state=figures.state(figures.month_level),
        month=_counts(figures.month),
        today=_counts(figures.today),
        days=[float(level) for level in figures.days],
    )


def _counts(tally: Tally) -> Counts:
    level = exact(LEVEL, tally)
    return Counts(None if level is None else float(level), tally.offered, tally.abandoned)


def _figures(rows: list[TenantRow], whole: SumRow, month: str) -> list[Figure]:
    missed = sum(row.state[0] == "miss" for row in rows)
    near = sum(row.state[0] == "risk" for row in rows)
    here = f"/office?month={month}"
    worst = ("miss", _("Below target")) if missed else ("risk", _("At risk")) if near else ("ok", _("On target"))
    note = _("%(missed)s below, %(near)s close") % {"missed": missed, "near": near}
    return [
        Figure(
            label=_("Tenants at risk"),
            value=str(missed + near),
            unit=_("of %(count)s") % {"count": len(rows)},
            href=here,
            state=worst if rows else None,
            target=note,
            definition=(
                "risk",
                _("Tenants at risk"),
                _("Below the target that most of their queues have, or less than 2 points above it, this month."),
                "",
            ),
        ),
        Figure(
            label=_("In time"),
            value=formats.percent_value(whole.month.level),
            unit="%",
            href=here,
            target=_("all tenants, this month"),
            definition=_definition("level", LEVEL),
        ),
        Figure(
            label=_("Offered"),
            value=formats.number(whole.month.offered),
            href=here,
            target=_("today %(count)s") % {"count": formats.number(whole.today.offered)},
            definition=_definition("offered", CATALOGUE["offered"]),
        ),
        Figure(
            label=_("Abandoned"),
            value=formats.percent_value(whole.month.abandoned_share),
            unit="%",
            href=here,
            target=_("%(count)s contacts") % {"count": formats.number(whole.month.abandoned)},
            definition=_definition("abandoned", CATALOGUE["abandonment_rate"]),
        ),
        Figure(
            label=_("In time today"),
            value=formats.percent_value(whole.today.level),
            unit="%",
            href="/floor",
            target=_("%(count)s offered") % {"count": formats.number(whole.today.offered)},
            definition=_definition("level-today", LEVEL),
        ),
    ]


def _definition(key: str, metric: Metric) -> tuple[str, str, str, str]:
    formula = f"{metric.numerator} / ({metric.denominator})" if metric.denominator else ""
    return key, _(metric.title), _(metric.definition), formula


def _ratio(value: Fraction | None) -> Decimal | None:
    """A percentage with two places, for spreadsheets."""
    return None if value is None else round(Decimal(value.numerator) / Decimal(value.denominator) * 100, 2)
