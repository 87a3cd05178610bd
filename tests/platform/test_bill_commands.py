"""`crewline bill`, `statement` and `verify`, run as a person runs them."""

import asyncio
import csv
import gzip
import io
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from crewline_app.cli import main
from crewline_app.wiring import migrate_database
from crewline_infra.db import Database
from crewline_infra.settings import Settings
from tests.billing.invoices.books import full_books
from tests.billing.scene import CONTRACT, month, statement
from tests.builders import create_tenant


@dataclass(frozen=True)
class Answer:
    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Awaitable[Answer]]
MARCH = ("--tenant", "aster", "--period", "1999-03")


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs the command in this process, in a home of its own."""
    monkeypatch.setenv("CREWLINE_HOME", str(tmp_path / "home"))

    def execute(arguments: tuple[str, ...]) -> Answer:
        monkeypatch.setattr(sys, "argv", ["crewline", *arguments])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        printed = capsys.readouterr()
        return Answer(code, printed.out, printed.err)

    async def run(*arguments: str) -> Answer:
        return await asyncio.to_thread(execute, arguments)

    return run


@pytest.fixture
async def crewline(
    here: Run,
    monkeypatch: pytest.MonkeyPatch,
    admin_url: str,
    admin: asyncpg.Connection,
    database: Database,
    *,
    worker_database: Database,
    tmp_path: Path,
) -> Run:
    """A month of records under a contract, and a tenant with nothing."""
    await migrate_database(Settings(home=tmp_path / "home", database_url=admin_url))
    monkeypatch.setenv("CREWLINE_DATABASE_URL", admin_url)
    await full_books(admin, database, worker_database, tmp_path / "unused")
    await create_tenant(admin, "birch")
    return here


@pytest.fixture
def offline(here: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Without any database; nothing may be written into its home."""
    monkeypatch.setenv("CREWLINE_DATABASE_URL", "postgresql://nobody@192.0.2.1:1/none")
    return here


async def test_a_month_from_preview_to_a_verified_statement(crewline: Run, tmp_path: Path) -> None:
    preview = json.loads((await crewline("bill", "preview", *MARCH, "--format", "json")).stdout)
    assert (preview["state"], preview["total"]) == ("preview", "1751.79")
    draft = json.loads((await crewline("bill", "run", *MARCH, "--format", "json")).stdout)
    assert (draft["lines"], draft["hash"]) == (preview["lines"], preview["hash"])
    early = await crewline("statement", "export", *MARCH)
    assert (early.returncode, early.stdout) == (2, "")
    assert "is not issued yet" in early.stderr
    rows = list(csv.DictReader(io.StringIO((await crewline("bill", "run", *MARCH, "--format", "csv")).stdout)))
    assert [row["amount"] for row in rows if row["item"] in ("net", "tax", "total")] == ["1497.26", "254.53", "1751.79"]
    issued = await crewline("bill", "issue", *MARCH)
    assert "CL-000001, 1999-03: 1751.79 ILS" in issued.stdout
    again = await crewline("bill", "run", *MARCH)
    assert (again.returncode, again.stdout) == (2, "")
    assert "invoiced already, as CL-000001" in again.stderr
    listed = json.loads((await crewline("bill", "list", "--tenant", "aster", "--format", "json")).stdout)
    assert [(one["number"], one["state"], one["total"]) for one in listed] == [("CL-000001", "issued", "1751.79")]

    packed, plain = tmp_path / "march.jsonl.gz", tmp_path / "march.jsonl"
    for target in (packed, plain):
        exported = await crewline("statement", "export", *MARCH, "--output", str(target))
        assert exported.returncode == 0, exported.stderr
    assert gzip.decompress(packed.read_bytes()) == plain.read_bytes()
    key = (await crewline("statement", "key")).stdout.strip()
    (tmp_path / "key.txt").write_text(key + "\n")
    for given in (key, str(tmp_path / "key.txt")):
        verified = await crewline("verify", str(packed), "--key", given)
        assert (verified.returncode, verified.stderr) == (0, "")
        assert verified.stdout.startswith("VERIFIED")
        assert "total 1,751.79 ILS" in verified.stdout


async def test_a_draft_contract_prices_a_month_and_a_run_stores_it(
    crewline: Run, admin: asyncpg.Connection, tmp_path: Path
) -> None:
    file = tmp_path / "draft.yaml"
    file.write_text(CONTRACT.replace("amount: 1200", "amount: 2000"))
    named = (*MARCH, "--contract", str(file), "--format", "json")
    preview = json.loads((await crewline("bill", "preview", *named)).stdout)
    assert preview["lines"][0]["amount"] == "2000.00"
    assert await admin.fetchval("select count(*) from contract") == 1
    draft = json.loads((await crewline("bill", "run", *named)).stdout)
    assert draft["lines"] == preview["lines"]
    assert await admin.fetchval("select count(*) from contract") == 2


REFUSED = [
    (("bill", "run", "--tenant", "nobody", "--period", "1999-03"), "There is no tenant 'nobody'."),
    (("bill", "run", "--tenant", "aster", "--period", "1999-3"), "'1999-3' is no month"),
    (("bill", "run", "--tenant", "birch", "--period", "1999-03"), "No contract covers 1999-03"),
    (("bill", "issue", *MARCH), "There is no invoice for 1999-03."),
    (("bill", "run", *MARCH, "--contract", "/absent.yaml"), "/absent.yaml cannot be read"),
    (("bill", "run", "--tenant", "aster"), "--period"),
    (("statement", "export", *MARCH), "There is no invoice for 1999-03."),
]


async def test_bad_input_is_one_sentence_and_changes_nothing(crewline: Run, admin: asyncpg.Connection) -> None:
    for arguments, words in REFUSED:
        answer = await crewline(*arguments)
        assert (answer.returncode, answer.stdout) == (2, ""), arguments
        assert words in answer.stderr
        assert answer.stderr.count("\n") == 1
    assert await admin.fetchval("select count(*) from invoice") == 0


async def test_verify_needs_no_database_and_names_what_differs(offline: Run, tmp_path: Path) -> None:
    file = tmp_path / "s.jsonl"
    honest = statement(month())
    file.write_bytes(honest)
    good = await offline("verify", str(file))
    assert good.returncode == 0, good.stderr
    assert "pass --key with the key that your operator gave you" in good.stdout
    file.write_bytes(honest.replace(b'"amount":"36.80"', b'"amount":"36.81"'))
    bad = await offline("verify", str(file))
    assert bad.returncode == 1
    assert "DOES NOT VERIFY" in bad.stdout
    assert "line 72 (invoice_line) does not match its hash" in bad.stdout
    assert "invoice line 2 'Handled contacts': amount stated 36.81, recomputed 36.80" in bad.stdout
    document = json.loads((await offline("verify", str(file), "--format", "json")).stdout)
    assert document["verdict"] == "does_not_verify"
    assert document["findings"][0]["line"] == 72
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("content", "key", "words"),
    [
        (None, None, "cannot be read"),
        (b"hello\n", None, "this file is not a statement"),
        (gzip.compress(b"hello\n"), None, "this file is not a statement"),
        (b"\x1f\x8bno gzip", None, "cannot be verified"),
        (b"", "zz", "neither 64 hex digits nor a file"),
        (b"", __file__, "holds no public key"),
    ],
    ids=["missing", "text", "packed text", "no gzip", "bad key", "no key file"],
)
async def test_what_is_no_statement_is_one_sentence(
    offline: Run, tmp_path: Path, content: bytes | None, key: str | None, words: str
) -> None:
    file = tmp_path / "s.jsonl"
    if content is not None:
        file.write_bytes(content)
    answer = await offline("verify", str(file), *(("--key", key) if key else ()))
    assert (answer.returncode, answer.stdout) == (2, "")
    assert words in answer.stderr
    assert answer.stderr.count("\n") == 1


async def test_a_hostile_statement_says_nothing_to_the_terminal(offline: Run, tmp_path: Path) -> None:
    file = tmp_path / "s.jsonl"
    file.write_bytes(statement(month()).replace(b'"name":"Aster"', b'"name":"\\u001b[2J"'))
    answer = await offline("verify", str(file))
    assert answer.returncode == 1
    assert "\x1b" not in answer.stdout
    assert "Invoice CL-000001 of ?[2J" in answer.stdout
