"""The bank's published months: every figure recomputed by DuckDB from the raw files, with no code of the product."""

from collections import defaultdict
from importlib.resources import files
from pathlib import Path

import duckdb
import pytest

from crewline_app.history import append_history
from crewline_infra.db import Database
from crewline_infra.tenancy import Context, Role
from crewline_reporting.imports.jobs import import_file
from crewline_reporting.imports.mapping import load_mapping
from crewline_reporting.imports.model import ImportOrder
from crewline_reporting.imports.reader import inspect
from crewline_reporting.imports.rejects import Rejects
from crewline_reporting.intervals import service as intervals
from crewline_reporting.metrics.service_level import NINE
from crewline_reporting.reports import rules, service
from crewline_reporting.reports.model import ServiceLevelQuery
from crewline_tenants.tenants.service import tenant_by_slug

pytestmark = pytest.mark.real_data

ZONE = "Asia/Jerusalem"
MONTHS = {"january_1999": "1999-01", "march_1999": "1999-03", "september_1999": "1999-09"}
LAST = {"1999-01": "1999-01-31", "1999-03": "1999-03-31", "1999-09": "1999-09-30"}
TENANTS = ("PS", "NE", "NW", "IN", "PE", "TT")

RAW = """
create table raw as
with lines as (
  select string_split(regexp_replace(line, ' {2,}', chr(9)), chr(9)) as f
    from read_csv($files, columns = {'line': 'varchar'}, delim = chr(1), quote = '',
                  auto_detect = false, header = false, skip = 1)
)
select trim(f[5]) as type, strptime('19' || f[6], '%Y%m%d')::date as day, f[13] as outcome,
       f[12]::integer as wait_s, f[16]::integer as talk_s, f[7]::interval as entered,
       case when f[10] <> '0:00:00' or f[12]::integer > 0 then f[10] else f[8] end::interval as began
  from lines
"""
CALLS = """
create table calls as
select type, wait_s, talk_s,
       case outcome when 'AGENT' then 'answered' when 'PHANTOM' then 'excluded'
         else case when wait_s > 0 then 'abandoned' else 'menu_ended' end end as outcome,
       day + began + to_days(if(began < entered - interval '12 hours', 1, 0)) as moment
  from raw
"""
SUMS = """
select strftime(moment, $shape) as label,
       count(*) filter (where outcome = 'answered') as a,
       count(*) filter (where outcome = 'answered' and wait_s <= $t) as at_,
       count(*) filter (where outcome = 'abandoned') as b,
       count(*) filter (where outcome = 'abandoned' and wait_s <= $t) as bt,
       count(*) filter (where outcome = 'abandoned' and wait_s < $s) as bs,
       coalesce(sum(wait_s) filter (where outcome = 'answered'), 0)::bigint as waited,
       coalesce(sum(talk_s) filter (where outcome = 'answered'), 0)::bigint as talked
  from calls where type = $type and strftime(moment, '%Y-%m') = $month and outcome in ('answered', 'abandoned')
 group by 1
"""
SHAPES = {"month": "%Y-%m", "day": "%Y-%m-%d", "30m": "%Y-%m-%dT%H:%M"}
LEVELS = {
    "V1": lambda a, at, b, bt, bs: (at, a),
    "V2": lambda a, at, b, bt, bs: (at + bt, a + b),
    "V3": lambda a, at, b, bt, bs: (at, a + b),
    "V4": lambda a, at, b, bt, bs: (at, a + b - bs),
    "V5": lambda a, at, b, bt, bs: (at, a + b - bt),
    "V6": lambda a, at, b, bt, bs: (at, a + b - bt),
    "V7": lambda a, at, b, bt, bs: (at, a + b),
    "V8": lambda a, at, b, bt, bs: (at + bt, a + b),
}


@pytest.fixture
async def imported(worker_database: Database, clock, real_data: Path, tmp_path: Path) -> Database:
    text = (files("crewline_app.demo.mappings") / "anonymous_bank.toml").read_text(encoding="utf-8")
    mapping = load_mapping(text, "anonymous_bank")
    rejects = Rejects(tmp_path / "rejects.csv")
    for name in MONTHS:
        path = real_data / f"{name}.txt.gz"
        order = ImportOrder(path=path, mapping=mapping, alias_key=b"k" * 32, tenant=None)
        facts = inspect(path, mapping.file)
        summary = await import_file(
            worker_database, clock, order, facts, append=append_history, rejects=rejects, progress=lambda *_: None
        )
        assert summary.imported == summary.rows, summary
    rejects.close()
    return worker_database


@pytest.fixture(scope="module")
def raw(real_data: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(RAW, {"files": [str(real_data / f"{name}.txt.gz") for name in MONTHS]})
    connection.execute(CALLS)
    return connection


def expected(raw, kind: str, month: str, threshold_s: int, short_s: int) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    for tenant in TENANTS:
        asked = {"type": tenant, "month": month, "t": threshold_s, "s": short_s, "shape": SHAPES[kind]}
        for label, *sums in raw.execute(SUMS, asked).fetchall():
            key = (tenant, _half_hour(label) if kind == "30m" else label)
            found[key] = tuple(x + y for x, y in zip(found.get(key, (0,) * 7), sums, strict=True))
    return found


def _half_hour(label: str) -> str:
    return label[:14] + ("00" if label[14:] < "30" else "30")


def shown_percent(numerator: int, denominator: int) -> str | None:
    if denominator == 0:
        return None
    hundredths = (numerator * 20_000 + denominator) // (2 * denominator)
    return f"{hundredths // 100}.{hundredths % 100:02}"


@pytest.mark.parametrize(("threshold_s", "short_s"), [(20, 5), (37, 7)])
async def test_every_figure_of_the_months_agrees(imported, raw, threshold_s: int, short_s: int) -> None:
    """20 and 5 seconds come from the roll-up, 37 and 7 from the records."""
    for month in MONTHS.values():
        for kind in ("month", "day", "30m"):
            product = defaultdict(lambda: (0,) * 7)
            for slug in TENANTS:
                report = await _report(imported, slug.lower(), month, kind, (threshold_s, short_s))
                for row in report.rows:
                    t = row.tally
                    sums = (t.answered, t.answered_in_time, t.abandoned, t.abandoned_in_time, t.short_abandoned)
                    times = (t.answered_wait_ms // 1000, t.talk_ms // 1000)
                    key = (slug, row.interval.label[:16])
                    product[key] = tuple(x + y for x, y in zip(product[key], (*sums, *times), strict=True))
                    if kind == "month":
                        assert shown(report, row) == {v: shown_percent(*f(*sums)) for v, f in LEVELS.items()}
            counted = {key: sums for key, sums in product.items() if sums[0] + sums[2]}
            assert counted == expected(raw, kind, month, threshold_s, short_s)


async def test_the_rollup_of_the_months_says_what_the_records_say(imported) -> None:
    for slug in (*TENANTS, "unassigned"):
        tenant_id = await _tenant_id(imported, slug.lower())
        async with imported.transaction(Context(Role.WORKER, tenant_id=tenant_id)) as tx:
            assert await intervals.differences(tx, tenant_id) == []


def shown(report, row) -> dict[str, str | None]:
    values = {metric.short: row.value(metric) for metric in report.levels}
    return {name: None if values[name] is None else str(values[name]) for name in LEVELS}


async def _report(database: Database, slug: str, month: str, kind: str, limits: tuple[int, int]):
    tenant_id = await _tenant_id(database, slug)
    period, interval = rules.report_period(f"{month}-01", LAST[month], kind, ZONE)
    query = ServiceLevelQuery(
        period=period, interval=interval, thresholds=rules.thresholds(*map(str, limits)), variants=NINE
    )
    async with database.transaction(Context(Role.WORKER, tenant_id=tenant_id)) as tx:
        return await service.service_level(tx, tenant_id, query)


async def _tenant_id(database: Database, slug: str):
    async with database.transaction(Context(Role.WORKER)) as tx:
        return (await tenant_by_slug(tx, slug)).id
