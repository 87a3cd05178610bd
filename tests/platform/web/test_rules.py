"""The pure parts of the pages: preferences, filters, promises, the time line."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from crewline_infra.errors import Invalid
from crewline_reporting.metrics.rules import DEFAULT_THRESHOLDS, Tally
from crewline_web.formats import clock, money, number, percent, precise
from crewline_web.portal.filters import read_filter
from crewline_web.portal.promise import Promise, state_of
from crewline_web.portal.timeline import WIDTH, draw, phases
from crewline_web.prefs import negotiate, safe_next
from tests.builders import Tenant
from tests.reporting.scenes import make_record

TODAY = date(2026, 3, 2)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh_Hans"),
        ("zh-TW,zh;q=0.9", "zh_Hant"),
        ("zh-Hant-HK", "zh_Hant"),
        ("fr-FR,fr;q=0.9,zh;q=0.5,en;q=0.7", "en"),
        ("zh;q=0", "en"),
        ("en;q=x,zh", "zh_Hans"),
    ],
)
def test_the_language_is_the_best_one_that_we_have(header: str, language: str) -> None:
    assert negotiate(header) == language


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x", "", None, "/a\nb", "evil", "/x\\y"],
)
def test_a_way_back_never_leaves_our_site(target: str | None) -> None:
    assert safe_next(target, "/home") == "/home"


@given(st.text(max_size=40))
def test_whatever_is_asked_the_way_back_is_a_local_path(target: str) -> None:
    found = safe_next(target, "/")
    assert found.startswith("/")
    assert not found.startswith("//")
    assert not urlsplit(found).netloc


@given(
    st.dates(date(1990, 1, 1), date(2040, 1, 1)),
    st.integers(0, 400),
    st.sampled_from(["day", "month"]),
    st.sampled_from(["V1", "V4", "V9"]),
    st.sampled_from(["0.5", "20", "60"]),
)
def test_a_filter_survives_its_own_address(first: date, days: int, interval: str, variant: str, threshold: str) -> None:
    asked = {
        "from": first.isoformat(),
        "to": (first + timedelta(days=days)).isoformat(),
        "interval": interval,
        "variant": variant,
        "threshold": threshold,
    }
    wanted = read_filter(asked, TODAY, ())
    assert read_filter(dict(parse_qsl(wanted.to_query())), TODAY, ()) == wanted


def test_stepping_keeps_the_length_and_months_stay_months() -> None:
    week = read_filter({"from": "2026-02-23", "to": "2026-03-01"}, TODAY, ())
    back = read_filter(dict(parse_qsl(week.stepped(-1))), TODAY, ())
    assert (back.first, back.until) == (date(2026, 2, 16), date(2026, 2, 22))
    month = read_filter({"from": "2026-01-01", "to": "2026-01-31"}, TODAY, ())
    following = read_filter(dict(parse_qsl(month.stepped(1))), TODAY, ())
    assert (following.first, following.until) == (date(2026, 2, 1), date(2026, 2, 28))


@pytest.mark.parametrize(
    "query",
    [
        {"from": "2026-02-30"},
        {"from": "2026-03-02", "to": "2026-03-01"},
        {"last": "9w"},
        {"interval": "fortnight"},
        {"variant": "V12"},
        {"threshold": "-1"},
        {"queue": "nobody"},
        {"channel": "pigeon"},
    ],
)
def test_an_address_that_we_never_wrote_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        read_filter(query, TODAY, ())


def promise(target: Fraction) -> Promise:
    return Promise("V1", DEFAULT_THRESHOLDS, target, "")


@given(st.integers(0, 500), st.integers(0, 500), st.integers(1, 99))
def test_the_spare_contacts_are_exactly_as_many_as_the_target_bears(in_time: int, late: int, percent: int) -> None:
    target = Fraction(percent, 100)
    one = promise(target)
    tally = Tally(answered=in_time + late, answered_in_time=in_time)
    spare = one.spare(tally)
    if spare >= 0:
        assert in_time >= target * (in_time + late + spare)
        assert in_time < target * (in_time + late + spare + 1)
    else:
        assert in_time - spare >= target * (in_time + late - spare)
        assert in_time - spare - 1 < target * (in_time + late - spare - 1)


def test_states_are_decided_by_the_exact_value() -> None:
    target = Fraction(4, 5)
    assert state_of(None, target) == "info"
    assert state_of(Fraction(79_999, 100_000), target) == "miss"
    assert state_of(target, target) == "risk"
    assert state_of(Fraction(81, 100), target) == "ok"


@given(
    st.integers(0, 60_000), st.integers(0, 600_000), st.integers(0, 900_000), st.integers(0, 90_000), st.integers(0, 90)
)
def test_the_time_line_shows_every_millisecond_once(
    menu_ms: int, wait_ms: int, talk_ms: int, wrap_ms: int, hold_ms: int
) -> None:
    record = make_record(
        Tenant(uuid4(), "aster"), "c1", wait_ms=wait_ms, menu_ms=menu_ms, talk_ms=talk_ms, wrap_ms=wrap_ms
    )
    record = replace(record, hold_ms=hold_ms, ring_ms=min(5_000, wait_ms))
    drawing = draw(record, 20_000)
    assert drawing.total_ms == menu_ms + wait_ms + talk_ms + hold_ms + wrap_ms
    assert sum(phase.ms for phase in phases(record)) == drawing.total_ms
    assert (drawing.late_x is not None) == (wait_ms > 20_000)
    assert all(bar.x <= WIDTH for bar in drawing.bars)
    labels = sorted(bar.x for bar in drawing.bars if bar.labelled)
    assert all(right - left >= 46 for left, right in pairwise(labels))


def test_figures_read_as_people_write_them() -> None:
    assert [clock(499), clock(500), clock(61_000), clock(3_600_000), clock(None)] == [
        "0:00",
        "0:01",
        "1:01",
        "1:00:00",
        "—",
    ]
    assert [precise(78_790), precise(3_661_001)] == ["1:18.790", "1:01:01.001"]
    assert [number(1234567), percent(0.5), number(None)] == ["1,234,567", "50.0%", "—"]
    assert money(Decimal("1234.50"), "EUR") == "€1,234.50"
    assert money(Decimal("1.92"), "CNY", 4) == "CN¥1.9200"
