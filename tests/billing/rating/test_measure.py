"""What a minute is: every setting of the time rule, with figures of the field and figures worked out by hand."""

from uuid import UUID

import pytest

from crewline_billing.rating.rules_lines import ContactUsage
from crewline_billing.rating.rules_measure import measure, per_contact
from crewline_tenants.contracts.rules_price import PerUnit
from crewline_tenants.contracts.rules_terms import Filter, Item, TimeRule
from crewline_tenants.contracts.rules_types import Number


def item(rule: TimeRule | None = None, meter: str = "time.handle", terms: Filter | None = None) -> Item:
    return Item(
        id="minutes",
        label="Minutes",
        price=PerUnit(unit_price=Number(1)),
        meter=meter,  # type: ignore[arg-type]  # the tests name it by its text
        time=rule,
        filter=terms or Filter(),
    )


def contact(number: int = 0, **values: object) -> ContactUsage:
    given = {"handled": 1, "offered": 1} | values
    return ContactUsage(contact_id=UUID(int=number), **given)  # type: ignore[arg-type]  # test data


def billed_s(rule: TimeRule, *seconds: float, part: str = "talk") -> list[float]:
    contacts = [contact(n, **{f"{part}_ms": round(s * 1000)}) for n, s in enumerate(seconds)]
    return [ms / 1000 for _, ms in per_contact(item(rule), contacts)]


@pytest.mark.parametrize(
    ("increment_s", "way", "expected"),
    [
        (1, "up", [25, 61, 85]),
        (6, "up", [30, 66, 90]),
        (6, "nearest", [24, 60, 84]),
        (20, "up", [40, 80, 100]),
        (30, "up", [30, 90, 90]),
        (60, "up", [60, 120, 120]),
        (60, "down", [0, 60, 60]),
        (60, "nearest", [0, 60, 60]),
        (0, "up", [25, 61, 85]),
    ],
)
def test_the_increments_of_the_field(increment_s: int, way: str, expected: list[float]) -> None:
    """25, 61 and 85 seconds as the vendors bill them (reference fixture T8)."""
    rule = TimeRule(increment_s=increment_s, round=way)  # type: ignore[arg-type]  # parametrised
    assert billed_s(rule, 25, 61, 85) == expected


def test_milliseconds_are_kept_until_the_increment() -> None:
    assert billed_s(TimeRule(increment_s=1), 60.001) == [61]
    assert billed_s(TimeRule(increment_s=0), 60.001) == [60.001]
    assert billed_s(TimeRule(increment_s=6, round="nearest"), 2.999, 3, 8.999) == [0, 6, 6]


def test_free_seconds_are_either_short_contacts_or_the_start_of_each() -> None:
    assert billed_s(TimeRule(free_below_s=30), 29.999, 30, 31) == [0, 30, 31]
    assert billed_s(TimeRule(free_first_s=30), 29, 30, 31) == [0, 0, 1]
    both = TimeRule(free_below_s=30, free_first_s=10, increment_s=60)
    assert billed_s(both, 29, 30, 71) == [0, 60, 120]


def test_a_minimum_lifts_what_is_billed_at_all() -> None:
    rule = TimeRule(minimum_s=30, increment_s=6, free_below_s=5)
    assert billed_s(rule, 4, 5, 31) == [0, 30, 36]


def test_hold_and_wrap_up_are_in_or_out_and_wrap_up_has_a_cap() -> None:
    used = [contact(talk_ms=60_000, hold_ms=20_000, wrap_ms=90_000)]
    for include, cap, expected in [
        (("talk",), None, 60_000),
        (("talk", "hold"), None, 80_000),
        (("talk", "hold", "wrap"), None, 170_000),
        (("talk", "hold", "wrap"), 30, 110_000),
        (("talk", "hold", "wrap"), 90, 170_000),
        (("wrap",), 0, 0),
    ]:
        rule = TimeRule(include=include, wrap_cap_s=cap)  # type: ignore[arg-type]  # a plain tuple
        assert measure(item(rule), used).billed == expected


def test_rounding_on_the_total_rounds_once() -> None:
    used = [contact(number, talk_ms=1_000) for number in range(61)]
    each, total = TimeRule(increment_s=60), TimeRule(increment_s=60, apply="total")
    assert measure(item(each), used).billed == 61 * 60_000
    assert measure(item(total), used).billed == 120_000
    assert sum(ms for _, ms in per_contact(item(total), used)) == 61_000


def test_only_what_was_used_stands_behind_a_line() -> None:
    used = [contact(1, talk_ms=1_000), contact(2, handled=0, outcome="abandoned"), contact(3)]
    assert measure(item(TimeRule()), used).contacts == 1
    assert measure(item(meter="contact.handled"), used).billed == 2
    assert measure(item(meter="contact.offered"), used).billed == 3
    assert [one.contact_id.int for one, _ in per_contact(item(meter="contact.handled"), used)] == [1, 3]


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        (Filter(), [1, 2, 3, 4]),
        (Filter(queue=("cards",)), [2, 3]),
        (Filter(queue=("cards", "loans")), [1, 2, 3]),
        (Filter(queue=("cards",), channel=("chat",)), [3]),
        (Filter(disposition=("sale",)), [1]),
        (Filter(in_hours=False), [4]),
        (Filter(in_hours=True, outcome=("answered",)), [1, 2, 3]),
        (Filter(queue=("none",)), []),
    ],
)
def test_a_filter_needs_every_field_and_any_of_its_values(terms: Filter, expected: list[int]) -> None:
    used = [
        contact(1, queue="loans", disposition="sale"),
        contact(2, queue="cards"),
        contact(3, queue="cards", channel="chat"),
        contact(4, in_hours=False),
    ]
    found = per_contact(item(meter="contact.handled", terms=terms), used)
    assert [one.contact_id.int for one, _ in found] == expected


def test_an_item_without_a_meter_measures_nothing() -> None:
    with pytest.raises(ValueError, match="has no meter"):
        measure(item(meter=None), [])  # type: ignore[arg-type]  # on purpose
