"""Intervals of local time through clock changes, and the attribution rules (fixture T4)."""

import itertools
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crewline_infra.errors import Invalid
from crewline_infra.periods import day_period
from crewline_reporting.intervals.rules import (
    INTERVAL_KINDS,
    Interval,
    clipped_ms,
    cut,
    holding,
    interval_kind,
    on_bucket_edges,
)

MINUTE_MS = 60_000
ZONES = [
    "UTC",
    "Asia/Jerusalem",
    "Asia/Shanghai",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "America/St_Johns",
    "America/Sao_Paulo",
    "Pacific/Chatham",
]


def half_hours(day: str, *clock: str) -> list[Interval]:
    edges = [datetime.fromisoformat(f"{day}T{at}+00:00") for at in clock]
    return [Interval(f"{a}", a, b) for a, b in itertools.pairwise(edges)]


def at(clock: str) -> datetime:
    return datetime.fromisoformat(f"2024-05-06T{clock}+00:00")


def minutes(values: list[int]) -> list[int]:
    return [value // MINUTE_MS for value in values]


def test_t4_whole_at_disconnect_and_clipped() -> None:
    parts = half_hours("2024-05-06", "05:00", "05:30", "06:00", "06:30")
    start, end = at("05:23"), at("06:15")
    assert holding(parts, end) == 2
    assert minutes(clipped_ms(parts, start, end)) == [7, 30, 15]


def test_t4_a_wait_over_the_hour_is_clipped() -> None:
    parts = half_hours("2024-05-06", "15:30", "16:00", "16:30")
    assert minutes(clipped_ms(parts, at("15:58"), at("16:03"))) == [2, 3]


def test_t4_single_stamp_puts_all_handle_time_where_wrap_up_ended() -> None:
    parts = half_hours("2024-05-06", "10:00", "10:30", "11:00")
    assert holding(parts, at("10:57")) == 1


def test_an_instant_outside_is_in_no_interval() -> None:
    parts = half_hours("2024-05-06", "10:00", "10:30", "11:00")
    assert holding(parts, at("11:00")) is None
    assert holding(parts, at("09:59")) is None


def test_the_repeated_hour_is_shown_twice() -> None:
    period = day_period(date(1999, 9, 3), date(1999, 9, 3), "Asia/Jerusalem")
    labels = [part.label for part in cut(period, "30m")]
    assert len(labels) == 50
    assert labels[2:6] == [
        "1999-09-03T01:00+03:00",
        "1999-09-03T01:30+03:00",
        "1999-09-03T01:00+02:00",
        "1999-09-03T01:30+02:00",
    ]
    assert len(cut(period, "hour")) == 25


def test_the_skipped_hour_is_not_shown() -> None:
    period = day_period(date(1999, 4, 2), date(1999, 4, 2), "Asia/Jerusalem")
    labels = [part.label[11:16] for part in cut(period, "30m")]
    assert len(labels) == 46
    assert labels[3:5] == ["01:30", "03:00"]


def test_months_of_a_range_are_clipped_to_it() -> None:
    months = cut(day_period(date(1999, 1, 15), date(1999, 3, 2), "Asia/Jerusalem"), "month")
    assert [part.label for part in months] == ["1999-01", "1999-02", "1999-03"]
    assert months[0].starts_at == datetime(1999, 1, 14, 22, tzinfo=UTC)
    assert months[-1].ends_at == datetime(1999, 3, 2, 22, tzinfo=UTC)


@settings(max_examples=60, deadline=None)
@given(
    st.dates(date(1999, 1, 1), date(2026, 12, 31)),
    st.integers(0, 40),
    st.sampled_from(ZONES),
    st.sampled_from(INTERVAL_KINDS),
)
def test_intervals_tile_every_period(first: date, days: int, zone: str, kind: str) -> None:
    period = day_period(first, first + timedelta(days=days), zone)
    parts = cut(period, interval_kind(kind))
    assert parts[0].starts_at == period.starts_at
    assert parts[-1].ends_at == period.ends_at
    assert all(a.ends_at == b.starts_at for a, b in itertools.pairwise(parts))
    assert all(part.starts_at < part.ends_at for part in parts)
    assert len({part.label for part in parts}) == len(parts)
    assert on_bucket_edges(period, interval_kind(kind))


def test_an_unknown_interval_is_refused() -> None:
    with pytest.raises(Invalid, match="'week'"):
        interval_kind("week")
