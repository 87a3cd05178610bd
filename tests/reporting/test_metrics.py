"""The published figures of the field (fixtures T1 to T4) and the rules that every metric obeys."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crewline_infra.errors import Invalid
from crewline_reporting.metrics.catalogue import CATALOGUE, EXAMPLE, metric_named
from crewline_reporting.metrics.document import markdown
from crewline_reporting.metrics.formulas import exact, fields_read, half_up, shown
from crewline_reporting.metrics.rules import (
    DEFAULT_THRESHOLDS,
    Tally,
    Thresholds,
    count_records,
    total,
)
from crewline_reporting.metrics.service_level import NINE, SERVICE_LEVELS, service_levels
from crewline_reporting.records.rules import Outcome, Record

START = datetime(1999, 3, 1, 8, 0, tzinfo=UTC)


def contact(outcome: Outcome, wait_s: float, *, talk_s: int = 0, in_hours: bool = True) -> Record:
    wait = timedelta(seconds=wait_s)
    return Record(
        tenant_id=uuid4(),
        contact_id=uuid4(),
        source="fixture",
        external_id="x",
        outcome=outcome,
        arrived_at=START,
        queued_at=START,
        answered_at=START + wait if outcome == "answered" else None,
        ended_at=START + wait + timedelta(seconds=talk_s),
        wait_ms=int(wait_s * 1000),
        talk_ms=talk_s * 1000,
        in_hours=in_hours,
        exclusion="phantom" if outcome == "excluded" else None,
        recorded_at=START,
    )


def contacts(*groups: tuple[int, Outcome, float]) -> list[Record]:
    return [contact(outcome, wait_s) for number, outcome, wait_s in groups for _ in range(number)]


T1 = contacts(
    (70, "answered", 20),
    (10, "answered", 20.001),
    (4, "abandoned", 4.999),
    (6, "abandoned", 5),
    (7, "abandoned", 20.5),
    (3, "flowed_out", 31),
)


def percent(variant: str, records: list[Record]) -> Decimal | None:
    return shown(SERVICE_LEVELS[variant], count_records(records, DEFAULT_THRESHOLDS))


@pytest.mark.parametrize(
    ("variant", "published"),
    [
        ("V1", "87.50"),
        ("V2", "82.47"),
        ("V3", "72.16"),
        ("V4", "75.27"),
        ("V4T", "72.92"),
        ("V5", "77.78"),
        ("V6", "80.46"),
        ("V7", "70.00"),
        ("V8", "80.00"),
        ("V9", "82.47"),  # everybody came in opening hours: then it is V2
        ("V8S", "79.17"),
    ],
)
def test_t1_the_same_calls_under_every_formula(variant: str, published: str) -> None:
    assert percent(variant, T1) == Decimal(published)


def test_t1_cisco_with_short_abandons_removed_beforehand() -> None:
    longer = [r for r in T1 if not (r.outcome == "abandoned" and r.wait_ms < 5000)]
    assert percent("V5", longer) == Decimal("77.78")
    assert percent("V7", longer) == Decimal("72.92")
    assert percent("V8", longer) == Decimal("79.17")


def test_t2_short_abandons_are_never_subtracted_twice() -> None:
    values = {shown(metric, count_records(T1, DEFAULT_THRESHOLDS)) for metric in CATALOGUE.values()}
    assert Decimal("92.11") not in values
    assert percent("V1", T1) == Decimal("87.50")


def test_t3_cisco_sample() -> None:
    sample = contacts((70, "answered", 5), (10, "abandoned", 10), (20, "answered", 60))
    rounded = {v: round(percent(v, sample) or 0, 1) for v in ("V5", "V3", "V2")}
    assert rounded == {"V5": Decimal("77.8"), "V3": Decimal("70.0"), "V2": Decimal("80.0")}


def test_v9_looks_at_opening_hours_only() -> None:
    records = [
        contact("answered", 1),
        contact("abandoned", 90),
        contact("answered", 90, in_hours=False),
        contact("abandoned", 1, in_hours=False),
    ]
    assert percent("V9", records) == Decimal("50.00")


def test_v8_counts_a_callback_requested_in_time() -> None:
    records = contacts((1, "answered", 90), (1, "callback", 10), (2, "callback", 21))
    assert percent("V8", records) == Decimal("25.00")
    assert shown(CATALOGUE["abandonment_rate"], count_records(records, DEFAULT_THRESHOLDS)) == 0


@pytest.mark.parametrize("metric", CATALOGUE.values(), ids=lambda metric: metric.key)
def test_worked_example_of_every_metric_is_right(metric) -> None:
    printed = metric.example.rsplit("waited " if metric.name == "longest_wait" else "= ", 1)[1]
    assert printed.split(" ")[0] == str(shown(metric, EXAMPLE))


@pytest.mark.parametrize("metric", CATALOGUE.values(), ids=lambda metric: metric.key)
def test_a_metric_states_what_it_is(metric) -> None:
    assert metric.title
    assert metric.definition.endswith(".")
    assert metric.interval_rule
    assert metric_named(metric.key) is metric


@pytest.mark.parametrize("name", [name for name, metric in CATALOGUE.items() if metric.unit != "count"])
def test_nothing_offered_gives_no_number_instead_of_zero(name: str) -> None:
    nothing = count_records(contacts((3, "menu_ended", 0), (2, "excluded", 0)), DEFAULT_THRESHOLDS)
    assert exact(CATALOGUE[name], nothing) is None
    assert shown(CATALOGUE[name], nothing) is None


def test_only_short_abandons_leave_v4_without_a_number_and_v3_with_zero() -> None:
    records = contacts((5, "abandoned", 1))
    assert percent("V4", records) is None
    assert percent("V3", records) == Decimal("0.00")


def test_times_are_exact_and_shown_to_the_millisecond() -> None:
    records = [contact("answered", 1, talk_s=10), contact("answered", 2), contact("abandoned", 9)]
    tally = count_records([*records, contact("answered", 2)], DEFAULT_THRESHOLDS)
    assert exact(CATALOGUE["asa"], tally) == Fraction(5000, 3)
    assert shown(CATALOGUE["asa"], tally) == Decimal("1.667")
    assert shown(CATALOGUE["aht"], tally) == Decimal("3.333")
    assert shown(CATALOGUE["longest_wait"], tally) == Decimal("9.000")


def test_all_means_the_nine_and_an_unknown_variant_is_refused() -> None:
    assert [metric.name[-2:].upper() for metric in service_levels(["all"])] == list(NINE)
    with pytest.raises(Invalid, match="V10"):
        service_levels(["V10"])
    with pytest.raises(Invalid, match="asa@2"):
        metric_named("asa@2")


OUTCOMES = st.sampled_from(["answered", "abandoned", "flowed_out", "callback", "menu_ended"])
RECORDS = st.lists(st.builds(contact, OUTCOMES, st.integers(0, 90), in_hours=st.booleans()), max_size=30)
THRESHOLDS = st.builds(Thresholds, st.integers(0, 90_000), st.integers(0, 90_000))


@given(RECORDS, RECORDS, THRESHOLDS)
def test_tallies_add_up(left: list[Record], right: list[Record], thresholds: Thresholds) -> None:
    whole = count_records([*left, *right], thresholds)
    assert whole == total([count_records(left, thresholds), count_records(right, thresholds)])


@given(RECORDS, THRESHOLDS)
def test_a_share_lies_between_0_and_100(records: list[Record], thresholds: Thresholds) -> None:
    tally = count_records(records, thresholds)
    for metric in CATALOGUE.values():
        value = exact(metric, tally)
        if metric.unit == "percent" and value is not None:
            assert 0 <= value <= 1


@given(st.integers(0, 10**9), st.integers(1, 10**6))
def test_half_up_agrees_with_decimal(numerator: int, denominator: int) -> None:
    expected = (Fraction(numerator, denominator) + Fraction(1, 2)).__floor__()
    assert half_up(numerator, denominator) == expected


def test_the_page_of_metrics_is_the_catalogue() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
    assert page.read_text(encoding="utf-8") == markdown(), "crewline report metrics --format markdown > docs/metrics.md"


def test_a_formula_tells_which_counts_it_reads() -> None:
    assert fields_read(SERVICE_LEVELS["V1"]) == {"answered", "answered_in_time"}
    assert fields_read(CATALOGUE["abandonment_rate"]) == {"answered", "abandoned", "flowed_out", "callback"}
    assert "longest_wait_ms" in fields_read(CATALOGUE["longest_wait"])


@pytest.mark.parametrize("metric", CATALOGUE.values(), ids=lambda metric: metric.key)
@given(records=RECORDS, thresholds=THRESHOLDS)
def test_no_other_count_changes_a_metric(metric, records: list[Record], thresholds: Thresholds) -> None:
    tally = count_records(records, thresholds)
    assert exact(metric, total([tally], fields_read(metric))) == exact(metric, tally)


def test_default_tally_is_empty() -> None:
    assert Tally().offered == Tally().contacts == 0
