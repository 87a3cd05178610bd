"""The document is enough: a verifier written from it agrees with the product, and its example verifies."""

import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from crewline_billing.verification.rules import Verdict, verify
from crewline_reporting.statements.files import lines_of
from tests.billing.scene import PUBLIC, month, statement
from tests.billing.verification.second_verifier import Recomputed, read

DOCUMENT = Path(__file__).parents[3] / "docs" / "statement-format.md"


@pytest.mark.parametrize("seed", range(1, 9))
def test_a_second_verifier_agrees(seed: int) -> None:
    content = statement(month(seed, 90))
    assert verify(lines_of(content), PUBLIC).verdict is Verdict.VERIFIED
    lines = read(content)
    found = Recomputed(lines)
    stated = [line["value"] for line in lines if line["kind"] == "invoice_line"]
    amounts = [(one["item"], Fraction(one["amount"])) for one in stated]
    assert amounts == [*found.fees, *found.credits]
    totals = values(lines, "totals")[0]
    assert (Fraction(totals["net"]), Fraction(totals["tax"])) == (found.net, found.tax)
    assert Fraction(totals["total"]) == found.net + found.tax
    metered = [item for item in found.terms["items"] if item["meter"]]
    assert values(lines, "units")[0]["items"] == {item["id"]: found.units(item) for item in metered}
    quantities = {one["item"]: Fraction(one["quantity"]) for one in stated if one["meter"]}
    assert quantities == pytest.approx({item["id"]: found.quantity(item) for item in metered}, abs=1e-11)
    for one, clause in zip(values(lines, "service_level"), found.terms["service_levels"]["clauses"], strict=True):
        assert (one["numerator"], one["denominator"]) == found.percent(clause)


def values(lines: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [line["value"] for line in lines if line["kind"] == kind]


def test_the_example_of_the_document_verifies() -> None:
    example = DOCUMENT.read_text(encoding="utf-8").split("```statement\n")[1].split("```")[0].encode()
    report = verify(lines_of(example), PUBLIC)
    assert (report.verdict, report.findings) == (Verdict.VERIFIED, [])
    assert read(example)


def test_verifying_needs_no_database_no_network_and_no_framework() -> None:
    script = "import sys, crewline_billing.verification.rules; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not {"sqlalchemy", "asyncpg", "litestar", "httpx", "asyncio", "pydantic"} & set(done.stdout.split())
