"""`crewline report`, run as a person runs it."""

import asyncio
import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from crewline_app.wiring import migrate_database
from crewline_infra.settings import Settings
from crewline_reporting.records import service as records
from tests.builders import create_queue, create_tenant
from tests.reporting.scenes import make_record, worker

ASKED = ("report", "service-level", "--from", "2026-03-01", "--to", "2026-03-02")


@pytest.fixture
async def crewline(tmp_path: Path, admin_url: str, admin, worker_database):
    """Runs the command over a database with one tenant of three contacts and one without."""
    await migrate_database(Settings(home=tmp_path, database_url=admin_url))
    tenant = await create_tenant(admin)
    await create_queue(admin, tenant, "sales")
    await create_tenant(admin, "birch")
    batch = [
        make_record(tenant, "in time", wait_ms=20_000),
        make_record(tenant, "late", wait_ms=20_001),
        make_record(tenant, "short", "abandoned", wait_ms=4_999),
    ]
    async with worker_database.transaction(worker(tenant)) as tx:
        await records.append(tx, tenant.id, batch)
    environment = os.environ | {"CREWLINE_HOME": str(tmp_path), "CREWLINE_DATABASE_URL": admin_url}

    async def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from crewline_app.cli import main; main()", *arguments]
        return await asyncio.to_thread(
            subprocess.run, command, env=environment, capture_output=True, text=True, check=False
        )

    return run


async def test_every_format_says_the_same(crewline) -> None:
    asked = (*ASKED, "--tenant", "aster", "--variant", "all")
    as_json = json.loads((await crewline(*asked, "--format", "json")).stdout)
    as_csv = list(csv.DictReader(io.StringIO((await crewline(*asked, "--format", "csv")).stdout)))
    table = (await crewline(*asked)).stdout
    assert (as_json["starts_at"], as_json["ends_at"]) == ("2026-02-28T16:00:00.000Z", "2026-03-02T16:00:00.000Z")
    assert [row["interval"] for row in as_json["rows"]] == ["2026-03-02"]
    total = as_json["total"]
    assert {name: total[name] for name in ("offered", "V1", "V3", "V4")} == {
        "offered": 3,
        "V1": "50.00",
        "V3": "33.33",
        "V4": "50.00",
    }
    assert as_csv[-1]["V3"] == total["V3"]
    assert "2026-02-28T16:00:00.000Z <= t < 2026-03-02T16:00:00.000Z" in table
    assert "33.33" in table


async def test_the_outsiders_report_is_empty_not_zero(crewline) -> None:
    answer = json.loads((await crewline(*ASKED, "--tenant", "birch", "--format", "json")).stdout)
    assert answer["rows"] == []
    assert (answer["total"]["offered"], answer["total"]["V4"]) == (0, None)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (("--tenant", "nobody"), "There is no tenant 'nobody'."),
        (("--tenant", "aster", "--to", "2026-02-01"), "The period ends on 2026-02-01 before it begins on 2026-03-01."),
        (("--tenant", "aster", "--variant", "V12"), "'V12' is no service-level variant"),
        (("--tenant", "aster", "--threshold", "soon"), "'soon' is no number of seconds"),
        (("--tenant", "aster", "--queue", "none"), "aster has no queue 'none'."),
        (("--tenant", "aster", "--interval", "week"), "'week' is no interval"),
    ],
)
async def test_bad_input_is_one_sentence_and_exit_code_2(crewline, more, sentence) -> None:
    done = await crewline(*ASKED, *more)
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1


async def test_check_and_rebuild(crewline, admin) -> None:
    assert (await crewline("report", "check", "--tenant", "aster")).returncode == 0
    await admin.execute("update queue_interval set answered = 7")
    spoilt = await crewline("report", "check", "--tenant", "aster")
    assert (spoilt.returncode, spoilt.stdout.split(",")[0]) == (1, "1 intervals differ")
    rebuilt = await crewline("report", "rebuild", "--tenant", "aster")
    assert rebuilt.returncode == 0, rebuilt.stderr
    assert (await crewline("report", "check", "--tenant", "aster")).returncode == 0
