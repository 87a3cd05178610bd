"""The service-level report: through the service, over the API and as a file."""

import csv
import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from crewline_infra.errors import Invalid, NotFound
from crewline_reporting.exports.table import cell_text
from crewline_reporting.metrics.catalogue import CATALOGUE
from crewline_reporting.metrics.service_level import NINE
from crewline_reporting.records import service as records_service
from crewline_reporting.reports import rules, service
from crewline_reporting.reports.model import ServiceLevelQuery
from tests.builders import create_queue, create_tenant
from tests.reporting.scenes import MORNING, make_record, worker

JERUSALEM = "Asia/Jerusalem"


def report_path(tenant) -> str:
    return f"/api/v1/tenants/{tenant.id}/reports/service-level"


async def store(worker_database, tenant, *records) -> None:
    async with worker_database.transaction(worker(tenant)) as tx:
        await records_service.append(tx, tenant.id, records)


def query(first: str, last: str, interval: str, zone: str = "Asia/Shanghai", **more) -> ServiceLevelQuery:
    period, kind = rules.report_period(first, last, interval, zone)
    return ServiceLevelQuery(period=period, interval=kind, **more)


async def test_the_repeated_hour_is_two_intervals(worker_database, database, admin) -> None:
    """At 02:00 on 3 September 1999 the clocks of Jerusalem went back to 01:00."""
    tenant = await create_tenant(admin, time_zone=JERUSALEM)
    first = datetime(1999, 9, 2, 22, 15, tzinfo=UTC)  # 01:15 summer time
    records = [
        make_record(tenant, "before", at=first),
        make_record(tenant, "again", at=first + timedelta(hours=1), wait_ms=30_000),
        make_record(tenant, "after", at=first + timedelta(hours=2)),
    ]
    await store(worker_database, tenant, *records)
    async with database.transaction(tenant.context()) as tx:
        report = await service.service_level(tx, tenant.id, query("1999-09-03", "1999-09-03", "30m", JERUSALEM))
        hours = await service.service_level(tx, tenant.id, query("1999-09-03", "1999-09-03", "hour", JERUSALEM))
    rows = [(row.interval.label, row.tally.offered, row.value(report.levels[0])) for row in report.rows]
    assert rows == [
        ("1999-09-03T01:00+03:00", 1, Decimal("100.00")),
        ("1999-09-03T01:00+02:00", 1, Decimal("0.00")),
        ("1999-09-03T02:00+02:00", 1, Decimal("100.00")),
    ]
    assert [row.tally for row in hours.rows] == [row.tally for row in report.rows]
    assert report.total.value(report.levels[0]) == Decimal("66.67")


async def test_days_and_months_are_cut_in_the_tenants_zone(worker_database, database, admin) -> None:
    tenant = await create_tenant(admin)
    last_second = datetime(2026, 3, 31, 15, 59, 49, tzinfo=UTC)  # queued 23:59:59 in Shanghai
    await store(
        worker_database,
        tenant,
        make_record(tenant, "march", at=last_second),
        make_record(tenant, "april", at=last_second + timedelta(seconds=1)),
    )
    async with database.transaction(tenant.context()) as tx:
        months = await service.service_level(tx, tenant.id, query("2026-03-01", "2026-04-30", "month"))
        march = await service.service_level(tx, tenant.id, query("2026-03-01", "2026-03-31", "day"))
    assert [(row.interval.label, row.tally.offered) for row in months.rows] == [("2026-03", 1), ("2026-04", 1)]
    assert [row.interval.label for row in march.rows] == ["2026-03-31"]


async def test_empty_intervals_are_shown_when_asked_for(worker_database, database, admin) -> None:
    tenant = await create_tenant(admin)
    await store(worker_database, tenant, make_record(tenant, "c1"))
    async with database.transaction(tenant.context()) as tx:
        asked = query("2026-03-01", "2026-03-02", "30m", with_empty=True)
        report = await service.service_level(tx, tenant.id, asked)
    assert len(report.rows) == 96
    empty = report.rows[0]
    assert (empty.tally.offered, empty.value(report.levels[0]), empty.value(CATALOGUE["asa"])) == (0, None, None)
    assert report.total.tally.offered == 1


async def test_levels_only_are_the_same_levels(worker_database, database, admin) -> None:
    tenant = await create_tenant(admin)
    records = [make_record(tenant, f"c{n}", "abandoned" if n % 3 else "answered", wait_ms=n * 4_000) for n in range(9)]
    await store(worker_database, tenant, *records)
    async with database.transaction(tenant.context()) as tx:
        whole = await service.service_level(tx, tenant.id, query("2026-03-02", "2026-03-02", "30m", variants=NINE))
        asked = query("2026-03-02", "2026-03-02", "30m", variants=NINE, levels_only=True)
        levels = await service.service_level(tx, tenant.id, asked)
    assert levels.metrics == whole.levels
    for left, right in zip([*levels.rows, levels.total], [*whole.rows, whole.total], strict=True):
        assert [left.value(metric) for metric in levels.metrics] == [right.value(metric) for metric in whole.levels]


async def test_a_report_of_one_queue(worker_database, database, admin) -> None:
    tenant, outsider = await create_tenant(admin), await create_tenant(admin, "birch")
    sales = await create_queue(admin, tenant, "sales")
    theirs = await create_queue(admin, outsider, "theirs")
    await store(worker_database, tenant, make_record(tenant, "c1", queue_id=sales), make_record(tenant, "c2"))
    async with database.transaction(tenant.context()) as tx:
        assert await service.find_queue(tx, tenant.id, "sales") == sales
        assert await service.find_queue(tx, tenant.id, str(sales)) == sales
        report = await service.service_level(tx, tenant.id, query("2026-03-02", "2026-03-02", "day", queue_id=sales))
        for foreign in ("theirs", str(theirs), "none"):
            with pytest.raises(NotFound):
                await service.find_queue(tx, tenant.id, foreign)
    assert report.total.tally.offered == 1


async def test_the_report_over_the_api(worker_database, scene) -> None:
    await store(
        worker_database,
        scene.aster,
        make_record(scene.aster, "in time", wait_ms=20_000),
        make_record(scene.aster, "late", wait_ms=20_001),
        make_record(scene.aster, "short", "abandoned", wait_ms=4_999),
    )
    asked = {"from": "2026-03-02", "to": "2026-03-02", "interval": "30m", "variant": "all"}
    for person in ("aster-manager", "aster-viewer", "supervisor", "finance", "admin"):
        answer = await scene.get(person, report_path(scene.aster), **asked)
        assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["starts_at"] == "2026-03-01T16:00:00Z"
    assert [row["interval"] for row in body["rows"]] == ["2026-03-02T09:00+08:00"]
    values = body["total"]["values"]
    assert {v: values[v] for v in ("V1", "V3", "V4", "V9", "offered", "asa", "aht")} == {
        "V1": "50.00",
        "V3": "33.33",
        "V4": "50.00",
        "V9": "66.67",
        "offered": 3,
        "asa": "20.001",
        "aht": "60.000",
    }
    assert {metric["short"] for metric in body["metrics"]} == set(values)
    for person, status in scene.outsiders.items():
        answer = await scene.get(person, report_path(scene.aster), **asked)
        assert answer.status_code == status
    theirs = await scene.get("birch-manager", report_path(scene.birch), **asked)
    assert theirs.json()["total"]["values"] == dict.fromkeys(values) | {
        name: 0 for name in values if name in CATALOGUE and CATALOGUE[name].unit == "count"
    }


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"from": "2026-02-30"}, "'2026-02-30' is no date"),
        ({"to": "2026-03-01"}, "ends on 2026-03-01 before"),
        ({"interval": "week"}, "'week' is no interval"),
        ({"threshold": "nan"}, "'nan' is no number of seconds"),
        ({"threshold": "-1"}, "'-1' is no number"),
        ({"short_abandon": "1e9"}, "'1e9' is no number"),
        ({"variant": "V0"}, "'V0' is no service-level variant"),
        ({"channel": "telex"}, "The channel is one of"),
        ({"format": "pdf"}, "json, csv or xlsx"),
        ({"interval": "30m", "to": "2028-03-02"}, "at most 400 days"),
        ({"to": "9999-12-31", "from": "9999-12-31"}, "outside the calendar"),
    ],
)
async def test_wrong_input_is_named(scene, changes, complaint) -> None:
    asked = {"from": "2026-03-02", "to": "2026-03-02"} | changes
    answer = await scene.get("aster-manager", report_path(scene.aster), **asked)
    assert answer.status_code == 422
    assert complaint in answer.json()["detail"]


async def test_a_queue_of_nobody_and_a_tenant_of_nobody_are_not_found(scene) -> None:
    asked = {"from": "2026-03-02", "to": "2026-03-02"}
    missing = await scene.get("aster-manager", report_path(scene.aster), queue="none", **asked)
    nobody = await scene.get("admin", "/api/v1/tenants/00000000-0000-7000-8000-000000000000/contacts", **asked)
    assert (missing.status_code, nobody.status_code) == (404, 404)


async def test_the_report_as_a_file(worker_database, scene) -> None:
    await store(worker_database, scene.aster, make_record(scene.aster, "c1"))
    asked = {"from": "2026-03-01", "to": "2026-03-02", "with_empty": "true", "format": "csv"}
    answer = await scene.get("aster-viewer", report_path(scene.aster), **asked)
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert "attachment" in answer.headers["content-disposition"]
    lines = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    blank = lines.index([])
    header = dict(lines[:blank])
    assert header["Time zone"] == "Asia/Shanghai"
    assert header["service_level.v4@1"] == "At / (A + B - Bs)"
    rows = [dict(zip(lines[blank + 1], line, strict=True)) for line in lines[blank + 2 :]]
    assert [(row["interval"], row["offered"], row["V4"]) for row in rows] == [
        ("2026-03-01", "0", "N/A"),
        ("2026-03-02", "1", "100.00"),
        ("Total", "1", "100.00"),
    ]
    outsider = await scene.get("birch-manager", report_path(scene.aster), **asked)
    assert outsider.status_code == 404


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
def test_a_formula_is_disarmed(text: str) -> None:
    assert cell_text(text) == f"'{text}"
    assert cell_text(Decimal("-1.50")) == "-1.50"


async def test_the_catalogue_over_the_api(scene) -> None:
    answer = await scene.get("birch-viewer", "/api/v1/metrics")
    listed = {metric["key"]: metric for metric in answer.json()}
    assert set(listed) == {metric.key for metric in CATALOGUE.values()}
    assert listed["service_level.v4@1"]["denominator"] == "A + B - Bs"
    assert listed["offered@1"]["denominator"] == ""


def test_a_moment_is_a_date_or_an_instant() -> None:
    assert rules.moment("2026-03-02", "Asia/Shanghai", end=False) == datetime(2026, 3, 1, 16, tzinfo=UTC)
    assert rules.moment("2026-03-02", "Asia/Shanghai", end=True) == datetime(2026, 3, 2, 16, tzinfo=UTC)
    assert rules.moment("2026-03-02T09:00+08:00", "UTC", end=True) == MORNING
    for text in ("yesterday", "2026-03-02T09:00"):
        with pytest.raises(Invalid):
            rules.moment(text, "UTC", end=False)
