"""`crewline rate` and `crewline contract`, run as a person runs them."""

import asyncio
import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest

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
Run = Callable[..., Awaitable[subprocess.CompletedProcess[str]]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a command in a home of its own, without a database."""

    async def execute(*arguments: str, text: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from crewline_app.cli import main; main()", *arguments]
        return await asyncio.to_thread(
            subprocess.run,
            command,
            env=os.environ | {"CREWLINE_HOME": str(tmp_path / "home")} | environment,
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )

    return execute


async def test_a_price_is_tried_in_every_format_and_leaves_nothing_behind(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "price.yaml"
    file.write_text(PRICE)
    document = json.loads((await run("rate", str(file), "--format", "json")).stdout)
    assert document["amount"] == "175.00"
    assert [step["amount"] for step in document["lines"][0]["steps"]] == ["0.00", "100.00", "75.00"]
    rows = list(csv.DictReader(io.StringIO((await run("rate", "-", "--format", "csv", text=PRICE)).stdout)))
    assert [row["amount"] for row in rows] == ["0.00", "100.00", "75.00", "175.00"]
    assert "175.00" in (await run("rate", str(file))).stdout
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
async def test_a_bad_price_is_answered_with_one_sentence(run: Run, text: str, expected: str) -> None:
    done = await run("rate", "-", text=text)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"crewline: {expected}")
    assert done.stderr.count("\n") == 1


async def test_a_file_that_cannot_be_read_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"model: \xe9")
    for name, reason in [("nowhere.yaml", "No such file"), (str(tmp_path / "latin.yaml"), "is no UTF-8 text")]:
        for command in (("rate", name), ("contract", "check", name)):
            done = await run(*command)
            assert (done.returncode, done.stdout) == (2, "")
            assert name in done.stderr
            assert reason in done.stderr


async def test_a_contract_is_checked_without_a_database(run: Run, tmp_path: Path) -> None:
    document = json.loads((await run("contract", "check", "-", "--format", "json", text=CONTRACT)).stdout)
    assert document["items"][0]["price"] == "per unit: 2.50"
    assert len(document["hash"]) == 64
    bad = await run("contract", "check", "-", text=CONTRACT.replace("calls,", "Calls,"))
    assert (bad.returncode, bad.stdout) == (2, "")
    assert bad.stderr == "crewline: items[0].id: expected lower-case letters, digits, - and _.\n"
    schema = json.loads((await run("contract", "schema")).stdout)
    assert schema["title"] == "Crewline contract"
    assert not (tmp_path / "home").exists()


async def test_a_contract_is_added_once(run: Run, tmp_path: Path, admin_url: str, admin: asyncpg.Connection) -> None:
    home = tmp_path / "home"
    await migrate_database(Settings(home=home, database_url=admin_url))
    await create_tenant(admin)
    file = tmp_path / "contract.yaml"
    file.write_text(CONTRACT)
    add = ("contract", "add", str(file), "--format", "json", "--tenant")
    first = await run(*add, "aster", CREWLINE_DATABASE_URL=admin_url)
    again = await run(*add, "aster", CREWLINE_DATABASE_URL=admin_url)
    assert json.loads(first.stdout) == json.loads(again.stdout)
    assert json.loads(first.stdout)[0]["version"] == 1
    nobody = await run(*add, "briar", CREWLINE_DATABASE_URL=admin_url)
    assert (nobody.returncode, nobody.stderr) == (2, "crewline: There is no tenant 'briar'.\n")
    assert await admin.fetchval("select count(*) from contract") == 1
