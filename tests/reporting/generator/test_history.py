"""Generated histories: the same for the same seed, readable by the mapping, and like what was measured."""

import gzip
import math
import statistics
from datetime import date
from pathlib import Path

import pytest

from crewline_infra.errors import Invalid
from crewline_reporting.generator.chance import Chance
from crewline_reporting.generator.files import write_lines
from crewline_reporting.generator.history import HEADER, HistoryOrder, lines
from crewline_reporting.generator.patterns import Lognormal, Weibull, measured
from crewline_reporting.generator.simulation import Caller, simulate
from crewline_reporting.imports.rules import Draft, RowParser
from tests.reporting.imports.rows import KEY, bank

MARCH = HistoryOrder(date(1999, 3, 1), months=1, seed=7)


@pytest.fixture(scope="module")
def drafts() -> list[Draft]:
    parser = RowParser(bank(), alias_key=KEY)
    return [parser.draft(row.split("\t")) for row in list(lines(MARCH))[1:]]


def test_the_same_order_gives_the_same_bytes(tmp_path: Path) -> None:
    order = HistoryOrder(date(1999, 1, 1), 1, seed=3, scale=0.05)
    paths = [tmp_path / name for name in ("a.gz", "b.gz")]
    for path in paths:
        write_lines(lines(order), path, lambda rows: None)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    other = HistoryOrder(date(1999, 1, 1), 1, seed=4, scale=0.05)
    assert list(lines(other)) != list(lines(order))


def test_a_month_does_not_depend_on_those_before_it() -> None:
    both = list(lines(HistoryOrder(date(1999, 2, 1), 2, seed=7, scale=0.05)))
    march = list(lines(HistoryOrder(date(1999, 3, 1), 1, seed=7, scale=0.05)))
    columns = slice(2, 9)  # numbers of lines and calls go on; what callers do does not change
    later = [row.split("\t")[columns] for row in both if "\t9903" in row]
    assert later == [row.split("\t")[columns] for row in march[1:]]


def test_every_row_is_read_and_no_call_shares_its_id(drafts: list[Draft]) -> None:
    assert len({draft.external_id for draft in drafts}) == len(drafts)
    assert {draft.tenant for draft in drafts} >= {"ps", "pe", "ne", "nw", "in", "tt"}


def test_volume_service_and_abandonment_are_as_measured(drafts: list[Draft]) -> None:
    patterns = measured()
    days = [day.weekday() for day in MARCH.days()]
    expected = sum(rate for work in patterns.lines_of_work.values() for day in days for rate in work.arrivals[day])
    assert len(drafts) == pytest.approx(expected, rel=0.12)
    answered = [draft for draft in drafts if draft.outcome == "answered"]
    given_up = sum(draft.outcome == "abandoned" for draft in drafts)
    assert given_up / (given_up + len(answered)) == pytest.approx(patterns.abandoned, abs=0.05)
    logs = [
        math.log(draft.durations_ms[3] / 1000)
        for draft in answered
        if draft.tenant == "ps" and draft.durations_ms[3] >= 5_000
    ]
    service = patterns.lines_of_work["PS"].service
    assert statistics.fmean(logs) == pytest.approx(service.mean, abs=0.05)
    assert statistics.pstdev(logs) == pytest.approx(service.deviation, abs=0.05)


def test_the_quirks_are_there(drafts: list[Draft]) -> None:
    found = {flag.partition("=")[0] for draft in drafts for flag in draft.flags}
    assert found >= {"negative_menu_ms", "answered_without_agent", "service_after_hang_up_s", "past_midnight"}
    assert any(draft.outcome == "excluded" for draft in drafts)


def test_the_internet_line_has_a_pool_of_its_own_from_august() -> None:
    parser = RowParser(bank(), alias_key=KEY)
    rows = list(lines(HistoryOrder(date(1999, 8, 1), 1, seed=1, scale=0.5)))[1:]
    found = [draft for draft in map(parser.draft, (row.split("\t") for row in rows)) if draft.pool]
    assert {draft.pool for draft in found if draft.tenant == "in"} == {"Internet pool"}
    assert {draft.pool for draft in found if draft.tenant in {"ps", "nw", "tt"}} == {"Shared pool"}


def caller(at: int, *, priority: int = 0, patience_s: float = 1e6, service_s: int = 100) -> Caller:
    return Caller("PS", at, 0, 0, priority, patience_s, service_s, ends_in_menu=False)


def test_the_queue_serves_by_priority_then_by_age() -> None:
    first, second, important = caller(0), caller(10), caller(20, priority=2)
    simulate([first, second, important], [1] * 48)
    assert [one.served_at for one in (first, second, important)] == [0, 200, 100]


def test_callers_without_patience_leave_and_nobody_serves_without_staff() -> None:
    served, gone = caller(0), caller(10, patience_s=30)
    simulate([served, gone], [1] * 48)
    assert (gone.served_at, gone.left_at) == (None, 40)
    alone = caller(0, patience_s=5)
    simulate([alone], [0] * 48)
    assert (alone.served_at, alone.left_at) == (None, 5)


def test_draws_have_their_means() -> None:
    chance = Chance("draws")
    counts = [chance.poisson(3.0) for _ in range(4000)]
    assert statistics.fmean(counts) == pytest.approx(3.0, abs=0.15)
    assert statistics.fmean(math.log(chance.lognormal(Lognormal(4.0, 0.5))) for _ in range(4000)) == pytest.approx(
        4, abs=0.05
    )
    assert statistics.median(chance.weibull(Weibull(1.0, 100.0)) for _ in range(4000)) == pytest.approx(69.3, rel=0.1)


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(Invalid, match="cannot be written"):
        write_lines(iter([HEADER]), tmp_path / "file" / "h.txt", lambda rows: None)


def test_compressed_files_hold_the_same_lines(tmp_path: Path) -> None:
    order = HistoryOrder(date(1999, 1, 1), 1, seed=3, scale=0.01)
    count = write_lines(lines(order), tmp_path / "h.txt.gz", lambda rows: None)
    found = gzip.decompress((tmp_path / "h.txt.gz").read_bytes()).decode().splitlines()
    assert found == list(lines(order))
    assert count == len(found) - 1
