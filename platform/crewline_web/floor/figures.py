"""The strip of figures above the floor."""

from dataclasses import dataclass

from crewline_infra.i18n import gettext as _
from crewline_reporting.metrics.formulas import Metric
from crewline_web import formats
from crewline_web.floor.view import Floor, verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """`ms` is set where the value is a time that runs on."""

    label: str
    value: str
    unit: str = ""
    ms: int | None = None
    state: tuple[str, str] | None = None
    note: str = ""
    definition: tuple[str, str, str, str] | None = None


def figures(floor: Floor, level: Metric) -> list[Figure]:
    formula = f"{level.numerator} / ({level.denominator})"
    return [
        Figure(
            label=_("Waiting"),
            value=formats.number(floor.waiting),
            state=("ok", _("Nobody waits")) if not floor.waiting else None,
            note=_("in %(n)s queues") % {"n": sum(row.waiting > 0 for row in floor.queues)} if floor.waiting else "",
            definition=("waiting", _("Waiting"), _("Contacts in a queue that ring at no agent yet."), ""),
        ),
        _longest(floor),
        Figure(
            label=_("In conversation"),
            value=formats.number(floor.talking),
            note=_("of %(n)s signed in") % {"n": formats.number(floor.signed_in)},
            definition=("talking", _("In conversation"), _("Agents who talk or have a customer on hold."), ""),
        ),
        Figure(
            label=_("Ready"),
            value=formats.number(floor.ready),
            state=("risk", _("Nobody is free")) if floor.signed_in and not floor.ready else None,
            note=_("free for the next contact") if floor.ready else "",
            definition=("ready", _("Ready"), _("Agents who are available and have nothing in hand."), ""),
        ),
        Figure(
            label=_("In time today"),
            value=formats.percent_value(floor.level),
            unit="%" if floor.level is not None else "",
            state=verdict(floor.level, _target(floor)) if floor.level is not None else None,
            note=_("%(n)s offered") % {"n": formats.number(floor.offered)},
            definition=("level", _(level.title), _(level.definition), formula),
        ),
    ]


def _longest(floor: Floor) -> Figure:
    row = floor.longest
    definition = ("longest", _("Longest wait"), _("Of the contacts that wait now, since they entered their queue."), "")
    if row is None or row.longest_ms is None:
        return Figure(label=_("Longest wait"), value=formats.NOTHING, definition=definition)
    over = row.longest_ms > row.threshold_ms
    return Figure(
        label=_("Longest wait"),
        value=formats.clock(row.longest_ms),
        ms=row.longest_ms,
        state=("miss", _("Over target")) if over else ("ok", _("Within target")),
        note=f"{row.tenant.name}, {row.name}",
        definition=definition,
    )


def _target(floor: Floor) -> float:
    """Of all queues, weighted by what they were offered."""
    offered = sum(row.offered for row in floor.queues)
    return sum(row.target * row.offered for row in floor.queues) / offered if offered else 0.8
