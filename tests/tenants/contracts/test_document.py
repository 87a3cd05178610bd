"""Every example of docs/contract-language.md, executed."""

import re
from collections.abc import Callable
from decimal import Decimal

import pytest

from crewline_billing.rating.rules import RatedLine, Usage, fees_of, invoice_rounding, rate_contract
from crewline_billing.rating.rules_credit import ClauseResult, rate_credits
from crewline_billing.rating.rules_file import parse_trial, rate_trial
from crewline_infra.errors import Invalid
from crewline_tenants.contracts.rules import from_document, parse
from crewline_tenants.contracts.rules_text import load
from tests.conftest import REPOSITORY

PAGE = (REPOSITORY / "docs" / "contract-language.md").read_text()
BLOCKS = re.findall(r"^```(\w+)(?: ([^\n]*))?\n(.*?)^```$", PAGE, re.M | re.S)
FRAME = {"version": 1, "currency": "EUR", "time_zone": "UTC", "effective_from": "2026-01-01"}
FEE = [{"id": "fee", "label": "Fee", "price": {"model": "flat", "amount": 0}}]


def rated(text: str) -> Decimal:
    return fees_of(rate_trial(parse_trial(text)))


def billed(text: str) -> Decimal:
    document = load(text)
    usage = Usage(quantities={meter: Decimal(n) for meter, n in document.pop("usage").items()})
    contract = from_document(FRAME | document)
    lines = rate_contract(contract, usage)
    last = invoice_rounding(contract, lines)
    return fees_of(lines if last is None else [*lines, last])


def credited(text: str) -> Decimal:
    document = load(text)
    contract = from_document(FRAME | {"items": FEE, "service_levels": document["service_levels"]})
    fee = RatedLine(item_id="fee", kind="fixed", labels={}, amount=Decimal(document["fees"]), steps=())
    results = {
        name: ClauseResult(numerator=met, denominator=of, offered=offered)
        for name, (met, of, offered) in document["results"].items()
    }
    return fees_of(rate_credits(contract, [fee], results))


CALCULATIONS: dict[str, Callable[[str], Decimal]] = {"rate": rated, "bill": billed, "credit": credited}
PRICED = [(kind, text) for language, kind, text in BLOCKS if language == "yaml" and "=" in kind]


@pytest.mark.parametrize(("label", "text"), PRICED, ids=[f"{n}-{kind}" for n, (kind, _) in enumerate(PRICED)])
def test_an_example_gives_the_amount_it_promises(label: str, text: str) -> None:
    kind, _, expected = label.partition("=")
    assert CALCULATIONS[kind](text) == Decimal(expected)


def test_the_whole_contract_is_good() -> None:
    (text,) = [text for _, kind, text in BLOCKS if kind == "contract"]
    assert len(parse(text).items) == 2


def test_a_refused_example_is_answered_as_printed() -> None:
    refused = [index for index, (_, kind, _) in enumerate(BLOCKS) if kind == "refused"]
    assert refused
    for index in refused:
        with pytest.raises(Invalid) as caught:
            parse_trial(BLOCKS[index][2])
        assert caught.value.message + "\n" == BLOCKS[index + 1][2]


def test_no_example_is_left_out() -> None:
    kinds = {kind.partition("=")[0] for language, kind, _ in BLOCKS if language == "yaml"}
    assert kinds == {"contract", "refused", *CALCULATIONS}
    assert PAGE.count("```yaml") == len([1 for language, *_ in BLOCKS if language == "yaml"])
