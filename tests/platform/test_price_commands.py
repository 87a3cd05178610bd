"""`crewline rate` and `crewline contract`, run as a person runs them."""

import asyncio
import csv
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from crewline_app.cli import main
from crewline_app.wiring import migrate_database
from crewline_infra.settings import Settings
from tests.builders import create_tenant

PRICE = """
model: graduated
tiers:
  - {up_to: 10, unit_price: 10}
  - {unit_price: 5}
usage: 25
"""
CONTRACT = """
version: 1
currency: CNY
time_zone: Asia/Shanghai
effective_from: 2026-01-01
items:
  - {id: calls, label: Calls, meter: contact.handled, price: {model: per_unit, unit_price: "2.50"}}
"""
Answer = tuple[int, str, str]
Here = Callable[..., Answer]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Here:
    """Runs a command in this process, in a home of its own: exit code, output, errors."""
    monkeypatch.setenv("CREWLINE_HOME", str(tmp_path / "home"))

    def execute(*arguments: str, text: str = "") -> Answer:
        monkeypatch.setattr(sys, "argv", ["crewline", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        code = 0
        try:
            main()
        except SystemExit as stopped:
            code = int(stopped.code or 0)
        return code, *capsys.readouterr()

    return execute


def test_a_price_is_tried_in_every_format_and_leaves_nothing_behind(here: Here, tmp_path: Path) -> None:
    file = tmp_path / "price.yaml"
    file.write_text(PRICE)
    document = json.loads(here("rate", str(file), "--format", "json")[1])
    assert document["amount"] == "175.00"
    assert [step["amount"] for step in document["lines"][0]["steps"]] == ["0.00", "100.00", "75.00"]
    rows = list(csv.DictReader(io.StringIO(here("rate", "-", "--format", "csv", text=PRICE)[1])))
    assert [row["amount"] for row in rows] == ["0.00", "100.00", "75.00", "175.00"]
    assert "175.00" in here("rate", str(file))[1]
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("model: flat\namount: 1.5\nusage: 1", 'amount: floats are not exact: write the number as text ("1.5")'),
        ("model: flat\namount: 1", "usage: this setting is missing."),
        ("model: flat\nusage: 1", "amount: this setting is missing."),
        ("usage: 1", "model: this setting is missing."),
        ("model: flat\namount: 1\nusage: -3", "usage.quantity: must be at least 0."),
        ("model: flat\namount: 1\nusage: {seconds: [1], quantity: 2}", "usage: give one of quantity, seconds and"),
        ("model: flat\namount: 1\nusage: {seconds: ['1.0005']}", "usage.seconds[0]: time is counted in milliseconds"),
        ("model: flat\namount: 1\nusage: 1\ncapp: 3", "capp: there is no such setting."),
        ("", "The document is empty."),
        ("\x00", "The text has a character that cannot be stored"),
    ],
)
def test_a_bad_price_is_answered_with_one_sentence(here: Here, text: str, expected: str) -> None:
    code, output, errors = here("rate", "-", text=text)
    assert (code, output) == (2, "")
    assert errors.startswith(f"crewline: {expected}")
    assert errors.count("\n") == 1


def test_a_file_that_cannot_be_read_is_named(here: Here, tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"model: \xe9")
    for name, reason in [("nowhere.yaml", "No such file"), (str(tmp_path / "latin.yaml"), "is no UTF-8 text")]:
        for command in (("rate", name), ("contract", "check", name)):
            code, output, errors = here(*command)
            assert (code, output) == (2, "")
            assert name in errors
            assert reason in errors


def test_a_contract_is_checked_without_a_database(here: Here, tmp_path: Path) -> None:
    document = json.loads(here("contract", "check", "-", "--format", "json", text=CONTRACT)[1])
    assert document["items"][0]["price"] == "per unit: 2.50"
    assert len(document["hash"]) == 64
    bad = here("contract", "check", "-", text=CONTRACT.replace("calls,", "Calls,"))
    assert bad == (2, "", "crewline: items[0].id: expected lower-case letters, digits, - and _.\n")
    schema = json.loads(here("contract", "schema")[1])
    assert schema["title"] == "Crewline contract"
    assert not (tmp_path / "home").exists()


async def test_a_contract_is_added_once(
    here: Here, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, admin_url: str, admin: asyncpg.Connection
) -> None:
    await migrate_database(Settings(home=tmp_path / "home", database_url=admin_url))
    await create_tenant(admin)
    monkeypatch.setenv("CREWLINE_DATABASE_URL", admin_url)
    file = tmp_path / "contract.yaml"
    file.write_text(CONTRACT)
    add = ("contract", "add", str(file), "--format", "json", "--tenant")
    first = await asyncio.to_thread(here, *add, "aster")
    assert json.loads(first[1])[0]["version"] == 1
    assert await asyncio.to_thread(here, *add, "aster") == first
    nobody = await asyncio.to_thread(here, *add, "briar")
    assert nobody == (2, "", "crewline: There is no tenant 'briar'.\n")
    assert await admin.fetchval("select count(*) from contract") == 1
