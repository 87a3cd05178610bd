"""The letters of the service-level formulas: what each means, and what it is in a given tally. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from crewline_infra.i18n import gettext as _
from crewline_infra.i18n import mark
from crewline_reporting.metrics.formulas import Metric
from crewline_reporting.metrics.rules import Tally, Thresholds

LETTERS: dict[str, tuple[str, str]] = {
    "O": ("offered", mark("offered")),
    "A": ("answered", mark("answered")),
    "At": ("answered_in_time", mark("answered within T")),
    "B": ("abandoned", mark("abandoned")),
    "Bt": ("abandoned_in_time", mark("abandoned within T")),
    "Bs": ("short_abandoned", mark("short abandons")),
    "F": ("flowed_out", mark("flowed out")),
    "C": ("callback", mark("callbacks asked")),
    "Ct": ("callback_in_time", mark("callbacks asked within T")),
}
"""Letter to the field of `Tally` that it counts, and its words."""
OPENING_HOURS_ONLY = "V9"
BOTH_SHORT_AND_IN_TIME = "V8S"


@dataclass(frozen=True, slots=True)
class Term:
    """A letter with its number; `sign` is how it joins the one before it, '' for the first."""

    sign: str
    letter: str
    figure: str
    number: int


def is_level(metric: Metric) -> bool:
    return metric.name.startswith("service_level.")


def worded(metric: Metric, side: str) -> str:
    """One side of a formula in words: 'answered + abandoned − short abandons'."""
    if not is_level(metric):
        return _(side)
    text = " ".join(_(LETTERS[word][1]) if word in LETTERS else word.replace("-", "−") for word in side.split())
    return _("%(what)s, in opening hours") % {"what": text} if metric.short == OPENING_HOURS_ONLY else text


def terms(metric: Metric, side: str, tally: Tally, limits: Thresholds) -> list[Term]:
    """One side of a service-level formula with the numbers of a tally; they add up to that part of the metric."""
    return [
        Term(sign, letter, figure := _figure(metric, side, letter, limits), int(getattr(tally, figure)))
        for sign, letter in _signed(side)
    ]


def _signed(side: str) -> Iterator[tuple[str, str]]:
    sign = ""
    for word in side.split():
        if word in LETTERS:
            yield sign, word
        else:
            sign = word


def _figure(metric: Metric, side: str, letter: str, limits: Thresholds) -> str:
    figure = LETTERS[letter][0]
    if metric.short == OPENING_HOURS_ONLY:
        return f"open_{figure}"
    nested = metric.short == BOTH_SHORT_AND_IN_TIME and side == metric.numerator
    if letter == "Bs" and nested and limits.short_ms > limits.threshold_ms:
        return "abandoned_in_time"  # short and in time are nested: both is the smaller of the two
    return figure
