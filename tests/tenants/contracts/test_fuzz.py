"""Whatever is handed in, the answer is a contract or one sentence; never a crash, never a changed number."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from crewline_billing.rating.rules_file import parse_trial, rate_trial
from crewline_infra.errors import Invalid
from crewline_tenants.contracts import rules
from crewline_tenants.contracts.rules_text import load

GOOD: dict[str, Any] = {
    "version": 1,
    "name": "Line",
    "currency": "ILS",
    "time_zone": "Asia/Jerusalem",
    "effective_from": "1999-01-01",
    "rounding": {"mode": "half_even", "at": "invoice"},
    "taxes": [{"code": "vat", "label": "VAT", "rate_percent": "17"}],
    "items": [
        {"id": "fee", "label": {"en": "Fee"}, "tax": "vat", "price": {"model": "flat", "amount": "10"}},
        {
            "id": "minutes",
            "label": "Minutes",
            "tax": "vat",
            "meter": "time.handle",
            "filter": {"queue": ["a"], "in_hours": True},
            "time": {"include": ["talk", "wrap"], "wrap_cap_s": 30},
            "price": {"model": "volume", "tiers": [{"up_to": 9, "unit_price": "1.5"}, {"unit_price": 1}]},
        },
        {"id": "share", "label": "Share", "tax": "vat", "price": {"model": "percentage", "percent": 2}},
    ],
    "commitments": [{"id": "least", "label": "Least", "minimum": 5, "tax": "vat", "of": ["fee"]}],
    "service_levels": {
        "tax": "vat",
        "clauses": [{"id": "sl", "label": "SL", "target_percent": 80, "threshold_s": 20, "credit": {"percent": 3}}],
    },
}
TRIAL: dict[str, Any] = {
    "model": "graduated",
    "tiers": [{"up_to": 10, "unit_price": "10"}, {"unit_price": "5", "fee": 1}],
    "time": {"increment_s": 6},
    "usage": {"seconds": ["1.5", 20]},
    "included": "0.1",
    "minimum": 3,
    "rounding": {"places": 2},
}
WORDS = st.sampled_from(
    ["", "a", "vat", "talk", "1", "0", "-0", "1e9", "NaN", "999999999999999", "0.000000000001", "\x00"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WORDS | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += places(inner, (*path, key))
    return found


def changed(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copy = dict(document) if isinstance(document, dict) else list(document)
    copy[path[0]] = changed(document[path[0]], path[1:], value)
    return copy


def check_sentence(problem: Invalid) -> None:
    assert problem.message.endswith(".")
    assert "\n" not in problem.message


@given(st.sampled_from(places(GOOD)), VALUES)
def test_one_odd_value_anywhere_gives_a_contract_or_a_sentence(path: tuple[Any, ...], value: Any) -> None:
    try:
        contract = rules.parse(json.dumps(changed(GOOD, path, value)))
    except Invalid as problem:
        check_sentence(problem)
        return
    assert rules.from_document(json.loads(json.dumps(rules.document(contract)))) == contract
    assert len(rules.fingerprint(contract)) == 64


@given(st.sampled_from(places(TRIAL)), VALUES)
def test_one_odd_value_in_a_price_gives_an_amount_or_a_sentence(path: tuple[Any, ...], value: Any) -> None:
    try:
        lines = rate_trial(parse_trial(json.dumps(changed(TRIAL, path, value))))
    except Invalid as problem:
        check_sentence(problem)
        return
    assert all(sum(step.amount for step in line.steps) == line.amount for line in lines)


@given(st.text() | st.text(alphabet="{}[]:,-&*!?|>#\"' \n\tab1.", max_size=60))
def test_any_text_gives_data_or_a_sentence(text: str) -> None:
    try:
        load(text)
    except Invalid as problem:
        check_sentence(problem)
