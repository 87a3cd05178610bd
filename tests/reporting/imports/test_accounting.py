"""For any lines whatever: each is counted once, and what is packed is what the record says."""

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID, uuid5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crewline_reporting.imports.fields import Refused
from crewline_reporting.imports.jobs import check_rows
from crewline_reporting.imports.packing import COPY_HEADER, COPY_TRAILER, Names, Packer, record_of
from crewline_reporting.imports.reader import inspect
from crewline_reporting.imports.rejects import Rejects
from crewline_reporting.imports.rules import Draft, RowParser
from crewline_reporting.records.rules import Record, fingerprint, problems
from tests.reporting.imports.rows import COLUMNS, KEY, USUAL, bank, draft, history, line, order

SPACE = UUID("7d9f1a52-4f3e-4b0e-8f0a-5b8a2f7f1b11")
RECORDED = datetime(2026, 3, 2, tzinfo=UTC)
TEXT = st.text(st.characters(blacklist_characters="\0\r\n\t", blacklist_categories=["Cs"]), max_size=12)
VALUES = {
    "date": st.sampled_from(["990315", "990402", "990903", "990230", ""]),
    "type": st.sampled_from(["PS", "NW", " TT", "AA", ""]),
    "outcome": st.sampled_from(["AGENT", "HANG", "PHANTOM", "?"]),
    "server": st.sampled_from(["NO_SERVER", "DALIA", "Z2RON", ""]),
    "customer_id": st.sampled_from(["0", "3.27E+11", "12345678", "-"]),
    **{
        name: st.builds(
            lambda hours, minutes, seconds: f"{hours}:{minutes:02d}:{seconds:02d}",
            st.integers(0, 24),
            st.integers(0, 60),
            st.integers(0, 59),
        )
        for name in COLUMNS
        if name.startswith(("vru_e", "q_s", "q_e", "ser_s", "ser_e"))
    },
    **{name: st.integers(-400, 90_000).map(str) for name in ("vru_time", "q_time", "ser_time")},
}
ROWS = st.fixed_dictionaries({}, optional={**VALUES, "call_id": TEXT, "priority": TEXT}).map(
    lambda changes: line(**changes)
)
LINES = st.lists(ROWS | TEXT | st.sampled_from(["", "\t\t", line(), line(priority="0")]), max_size=20)


@given(LINES)
@settings(max_examples=60, deadline=None)
def test_every_line_is_counted_exactly_once(lines: list[str]) -> None:
    with TemporaryDirectory() as folder:
        path = history(Path(folder) / "a.txt", lines)
        with Rejects(Path(folder) / "rejects.csv") as rejects:
            summary = check_rows(order(path), inspect(path, bank().file), rejects)
    wanted = sum(bool(one) and not one.isspace() for one in lines)
    assert summary.rows == wanted
    assert summary.imported + summary.known + summary.conflicts + summary.rejected == wanted
    assert summary.rejected == rejects.written
    assert sum(summary.outcomes.values()) == sum(summary.tenants.values()) == wanted - summary.rejected


@given(ROWS)
@settings(max_examples=200, deadline=None)
def test_what_is_not_refused_is_a_record_without_contradiction(row: str) -> None:
    try:
        found = RowParser(bank(), alias_key=KEY).draft(row.split("\t"))
    except Refused:
        return
    record = record_of(found, _names(), recorded_at=RECORDED)
    assert problems(record) == []
    hash_at = Packer(_names()).row(found, 0).find(fingerprint(record).encode())
    assert hash_at > 0


def _names() -> Names:
    return Names(SPACE, "anonymous-bank", _Ids(), _Ids())


class _Ids(dict[str, UUID]):
    def __missing__(self, name: str) -> UUID:
        return uuid5(SPACE, name)


def _record(found: Draft) -> Record:
    return record_of(found, _names(), recorded_at=RECORDED)


def test_packed_rows_are_framed_for_copy() -> None:
    payload = Packer(_names()).rows([draft(), draft(call_id="2")])
    assert payload.startswith(COPY_HEADER)
    assert payload.endswith(COPY_TRAILER)


def test_the_id_of_a_contact_is_its_own_for_ever_and_sorts_by_arrival() -> None:
    early = _record(draft()).contact_id
    assert early == _record(draft()).contact_id
    assert early.version == 7
    assert early != _record(draft(call_id="501")).contact_id
    later = _record(draft(vru_entry="9:00:05")).contact_id
    assert later > early


@pytest.mark.parametrize("name", ["call_id", "date"])
def test_the_external_id_does_not_depend_on_the_file(name: str) -> None:
    assert draft(**{name: USUAL[name]}).external_id == draft().external_id
