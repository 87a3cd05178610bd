"""The language as a person meets it: what is accepted, and what each mistake is answered with."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import crewline_app.demo
from crewline_infra.errors import Invalid
from crewline_tenants.contracts import rules
from crewline_tenants.contracts.rules_convert import json_schema
from crewline_tenants.contracts.rules_price import Flat, Graduated
from tests.conftest import REPOSITORY

EXAMPLES = sorted((Path(crewline_app.demo.__file__).parent / "contracts").glob("*.yaml"))
GOOD = """
version: 1
currency: ILS
time_zone: Asia/Jerusalem
effective_from: 1999-01-01
taxes:
  - {code: vat, label: VAT, rate_percent: "17"}
items:
  - id: minutes
    label: {en: Minutes, zh_Hans: 分钟}
    meter: time.handle
    time: {increment_s: 6}
    tax: vat
    price:
      model: graduated
      tiers:
        - {up_to: 1000, unit_price: "0.35"}
        - {up_to: 2000, unit_price: "0.32"}
        - {unit_price: "0.30"}
  - id: office
    label: Office
    tax: vat
    price: {model: percentage, percent: 3, of: [minutes]}
commitments:
  - {id: least, label: Least, minimum: 500, of: [minutes], tax: vat}
service_levels:
  tax: vat
  clauses:
    - {id: sl, label: SL, target_percent: 80, threshold_s: 20, credit: {percent: 3}}
"""


def refusal(text: str) -> str:
    with pytest.raises(Invalid) as caught:
        rules.parse(text)
    return caught.value.message


def test_a_good_contract_is_read_as_it_was_written() -> None:
    contract = rules.parse(GOOD)
    price = contract.items[0].price
    assert isinstance(price, Graduated)
    assert [(tier.up_to, tier.unit_price) for tier in price.tiers] == [
        (Decimal(1000), Decimal("0.35")),
        (Decimal(2000), Decimal("0.32")),
        (None, Decimal("0.30")),
    ]
    assert contract.rounding.places == 2


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"0.35"', "0.35", "items[0].price.tiers[0].unit_price: floats are not exact: write the number as text"),
        ("up_to: 1000", "up_to: 2000", "items[0].price.tiers[1].up_to: must be more than 2000."),
        ("up_to: 1000", "up_to: 0", "items[0].price.tiers[0].up_to: must be more than 0."),
        ("up_to: 1000", "up_to: abc", "items[0].price.tiers[0].up_to: 'abc' is no plain number"),
        ("up_to: 1000", 'up_to: "1e3"', "items[0].price.tiers[0].up_to: '1e3' is no plain number"),
        ("up_to: 1000", "up_to: true", "items[0].price.tiers[0].up_to: expected an integer or a number as text"),
        ("up_to: 1000, ", "", "items[0].price.tiers[0].up_to: only the last tier is open-ended."),
        ("{unit_price: ", "{up_to: 9000, unit_price: ", "items[0].price.tiers[2].up_to: the last tier must be open-"),
        ('"0.35"', '"-1"', "items[0].price.tiers[0].unit_price: must be at least 0."),
        ('"0.35"', '"NaN"', "items[0].price.tiers[0].unit_price: 'NaN' is no plain number"),
        ("graduated", "gradual", "items[0].price.model: invalid value 'gradual'; allowed: flat, per_unit, graduated"),
        ("increment_s: 6", "increment: 6", "items[0].time.increment: there is no such setting."),
        ("increment_s: 6", "increment_s: -6", "items[0].time.increment_s: expected int >= 0."),
        ("increment_s: 6", "round: upp", "items[0].time.round: invalid enum value 'upp'; allowed: down, nearest, up"),
        ("    meter: time.handle\n", "", "items[0].meter: this price model needs a meter."),
        ("time.handle", "contact.handled", "items[0].time: the definition of a minute goes with the meter time.handle"),
        ("meter: time.handle", "meter: calls", "items[0].meter: invalid enum value 'calls'; allowed: contact.handled"),
        ("id: office", "id: minutes", "items[1].id: 'minutes' is used twice."),
        ("id: office", "id: Office 1", "items[1].id: expected lower-case letters, digits, - and _."),
        ("percent: 3, of: [minutes]", "percent: 300", "items[1].price.percent: must be at most 100."),
        ("percent: 3, of: [minutes]", "percent: 3, of: [hours]", "items[1].price.of[0]: there is no item with the id"),
        ("percent: 3, of: [minutes]", "percent: 3, of: [office]", "items[1].price.of[0]: a percentage of a percentage"),
        ("of: [minutes], tax", "of: [minutes, minutes], tax", "commitments[0].of[1]: 'minutes' is named twice."),
        ("id: least", "id: minutes", "commitments[0].id: 'minutes' is the id of an item already."),
        ("    label: Office\n    tax: vat", "    label: Office", "items[1].tax: name the tax code"),
        ("    label: Office\n    tax: vat", "    label: Office\n    tax: gst", "items[1].tax: there is no tax with"),
        ("    label: Office", '    label: ""', "items[1].label: expected str of length >= 1."),
        ("    label: Office", "    label: {}", "items[1].label: give the label in at least one language."),
        ("id: sl,", "id: least,", "service_levels.clauses[0].id: 'least' is the id of an item or commitment already."),
        ("target_percent: 80", "target_percent: 101", "service_levels.clauses[0].target_percent: must be at most 100."),
        ("threshold_s: 20", "variant: V4", "service_levels.clauses[0].threshold_s: this setting is missing."),
        ("currency: ILS", "currency: shekel", "currency: expected three capital letters, such as EUR."),
        ("Asia/Jerusalem", "Israel/Nowhere", "time_zone: 'Israel/Nowhere' is no time zone"),
        ("1999-01-01", "1999-01-15", "effective_from: a version begins on the first day of a month"),
        ("1999-01-01", "January", "effective_from: "),
        ("version: 1", "version: 2", "version: invalid enum value 2; allowed: 1."),
        ("version: 1", "", "version: this setting is missing."),
    ],
)
def test_each_mistake_is_answered_with_its_place(old: str, new: str, expected: str) -> None:
    assert old in GOOD
    assert refusal(GOOD.replace(old, new, 1)).startswith(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "The document is empty."),
        ("a: 1\na: 2", "line 2: the key 'a' appears twice."),
        ('{"a": 1, "a": 2}', "The key 'a' appears twice in the same object."),
        ("a: &x [1]\nb: *x", "line 1: anchors and aliases are not part of the language."),
        ("a: *x", "line 1: "),
        ("a: !!python/object:os.system ls", "line 1: tags"),
        ("? [a]\n: 1", "line 1: a key must be plain text."),
        ("a: 1\n---\nb: 2", "The file holds more than one YAML document."),
        ("a: [1", "line "),
        ("{", "line 1: this is no JSON"),
        ("[" * 200_000, "The JSON is nested too deeply"),
        ("a: " + "[" * 40 + "]" * 40, "line 1: nested more than 30 levels deep."),
        ('{"a": NaN}', "a: floats are not exact"),
        ("a: " + "x" * 300_000, "The document is larger than 256 KiB."),
        ("a: 1e5", 'a: floats are not exact: write the number as text ("1e5")'),
        ("- 1.5", "[0]: floats are not exact"),
        ("just words", "document: expected object, got str."),
    ],
)
def test_a_text_with_traps_is_refused(text: str, expected: str) -> None:
    assert refusal(text).startswith(expected)


def test_words_that_yaml_would_change_stay_text() -> None:
    text = GOOD.replace("label: Office", "label: no")
    assert rules.parse(text).items[1].label == "no"


def test_json_and_yaml_are_the_same_contract() -> None:
    contract = rules.parse(GOOD)
    again = rules.parse(json.dumps(rules.document(contract)))
    assert again == contract
    assert rules.fingerprint(again) == rules.fingerprint(contract)


def test_comments_and_order_do_not_change_the_fingerprint_and_an_amount_does() -> None:
    contract = rules.parse(GOOD)
    lines = GOOD.strip().splitlines()
    moved = "\n".join(["# signed in spring", *lines[1:], lines[0]])
    assert rules.fingerprint(rules.parse(moved)) == rules.fingerprint(contract)
    dearer = rules.parse(GOOD.replace('"0.35"', '"0.36"'))
    assert rules.fingerprint(dearer) != rules.fingerprint(contract)


def test_a_stored_document_has_every_default_written_out() -> None:
    document = rules.document(rules.parse(GOOD))
    assert document["items"][0]["time"] == {
        "include": ["talk", "hold"],
        "wrap_cap_s": None,
        "free_below_s": 0,
        "free_first_s": 0,
        "minimum_s": 0,
        "increment_s": 6,
        "round": "up",
        "apply": "contact",
        "unit": "minute",
    }
    assert document["rounding"]["mode"] == "half_up"
    assert document["items"][0]["price"]["tiers"][0]["unit_price"] == "0.35"


def test_amounts_round_to_the_currency_unless_the_contract_says_otherwise() -> None:
    yen = GOOD.replace("ILS", "JPY")
    assert rules.parse(yen).rounding.places == 0
    assert rules.parse(yen + "rounding: {places: 3}").rounding.places == 3
    assert rules.parse(yen + "rounding: {mode: up}").rounding.places == 0


def test_the_published_schema_is_current() -> None:
    committed = json.loads((REPOSITORY / "docs" / "contract.schema.json").read_text())
    assert committed == json_schema(), "run: crewline contract schema > docs/contract.schema.json"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_pass_the_language_and_the_schema(path: Path) -> None:
    contract = rules.parse(path.read_text())
    validator = jsonschema.Draft202012Validator(json_schema())
    validator.validate(rules.document(contract))
    for item in contract.items:
        assert isinstance(item.label, dict)
        assert {"en", "zh_Hans", "zh_Hant"} <= set(item.label)


@pytest.mark.parametrize(
    "broken",
    [
        {"items": [{"id": "a", "label": "A", "price": {"model": "flat", "amount": 0.5}}]},
        {"items": [{"id": "a", "label": "A", "price": {"model": "flat"}}]},
        {"items": [{"id": "a", "label": "A", "price": {"model": "flat", "amount": 1}, "more": 1}]},
        {"currency": "shekel"},
    ],
)
def test_the_schema_refuses_what_the_language_refuses(broken: dict[str, Any]) -> None:
    good: dict[str, Any] = {
        "version": 1,
        "currency": "ILS",
        "time_zone": "UTC",
        "effective_from": "2026-01-01",
        "items": [{"id": "a", "label": "A", "price": {"model": "flat", "amount": 1}}],
    }
    validator = jsonschema.Draft202012Validator(json_schema())
    assert validator.is_valid(good)
    assert isinstance(rules.from_document(good).items[0].price, Flat)
    assert not validator.is_valid(good | broken)
