"""docs/metrics.md, made from the catalogue. Pure."""

from collections.abc import Iterator

from crewline_reporting.metrics.catalogue import CATALOGUE
from crewline_reporting.metrics.formulas import SHOWN_PLACES, Metric, formula_text
from crewline_reporting.metrics.service_level import SERVICE_LEVELS

INTRODUCTION = """\
# Metrics

Every figure of a report is one of these named, versioned formulas over the records of finished contacts. The
same list is served at `/api/v1/metrics` and printed by `crewline report metrics`. This page is made from the
catalogue (`crewline report metrics --format markdown`); a test keeps the two equal.

## What is counted

Each contact ends in exactly one way: **answered** (A), **abandoned** (B), **flowed out** (F), **callback** (C),
or, without ever entering a queue, **ended in the menu** or **excluded** (with its reason). Offered: O = A + B +
F + C.

- A wait begins when the contact enters the queue. Time in the menu is not part of it.
- **In time** (t): wait ≤ T. A wait of exactly T is in time.
- **Short** (s): an abandon with wait < s. A wait of exactly s is not short.
- A contact counts in the interval in which it entered its queue; one that never did, in the interval of its
  arrival. Counts therefore add up to offered, and an interval is settled T seconds after its end. Billing goes
  by the end of the contact, so a month's invoice and a month's report may differ by the contacts that straddle
  midnight.
- Days and months are those of the tenant's time zone. Half-hours and hours follow the local clock: an hour that
  the clocks skip does not appear, an hour that they repeat appears twice, told apart by its offset
  (`01:00+03:00`, `01:00+02:00`).
- The total of a report is computed from its contacts, never from the percentages of its intervals.
- **N/A** (`null` in JSON) stands where a number cannot exist, such as a share of nothing. It is not 0.
- Formulas are exact. Only the shown number is rounded, half up: percentages to 2 places, seconds to 3. A target
  is compared with the exact value.
- Corrections append a new version of a record; reports count current versions.

The roll-up holds quarter-hours with T of 5, 10, 15, 20, 30, 45, 60, 90 and 120 s and s of 0, 2, 3, 5 and 10 s.
Other thresholds are counted from the records, with the same result (`crewline report service-level
--from-records` proves it; `crewline report check` compares the two, `crewline report rebuild` makes the roll-up
anew).

## The worked examples

All use the same contacts, with T = 20 s and s = 5 s: 100 offered, of which 70 answered in time, 10 answered
late, 4 short abandons, 6 abandons from 5 to 20 s, 7 abandons later, 3 flow-outs after 20 s; 12 more ended in
the menu. In opening hours came 68 of those answered in time, 76 of the answered, 9 of the abandons within 20 s
and 15 of the abandons.
"""

SERVICE_LEVEL_NOTES = """\
## Service level

The field uses nine formulas that do not agree. A contract clause names one of them, with its T and s;
`--variant all` shows a month under all nine. The default is V4 in the form of Genesys, flow-outs shown apart.
Two further forms are V4T, which is V4 as Talkdesk's contacts model has it (flow-outs stay in the denominator),
and V8S, Cisco's positive form without short calls. No formula subtracts a short abandon twice.

"""


def markdown() -> str:
    others = [metric for metric in CATALOGUE.values() if metric not in SERVICE_LEVELS.values()]
    parts = [
        INTRODUCTION,
        "\n",
        SERVICE_LEVEL_NOTES,
        *_table(list(SERVICE_LEVELS.values())),
        "\n## Counts and times\n\n",
        *_table(others),
    ]
    return "".join(parts)


def _table(metrics: list[Metric]) -> Iterator[str]:
    yield "| short name | key | what it says | formula | example | unit | interval | used by |\n"
    yield "|---|---|---|---|---|---|---|---|\n"
    for metric in metrics:
        cells = [
            f"`{metric.short}`",
            f"`{metric.key}`",
            f"**{metric.title}.** {metric.definition}",
            formula_text(metric),
            metric.example,
            _unit(metric),
            "arrival" if "arrived" in metric.interval_rule else "queue entry",
            metric.used_by,
        ]
        yield f"| {' | '.join(cells)} |\n"


def _unit(metric: Metric) -> str:
    places = SHOWN_PLACES[metric.unit]
    return f"{metric.unit}, {places} places" if places else metric.unit
