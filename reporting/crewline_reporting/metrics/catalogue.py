"""Every metric of the product. The formulas' sources are the vendors named in `used_by`."""

from crewline_infra.errors import Invalid
from crewline_infra.i18n import mark as _
from crewline_reporting.metrics.formulas import Metric, Parts
from crewline_reporting.metrics.rules import Tally
from crewline_reporting.metrics.service_level import SERVICE_LEVELS
from crewline_reporting.metrics.texts import BY_ARRIVAL, BY_QUEUE_ENTRY

EXAMPLE = Tally(
    answered=80,
    answered_in_time=70,
    abandoned=17,
    abandoned_in_time=10,
    short_abandoned=4,
    flowed_out=3,
    menu_ended=12,
    open_answered=76,
    open_answered_in_time=68,
    open_abandoned=15,
    open_abandoned_in_time=9,
    answered_wait_ms=1_000_000,
    abandoned_wait_ms=340_000,
    talk_ms=14_400_000,
    hold_ms=800_000,
    wrap_ms=4_000_000,
    longest_wait_ms=95_000,
)
"""The contacts of every worked example: T = 20 s, s = 5 s; 100 offered."""


def _count(of: str, title: str, definition: str, example: str, rule: str = BY_QUEUE_ENTRY) -> Metric:
    def parts(tally: Tally) -> Parts:
        return getattr(tally, of), 1

    return Metric(
        name=of,
        version=1,
        title=title,
        definition=definition,
        unit="count",
        numerator=title,
        denominator="",
        interval_rule=rule,
        example=example,
        used_by="",
        parts=parts,
    )


COUNTS = (
    _count(
        "offered",
        _("Offered"),
        _("Contacts that entered a queue: answered, abandoned, flowed out or callback."),
        _("80 answered + 17 abandoned + 3 flowed out = 100"),
    ),
    _count(
        "answered",
        _("Answered"),
        _("Offered contacts that an agent answered."),
        _("70 answered in time + 10 answered late = 80"),
    ),
    _count(
        "answered_in_time",
        _("Answered in time"),
        _("Answered contacts that waited no longer than the threshold T."),
        _("of 80 answered, 70 waited 20 s or less = 70"),
    ),
    _count(
        "abandoned",
        _("Abandoned"),
        _("Offered contacts that the customer left while waiting, short ones included."),
        _("4 short + 6 within 20 s + 7 later = 17"),
    ),
    _count(
        "short_abandoned",
        _("Short abandons"),
        _("Abandoned contacts that waited less than the short-abandon limit s."),
        _("of 17 abandoned, 4 waited less than 5 s = 4"),
    ),
    _count(
        "flowed_out",
        _("Flowed out"),
        _("Offered contacts that left the queue for another destination by rule."),
        _("3 contacts overflowed after 20 s = 3"),
    ),
    _count(
        "callback",
        _("Callback requests"),
        _("Offered contacts whose customer asked to be called back; they are not abandons."),
        _("nobody asked to be called back = 0"),
    ),
    _count(
        "menu_ended",
        _("Ended in the menu"),
        _("Contacts that ended in the menu and never entered a queue; they are not offered."),
        _("12 callers were served by the menu or left it = 12"),
        BY_ARRIVAL,
    ),
)

RATES = (
    Metric(
        name="abandonment_rate",
        version=1,
        title=_("Abandonment rate"),
        definition=_("Share of the offered contacts that were abandoned; callback requests are not abandons."),
        unit="percent",
        numerator=_("Abandoned"),
        denominator=_("Offered"),
        interval_rule=BY_QUEUE_ENTRY,
        example=_("17 abandoned / 100 offered = 17.00 %"),
        used_by="Genesys Cloud",
        parts=lambda tally: (tally.abandoned, tally.offered),
    ),
    Metric(
        name="asa",
        version=1,
        title=_("Average speed of answer"),
        definition=_("Mean wait in the queue of answered contacts, from queue entry to the agent's answer."),
        unit="seconds",
        numerator=_("Total wait of answered contacts"),
        denominator=_("Answered"),
        interval_rule=BY_QUEUE_ENTRY,
        example=_("1,000 s waited / 80 answered = 12.500 s"),
        used_by="",
        parts=lambda tally: (tally.answered_wait_ms, tally.answered),
    ),
    Metric(
        name="aht",
        version=1,
        title=_("Average handle time"),
        definition=_("Mean time an agent spent on an answered contact: talk, hold and wrap-up."),
        unit="seconds",
        numerator=_("Talk + hold + wrap-up of answered contacts"),
        denominator=_("Answered"),
        interval_rule=BY_QUEUE_ENTRY,
        example=_("(14,400 s talk + 800 s hold + 4,000 s wrap-up) / 80 answered = 240.000 s"),
        used_by="Genesys Cloud",
        parts=lambda tally: (tally.talk_ms + tally.hold_ms + tally.wrap_ms, tally.answered),
    ),
    Metric(
        name="average_abandon_wait",
        version=1,
        title=_("Average wait before abandoning"),
        definition=_("Mean wait in the queue of abandoned contacts, short ones included."),
        unit="seconds",
        numerator=_("Total wait of abandoned contacts"),
        denominator=_("Abandoned"),
        interval_rule=BY_QUEUE_ENTRY,
        example=_("340 s waited / 17 abandoned = 20.000 s"),
        used_by="",
        parts=lambda tally: (tally.abandoned_wait_ms, tally.abandoned),
    ),
    Metric(
        name="longest_wait",
        version=1,
        title=_("Longest wait"),
        definition=_("The longest time that any offered contact waited in the queue, however it ended."),
        unit="seconds",
        numerator=_("Longest wait"),
        denominator="",
        interval_rule=BY_QUEUE_ENTRY,
        example=_("the most patient of 100 customers waited 95.000 s"),
        used_by="",
        parts=lambda tally: (tally.longest_wait_ms, 1 if tally.offered else 0),
    ),
)

CATALOGUE: dict[str, Metric] = {metric.name: metric for metric in (*SERVICE_LEVELS.values(), *COUNTS, *RATES)}


def metric_named(name: str) -> Metric:
    """By name ('asa') or pinned key ('asa@1'). Raises `Invalid` for an unknown one."""
    bare, _at, version = name.partition("@")
    metric = CATALOGUE.get(bare)
    if metric is None or (version and version != str(metric.version)):
        raise Invalid(f"There is no metric {name!r}; the catalogue lists those that exist.")
    return metric
