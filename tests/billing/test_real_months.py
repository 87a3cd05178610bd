"""Three genuine months under the example contracts: imported, metered, rated, and recomputed from the raw files.

The other side reads the published rows with a few lines of its own and prices them with hand-written SQL.
"""

import asyncio
import gzip
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

import crewline_app.demo
from crewline_app.wiring import migrate_database
from crewline_billing.metering import service as metering
from crewline_billing.rating.rules import fees_of, invoice_rounding, rate_contract
from crewline_infra.db import Database
from crewline_infra.periods import month_period
from crewline_infra.settings import Settings
from crewline_infra.tenancy import Context, Role
from crewline_tenants.contracts import rules
from tests.billing.rating.oracle import ORACLES, by_sql

DEMO = Path(crewline_app.demo.__file__).parent
MONTHS = {"1999-01": "january", "1999-03": "march", "1999-09": "september"}
DAY_S = 86_400

pytestmark = pytest.mark.real_data


async def test_every_month_of_every_tenant_is_what_the_raw_rows_say(
    real_data: Path, tmp_path: Path, admin_url: str, admin: asyncpg.Connection, database: Database
) -> None:
    await migrate_database(Settings(home=tmp_path, database_url=admin_url))
    await import_history(real_data, tmp_path, admin_url)
    for slug in ORACLES:
        contract = rules.parse((DEMO / "contracts" / f"{slug}.yaml").read_text())
        tenant_id = await admin.fetchval("select id from tenant where slug = $1", slug)
        for label, name in MONTHS.items():
            period = month_period(label, contract.time_zone)
            async with database.transaction(Context(Role.FINANCE, tenant_id=tenant_id)) as tx:
                usage = await metering.read_usage(tx, tenant_id, period)
            lines = rate_contract(contract, usage, period)
            last = invoice_rounding(contract, lines)
            net = fees_of(lines if last is None else [*lines, last])
            expected = by_sql(slug, raw_usage(real_data / f"{name}_1999.txt.gz", slug, label))
            assert net == expected, f"{slug} {label}"


async def import_history(real_data: Path, home: Path, admin_url: str) -> None:
    files = [str(real_data / f"{name}_1999.txt.gz") for name in MONTHS.values()]
    mapping = str(DEMO / "mappings" / "anonymous_bank.toml")
    script = "from crewline_app.cli import main; main()"
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", script, "import", "contacts", "--mapping", mapping, *files],
        env=os.environ | {"CREWLINE_HOME": str(home), "CREWLINE_DATABASE_URL": admin_url},
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def raw_usage(file: Path, slug: str, label: str) -> Iterator[tuple[int, ...]]:
    """(handled, offered, talk_ms, hold_ms, wrap_ms) of the calls of a type that ended in the month of the file."""
    last_day = {"1999-01": "990131", "1999-03": "990331", "1999-09": "990930"}[label]
    for line in gzip.decompress(file.read_bytes()).decode().splitlines()[1:]:
        fields = line.rstrip("\t").split("\t")
        if len(fields) == 16:
            fields[3:4] = fields[3].split()
        kind, day, entry = fields[4].strip().lower(), fields[5], seconds(fields[6])
        outcome, wait_s, talk_s = fields[12], int(fields[11]), int(fields[15])
        if kind != slug or outcome == "PHANTOM":
            continue
        ends = [seconds(fields[column]) for column in (7, 10, 14)]
        if day == last_day and any(0 < end < entry - DAY_S // 2 for end in ends):
            continue
        answered = outcome == "AGENT"
        yield int(answered), int(answered or wait_s > 0), talk_s * 1000 * answered, 0, 0


def seconds(text: str) -> int:
    hours, minutes, rest = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + int(rest)
