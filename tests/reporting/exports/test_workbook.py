"""Files of tables: typed numbers, real durations, and no text that runs."""

import csv
import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from crewline_infra.errors import Invalid
from crewline_reporting.exports import workbook
from crewline_reporting.exports.table import Table, csv_text
from crewline_reporting.exports.workbook import Workbook
from crewline_reporting.records import service
from tests.reporting.exports.sheet import Sheet, read_sheet
from tests.reporting.scenes import MORNING, make_record, worker

DAY = {"from": "2026-03-02", "to": "2026-03-02"}
FORMULAS = ("=1+1", "+1", "-1", "@x", '=HYPERLINK("http://evil.example")', "http://evil.example", "{=1}", "\t=1")


def written(tmp_path, table: Table) -> Sheet:
    book = Workbook(tmp_path / "t.xlsx", table, "Asia/Shanghai")
    try:
        book.write(table.rows)
    finally:
        book.close()
    return read_sheet((tmp_path / "t.xlsx").read_bytes())


def test_every_kind_of_cell(tmp_path) -> None:
    at = datetime(2026, 3, 1, 16, tzinfo=UTC)
    rows = [[7, Decimal("51.30"), 90_500, Decimal("94.25"), Decimal("-18500.00"), at, None, "plain"]]
    kinds = {"share": "percent", "talk_ms": "ms", "asa": "s", "amount": "amount"}
    columns = ["n", "share", "talk_ms", "asa", "amount", "at", "none", "text"]
    sheet = written(tmp_path, Table([("Tenant", "Aster")], columns, rows, kinds))
    number, share, talk, asa, amount, local, none, text = sheet.body[0]
    assert (number, share, amount, none, text) == (7, 51.3, -18500, "N/A", "plain")
    assert talk * 86_400 == pytest.approx(90.5)
    assert asa * 86_400 == pytest.approx(94.25)
    assert local == 46083  # 2026-03-02 00:00 in Shanghai, in days since 1899-12-30
    shapes = sheet.formats[-1]
    assert shapes[2] == shapes[3] == "[h]:mm:ss"
    assert sheet.header == {"Tenant": "Aster"}
    assert sheet.names == columns


def test_what_looks_like_a_formula_stays_text(tmp_path) -> None:
    table = Table([("Tenant", "=1+1")], ["text"], [[text] for text in FORMULAS])
    sheet = written(tmp_path, table)
    assert sheet.formulas == 0
    assert [row[0] for row in sheet.body] == list(FORMULAS)
    lines = list(csv.reader(io.StringIO("".join(csv_text(table)).removeprefix("\ufeff"))))
    assert all(cell.startswith("'") for [cell] in lines[3:8])


def test_more_rows_than_a_sheet_holds_are_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(workbook, "ROWS_MAX", 10)
    with pytest.raises(Invalid, match="more than a sheet"):
        written(tmp_path, Table([("a", "b")], ["n"], [[n] for n in range(20)]))


async def test_contacts_are_the_same_in_both_files_and_on_the_page(worker_database, scene) -> None:
    made = [
        make_record(
            scene.aster,
            f"c{n}",
            "answered" if n % 2 else "abandoned",
            at=MORNING + timedelta(minutes=n),
            wait_ms=n * 10_000,
            customer_ref=f"+86 138 0013 80{n:02}",
            disposition=FORMULAS[n],
        )
        for n in range(5)
    ]
    async with worker_database.transaction(worker(scene.aster)) as tx:
        await service.append(tx, scene.aster.id, made)
    path, asked = f"/api/v1/tenants/{scene.aster.id}/contacts", DAY | {"outcome": "answered", "over": "5"}
    listed = (await scene.get("aster-manager", path, **asked)).json()["contacts"]
    answer = await scene.get("aster-manager", path, format="xlsx", **asked)
    assert answer.headers["content-disposition"].endswith('.xlsx"')
    sheet = read_sheet(answer.content)
    text = (await scene.get("aster-manager", path, format="csv", **asked)).content.decode("utf-8-sig")
    lines = list(csv.reader(io.StringIO(text)))
    rows = [dict(zip(sheet.names, row, strict=True)) for row in sheet.body]
    texts = [dict(zip(sheet.names, line, strict=True)) for line in lines[lines.index([]) + 2 :]]
    assert [row["external_id"] for row in rows] == [c["external_id"] for c in listed] == ["c1", "c3"]
    assert [row["external_id"] for row in texts] == ["c1", "c3"]
    for row, line, contact in zip(rows, texts, listed, strict=True):
        assert row["wait_ms"] * 86_400_000 == pytest.approx(contact["wait_ms"])
        assert int(line["wait_ms"]) == contact["wait_ms"]
        assert row["customer_ref"] == contact["customer_ref"]
        assert row["customer_ref"].startswith("••••")
        assert row["disposition"] == contact["disposition"]
    facts = sheet.header
    assert facts["Result"] == "answered"
    assert facts["Waited more than (s)"] == "5"
    assert {"Tenant", "Period", "Time zone", "Generated at"} < set(facts)
    assert (await scene.get("aster-viewer", path, format="xlsx", **asked)).status_code == 403
    for person, status in scene.outsiders.items():
        assert (await scene.get(person, path, format="xlsx", **asked)).status_code == status


async def test_a_report_as_a_workbook(worker_database, scene) -> None:
    async with worker_database.transaction(worker(scene.aster)) as tx:
        await service.append(tx, scene.aster.id, [make_record(scene.aster, "c1", at=MORNING, wait_ms=7_500)])
    path = f"/api/v1/tenants/{scene.aster.id}/reports/service-level"
    answer = await scene.get("aster-viewer", path, format="xlsx", variant="all", **DAY)
    sheet = read_sheet(answer.content)
    total = dict(zip(sheet.names, sheet.body[-1], strict=True))
    assert (total["interval"], total["offered"], total["V4"]) == ("Total", 1, 100)
    assert total["asa"] * 86_400 == pytest.approx(7.5)
    assert sheet.header["service_level.v4@1"] == "At / (A + B - Bs)"
    assert (await scene.get("birch-manager", path, format="xlsx", **DAY)).status_code == 404
