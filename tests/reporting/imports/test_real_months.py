"""The published months against the figures of their documentation. Skipped where they are absent, and in CI."""

from pathlib import Path

import asyncpg
import pytest

from tests.reporting.imports.conftest import Import
from tests.reporting.imports.rows import order

pytestmark = pytest.mark.real_data

CHECKS = {  # records, AGENT, HANG, PHANTOM
    "january": (31_599, 27_060, 4_299, 240),
    "march": (38_801, 27_847, 10_547, 407),
    "september": (31_371, 27_062, 4_146, 163),
}


@pytest.mark.parametrize("month", CHECKS)
async def test_a_month_is_imported_whole(
    run: Import, admin: asyncpg.Connection, real_data: Path, tmp_path: Path, month: str
) -> None:
    records, served, hung_up, phantoms = CHECKS[month]
    summary = await run(order(real_data / f"{month}_1999.txt.gz"))
    assert (summary.rows, summary.imported, summary.rejected) == (records, records, 0)
    assert not (tmp_path / "rejects.csv").exists()
    found = dict(map(tuple, await admin.fetch("select outcome, count(*) from record group by 1")))
    assert found["answered"] == served
    assert found["abandoned"] + found["menu_ended"] == hung_up
    assert found["excluded"] == phantoms
    usage = "select sum(handled) from usage_row"
    assert await admin.fetchval(usage) == served
    assert await admin.fetchval("select sum(answered) from queue_interval") == served
    names = await admin.fetchval("select count(*) from agent where alias !~ '^Agent [2-9A-Z]{5}$'")
    assert names == 0


async def test_september_holds_its_quirks(run: Import, real_data: Path) -> None:
    summary = await run(order(real_data / "september_1999.txt.gz"))
    assert summary.flags["repaired_row"] == 1
    assert summary.flags["negative_menu_ms"] == 14
    assert summary.flags["answered_without_service_time"] == 124
    assert summary.flags["service_after_hang_up_s"] == 59
    assert summary.flags["unknown_tenant_value"] == 1
    assert summary.flags["ambiguous_local_time"] > 0
    again = await run(order(real_data / "september_1999.txt.gz"))
    assert (again.imported, again.known, again.conflicts) == (0, 31_371, 0)
