"""The SQL expressions behind every count: once over records, once over the roll-up. Pure text."""

from crewline_reporting.intervals.rollup import COUNTERS, IN_TIME, SHORTS_S, THRESHOLDS_S
from crewline_reporting.metrics.rules import Thresholds

BUCKET = "date_bin('15 minutes', r.counted_at, timestamptz '2000-01-01 00:00+00')"
NO_QUEUE = "'00000000-0000-0000-0000-000000000000'::uuid"
KEY = "queue_id, channel, in_hours, starts_at"
RECORD_KEY = f"coalesce(r.queue_id, {NO_QUEUE}), r.channel, r.in_hours, {BUCKET}"
OFFERED = "r.outcome in ('answered', 'abandoned', 'flowed_out', 'callback')"
_OUTCOME = {
    "answered": "answered",
    "abandoned": "abandoned",
    "flowed_out": "flowed_out",
    "callbacks": "callback",
}


def _count(condition: str) -> str:
    return f"count(*) filter (where {condition})"


def _sum(column: str, outcome: str) -> str:
    return f"coalesce(sum(r.{column}) filter (where r.outcome = '{outcome}'), 0)::bigint"


def _longest() -> str:
    return f"coalesce(max(r.wait_ms) filter (where {OFFERED}), 0)"


def _of_records() -> dict[str, str]:
    expressions = {"offered": _count(OFFERED)}
    for outcome in ("answered", "abandoned", "flowed_out", "callback", "menu_ended", "excluded"):
        name = "callbacks" if outcome == "callback" else outcome
        expressions[name] = _count(f"r.outcome = '{outcome}'")
    for name in IN_TIME:
        for edge in THRESHOLDS_S:
            expressions[f"{name}_le_{edge}s"] = _count(f"r.outcome = '{_OUTCOME[name]}' and r.wait_ms <= {edge * 1000}")
    for edge in SHORTS_S:
        expressions[f"abandoned_lt_{edge}s"] = _count(f"r.outcome = 'abandoned' and r.wait_ms < {edge * 1000}")
    expressions["answer_wait_ms"] = _sum("wait_ms", "answered")
    expressions["abandon_wait_ms"] = _sum("wait_ms", "abandoned")
    for column in ("talk_ms", "hold_ms", "wrap_ms"):
        expressions[column] = _sum(column, "answered")
    expressions["longest_wait_ms"] = _longest()
    return expressions


FROM_RECORDS = ", ".join(_of_records()[name] for name in COUNTERS)
"""Every counter of the roll-up, in the order of `COUNTERS`, computed from `record r`."""


def tally_of_rollup(thresholds: Thresholds) -> str:
    """The fields of `Tally`, in order, from `queue_interval q`; thresholds must be answerable.

    Counts of one bucket fit into an integer, whose sums PostgreSQL makes without its slow numeric.
    """
    edge = thresholds.threshold_ms // 1000
    short = f"abandoned_lt_{thresholds.short_ms // 1000}s" if thresholds.short_ms else "0"
    columns = ["answered", f"answered_le_{edge}s", "abandoned", f"abandoned_le_{edge}s", short]
    columns += ["flowed_out", f"flowed_out_le_{edge}s", "callbacks", f"callbacks_le_{edge}s"]
    columns += ["menu_ended", "excluded"]
    opened = ["answered", f"answered_le_{edge}s", "abandoned", f"abandoned_le_{edge}s"]
    sums = ["answer_wait_ms", "abandon_wait_ms", "talk_ms", "hold_ms", "wrap_ms"]
    return ", ".join(
        [
            *(f"sum({column}::integer)" for column in columns),
            *(f"coalesce(sum({column}::integer) filter (where in_hours), 0)" for column in opened),
            *(f"sum({column})::bigint" for column in sums),
            "max(longest_wait_ms)",
        ]
    )


def tally_of_records(threshold: str, short: str) -> str:
    """The same fields from `record r`; the thresholds are SQL parameters in milliseconds."""
    in_time, is_short = f"r.wait_ms <= {threshold}", f"r.wait_ms < {short}"
    conditions = [
        "r.outcome = 'answered'",
        f"r.outcome = 'answered' and {in_time}",
        "r.outcome = 'abandoned'",
        f"r.outcome = 'abandoned' and {in_time}",
        f"r.outcome = 'abandoned' and {is_short}",
        "r.outcome = 'flowed_out'",
        f"r.outcome = 'flowed_out' and {in_time}",
        "r.outcome = 'callback'",
        f"r.outcome = 'callback' and {in_time}",
        "r.outcome = 'menu_ended'",
        "r.outcome = 'excluded'",
        "r.outcome = 'answered' and r.in_hours",
        f"r.outcome = 'answered' and {in_time} and r.in_hours",
        "r.outcome = 'abandoned' and r.in_hours",
        f"r.outcome = 'abandoned' and {in_time} and r.in_hours",
    ]
    sums = [("wait_ms", "answered"), ("wait_ms", "abandoned")]
    sums += [(column, "answered") for column in ("talk_ms", "hold_ms", "wrap_ms")]
    return ", ".join([*map(_count, conditions), *(_sum(column, outcome) for column, outcome in sums), _longest()])
