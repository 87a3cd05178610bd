"""The mapping language: what it can say of other centres' files, and errors that name the key."""

from datetime import UTC, datetime

import pytest

from crewline_app.commands.imports import mapping_text
from crewline_infra.errors import Invalid
from crewline_reporting.imports.fields import Refused
from crewline_reporting.imports.mapping import load_mapping
from crewline_reporting.imports.rules import Draft, RowParser

OTHER_CENTRE = """
version = 1
source = "acd"

[file]
delimiter = ";"
encoding = "windows-1252"
header = false
columns = ["Id", "Line", "Start", "Answer", "End", "Agent", "Held", "Result"]

[external_id]
columns = ["Id"]

[time]
zone = "Europe/Berlin"
ambiguous = "later"
missing = "reject"

[times.start]
column = "Start"
kind = "local"
format = "%d.%m.%Y %H:%M:%S"
[times.answer]
column = "Answer"
kind = "epoch_s"
none = ["0"]
[times.end]
column = "End"
kind = "iso"

[[outcome]]
result = "answered"
when = { Result = ["ok", "transferred"] }
[[outcome]]
result = "flowed_out"
when = { Result = { starts_with = "overflow" } }
[[outcome]]
result = "abandoned"

[instants]
arrived_at = { first_of = ["start"] }
queued_at = { first_of = ["start"] }
answered_at = { first_of = ["answer"], only = ["answered"] }
ended_at = { last_of = ["start", "answer", "end"] }

[durations]
wait_ms = { between = ["start", "answer"], only = ["answered"], negative = "absolute" }
talk_ms = { between = ["answer", "end"], only = ["answered"] }
hold_ms = { column = "Held", unit = "h:mm:ss" }

[queue]
column = "Line"

[agent]
column = "Agent"
names = "keep"
"""


def other(*fields: str) -> Draft:
    return RowParser(load_mapping(OTHER_CENTRE, "acd.toml"), alias_key=b"k", tenant="aster").draft(list(fields))


def ms(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp() * 1000)  # type: ignore[arg-type,misc]  # a date in pieces


def test_columns_by_position_and_complete_times_of_three_kinds() -> None:
    answered = ms(2026, 3, 2, 8, 0, 10) // 1000
    found = other(
        "7", "Sales", "02.03.2026 09:00:00", str(answered), "2026-03-02T09:05:10+01:00", "Ann", "0:01:05", "ok"
    )
    assert (found.tenant, found.queue, found.agent) == ("aster", "Sales", "Ann")
    assert found.arrived_ms == ms(2026, 3, 2, 8, 0, 0)
    assert found.ended_ms == ms(2026, 3, 2, 8, 5, 10)
    assert found.durations_ms == (0, 10_000, 0, 300_000, 65_000, 0)


def test_none_values_prefixes_and_the_rule_of_last_resort() -> None:
    end = "2026-03-02T08:00:30Z"
    gone = other("8", "Sales", "02.03.2026 09:00:00", "0", end, "", "", "bye")
    assert (gone.outcome, gone.answered_ms) == ("abandoned", None)
    assert other("9", "Sales", "02.03.2026 09:00:00", "0", end, "", "", "overflow:B").outcome == "flowed_out"


def test_clock_changes_follow_the_stated_policy() -> None:
    later = other("1", "S", "25.10.2026 02:30:00", "0", "2026-10-25T03:00:00Z", "", "", "bye")
    assert later.arrived_ms == ms(2026, 10, 25, 1, 30, 0)
    with pytest.raises(Refused, match="missing"):
        other("1", "S", "29.03.2026 02:30:00", "0", "2026-03-29T03:00:00Z", "", "", "bye")


def test_an_answered_row_without_its_answer_is_refused() -> None:
    with pytest.raises(Refused, match="needs answered_at"):
        other("1", "S", "02.03.2026 09:00:00", "0", "2026-03-02T09:00:00Z", "", "", "ok")


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('delimiter = ";"', 'delimiter = ";;"', "file.delimiter"),
        ('encoding = "windows-1252"', 'encoding = "klingon"', "file.encoding"),
        ('"Held", "Result"]', '"Held", "Held"]', "file.columns"),
        ('columns = ["Id"]', 'columns = ["Nr"]', "external_id.columns"),
        ('first_of = ["answer"]', 'first_of = ["reply"]', "instants.answered_at"),
        ('unit = "h:mm:ss"', 'unit = "fortnights"', "durations"),
        ("ended_at = {", "offered_at = {", "instants.ended_at"),
        ('result = "flowed_out"', 'result = "excluded"', "outcome[1].exclusion"),
        ('names = "keep"', 'nicknames = "keep"', "agent"),
        ("version = 1", "version = 2", "version"),
        ('kind = "iso"', 'kind = "time_of_day"', "time.date_column"),
        ("[queue]", '[tenant]\nfixed = "Not A Slug"\n[queue]', "tenant"),
    ],
)
def test_an_error_names_the_file_and_the_key(old: str, new: str, key: str) -> None:
    assert old in OTHER_CENTRE
    with pytest.raises(Invalid) as problem:
        load_mapping(OTHER_CENTRE.replace(old, new, 1), "acd.toml")
    assert problem.value.message.startswith("acd.toml")
    assert key in problem.value.message


def test_text_that_is_no_toml() -> None:
    with pytest.raises(Invalid, match=r"^notes\.txt is no TOML"):
        load_mapping("hello", "notes.txt")


def test_the_shipped_mapping_is_found_by_its_name() -> None:
    assert load_mapping(mapping_text("anonymous_bank"), "x").source == "anonymous-bank"
    with pytest.raises(Invalid, match="cannot be read"):
        mapping_text("no_such_mapping")
