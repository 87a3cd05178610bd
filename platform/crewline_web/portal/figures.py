"""The figures of a day as the strip shows them: value, unit, state, target, change, definition, door."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from crewline_infra.i18n import gettext as _
from crewline_infra.i18n import mark
from crewline_reporting.metrics.catalogue import CATALOGUE
from crewline_reporting.metrics.formulas import Metric, exact, formula_text
from crewline_reporting.metrics.rules import Tally
from crewline_reporting.metrics.service_level import SERVICE_LEVELS
from crewline_web.formats import clock, number, percent, percent_value, seconds
from crewline_web.portal.letters import is_level, worded
from crewline_web.portal.promise import STATES, Promise, state_of

LABELS = {
    "abandonment_rate": mark("Abandoned"),
    "asa": mark("Average wait"),
    "aht": mark("Handle time"),
    "longest_wait": mark("Longest wait"),
    "offered": mark("Offered"),
}
Definition = tuple[str, str, str, str, str, list[tuple[str, str]]]
"""The arguments of the `definition` macro: id, title, text, formula, example, named parts in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One cell of the strip; see the `kpi` macro."""

    label: str
    value: str
    unit: str
    href: str
    state: tuple[str, str] | None = None
    target: str = ""
    note: str = ""
    definition: Definition | None = None


def level_figure(promise: Promise, tally: Tally, before: Tally, href: str) -> Figure:
    level, earlier = promise.level(tally), promise.level(before)
    kind = state_of(level, promise.target)
    return Figure(
        label=_("Service level"),
        value=percent_value(_ratio(level)),
        unit="%" if level is not None else "",
        href=href,
        state=(kind, _(STATES[kind])),
        target=_("target %(target)s") % {"target": percent(_ratio(promise.target), 0)},
        note=_change(level, earlier, _points),
        definition=definition_of(SERVICE_LEVELS[promise.variant]),
    )


def plain_figures(tally: Tally, before: Tally, hrefs: dict[str, str]) -> list[Figure]:
    rows: list[tuple[str, str, Callable[..., str], str, Callable[[Fraction], str]]] = [
        ("offered", "offered", number, "", _more),
        ("abandonment_rate", "abandoned", percent_value, "%", _points),
        ("asa", "answered", seconds, _("s"), _seconds),
        ("aht", "answered", clock, "", _minutes),
        ("longest_wait", "offered", clock, "", _minutes),
    ]
    return [
        _figure(name, tally, before, hrefs[door], shown=shown, unit=unit, changed=changed)
        for name, door, shown, unit, changed in rows
    ]


def definition_of(metric: Metric) -> Definition:
    """What the ⓘ beside a number says."""
    key = metric.key.replace(".", "-").replace("@", "-")
    title, text, example = _text(metric.title), _text(metric.definition), _text(metric.example)
    rule = (_("Interval"), _text(metric.interval_rule))
    if not metric.denominator:
        return key, title, text, "", example, [rule]
    sides = [
        (_("Numerator"), worded(metric, metric.numerator)),
        (_("Denominator"), worded(metric, metric.denominator)),
    ]
    formula = formula_text(metric) if is_level(metric) else ""
    return key, title, text, formula, example, [*sides, rule]


def _figure(
    name: str,
    tally: Tally,
    before: Tally,
    href: str,
    *,
    shown: Callable[..., str],
    unit: str,
    changed: Callable[[Fraction], str],
) -> Figure:
    metric = CATALOGUE[name]
    value, earlier = exact(metric, tally), exact(metric, before)
    return Figure(
        label=_(LABELS[name]),
        value=shown(_ratio(value)),
        unit=unit if value is not None else "",
        href=href,
        note=_change(value, earlier, changed),
        definition=definition_of(metric),
    )


def _change(value: Fraction | None, earlier: Fraction | None, shown: Callable[[Fraction], str]) -> str:
    if value is None or earlier is None:
        return _("no contacts a week before")
    return _("%(change)s vs a week before") % {"change": shown(value - earlier)}


def _signed(value: Fraction, text: str) -> str:
    return ("+" if value > 0 else "−" if value < 0 else "±") + text


def _points(value: Fraction) -> str:
    points = number(Decimal(str(float(abs(value) * 100))), 1)
    return _("%(points)s pt") % {"points": _signed(value, points)}


def _more(value: Fraction) -> str:
    return _signed(value, number(int(abs(value))))


def _seconds(value: Fraction) -> str:
    return _("%(seconds)s s") % {"seconds": _signed(value, seconds(float(abs(value))))}


def _minutes(value: Fraction) -> str:
    return _signed(value, clock(float(abs(value))))


def _ratio(value: Fraction | None) -> Decimal | None:
    """Enough digits for every place that is shown."""
    return None if value is None else Decimal(value.numerator) / Decimal(value.denominator)


def _text(source: str) -> str:
    return _(source) if source else ""
