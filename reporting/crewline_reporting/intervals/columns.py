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


def _sum_of(column: str, condition: str = "") -> str:
    """Counts of one bucket fit into an integer, whose sums PostgreSQL makes without its slow numeric."""
    kind = "" if column.endswith("_ms") else "::integer"
    filtered = f" filter (where {condition})" if condition else ""
    return f"coalesce(sum({column}{kind}){filtered}, 0)::bigint"


def tally_of_rollup(thresholds: Thresholds) -> dict[str, str]:
    """The fields of `Tally`, in order, from `queue_interval`; thresholds must be answerable."""
    edge = thresholds.threshold_ms // 1000
    short = f"abandoned_lt_{thresholds.short_ms // 1000}s"
    return {
        "answered": _sum_of("answered"),
        "answered_in_time": _sum_of(f"answered_le_{edge}s"),
        "abandoned": _sum_of("abandoned"),
        "abandoned_in_time": _sum_of(f"abandoned_le_{edge}s"),
        "short_abandoned": _sum_of(short) if thresholds.short_ms else "0",
        "flowed_out": _sum_of("flowed_out"),
        "flowed_out_in_time": _sum_of(f"flowed_out_le_{edge}s"),
        "callback": _sum_of("callbacks"),
        "callback_in_time": _sum_of(f"callbacks_le_{edge}s"),
        "menu_ended": _sum_of("menu_ended"),
        "excluded": _sum_of("excluded"),
        "open_answered": _sum_of("answered", "in_hours"),
        "open_answered_in_time": _sum_of(f"answered_le_{edge}s", "in_hours"),
        "open_abandoned": _sum_of("abandoned", "in_hours"),
        "open_abandoned_in_time": _sum_of(f"abandoned_le_{edge}s", "in_hours"),
        "answered_wait_ms": _sum_of("answer_wait_ms"),
        "abandoned_wait_ms": _sum_of("abandon_wait_ms"),
        "talk_ms": _sum_of("talk_ms"),
        "hold_ms": _sum_of("hold_ms"),
        "wrap_ms": _sum_of("wrap_ms"),
        "longest_wait_ms": "max(longest_wait_ms)",
    }


def tally_of_records(thresholds: Thresholds) -> dict[str, str]:
    """The same fields from `record r`, for any thresholds."""
    in_time = f"r.wait_ms <= {thresholds.threshold_ms:d}"
    answered, abandoned = "r.outcome = 'answered'", "r.outcome = 'abandoned'"
    flowed_out, callback = "r.outcome = 'flowed_out'", "r.outcome = 'callback'"
    return {
        "answered": _count(answered),
        "answered_in_time": _count(f"{answered} and {in_time}"),
        "abandoned": _count(abandoned),
        "abandoned_in_time": _count(f"{abandoned} and {in_time}"),
        "short_abandoned": _count(f"{abandoned} and r.wait_ms < {thresholds.short_ms:d}"),
        "flowed_out": _count(flowed_out),
        "flowed_out_in_time": _count(f"{flowed_out} and {in_time}"),
        "callback": _count(callback),
        "callback_in_time": _count(f"{callback} and {in_time}"),
        "menu_ended": _count("r.outcome = 'menu_ended'"),
        "excluded": _count("r.outcome = 'excluded'"),
        "open_answered": _count(f"{answered} and r.in_hours"),
        "open_answered_in_time": _count(f"{answered} and {in_time} and r.in_hours"),
        "open_abandoned": _count(f"{abandoned} and r.in_hours"),
        "open_abandoned_in_time": _count(f"{abandoned} and {in_time} and r.in_hours"),
        "answered_wait_ms": _sum("wait_ms", "answered"),
        "abandoned_wait_ms": _sum("wait_ms", "abandoned"),
        "talk_ms": _sum("talk_ms", "answered"),
        "hold_ms": _sum("hold_ms", "answered"),
        "wrap_ms": _sum("wrap_ms", "answered"),
        "longest_wait_ms": _longest(),
    }
