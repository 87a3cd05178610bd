"""Each quirk of the published layout on invented rows, with instants worked out by hand."""

from datetime import UTC, datetime, timedelta

import pytest

from crewline_reporting.imports.fields import Refused
from tests.reporting.imports.rows import NO_QUEUE, NO_SERVICE, draft, fields, flags


def at(text: str) -> int:
    """Milliseconds of an instant written in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def test_an_answered_call() -> None:
    found = draft()
    assert (found.tenant, found.queue, found.outcome) == ("ps", "Regular banking", "answered")
    assert found.external_id == "AA0101-500-990315-9:00:00"
    # 15 March 1999 is winter time in Jerusalem: two hours ahead of UTC
    assert found.arrived_ms == at("1999-03-15T07:00:00")
    assert found.queued_ms == at("1999-03-15T07:00:08")
    assert found.answered_ms == at("1999-03-15T07:00:50")
    assert found.ended_ms == at("1999-03-15T07:03:00")
    assert found.durations_ms == (8_000, 42_000, 0, 130_000, 0, 0)
    assert found.customer_ref == "7000001"
    assert found.priority == 1
    assert found.flags == ()


def test_a_call_that_never_queued_is_queued_as_it_leaves_the_menu() -> None:
    found = draft(**NO_QUEUE, ser_start="9:00:07", ser_exit="9:02:00", ser_time="113")
    assert found.queued_ms == at("1999-03-15T07:00:08")
    assert found.answered_ms == at("1999-03-15T07:00:07")
    assert found.durations_ms[1] == 0
    assert found.flags == ()  # one second back is how the two clocks of this centre differ


def test_hanging_up_in_the_queue_is_abandoned() -> None:
    found = draft(outcome="HANG", **NO_SERVICE)
    assert found.outcome == "abandoned"
    assert found.durations_ms[1] == 42_000
    assert (found.agent, found.answered_ms) == (None, None)
    assert found.ended_ms == at("1999-03-15T07:00:50")


def test_hanging_up_in_the_menu_never_queued() -> None:
    found = draft(outcome="HANG", **NO_QUEUE, **NO_SERVICE)
    assert (found.outcome, found.queued_ms) == ("menu_ended", None)
    assert found.ended_ms == at("1999-03-15T07:00:08")


def test_entering_the_queue_and_leaving_in_the_same_second() -> None:
    found = draft(outcome="HANG", q_start="9:00:08", q_exit="9:00:08", q_time="0", **NO_SERVICE)
    assert found.outcome == "menu_ended"
    assert "queue_left_without_waiting" in flags(found)


def test_a_phantom_is_excluded_and_its_service_is_kept_as_a_flag() -> None:
    found = draft(outcome="PHANTOM")
    assert (found.outcome, found.exclusion) == ("excluded", "phantom")
    assert found.durations_ms[3] == 0
    assert flags(found)["phantom_service_s"] == "130"


def test_service_after_hanging_up_is_no_talk_time() -> None:
    found = draft(outcome="HANG", server="NO_SERVER")
    assert (found.outcome, found.durations_ms[3]) == ("abandoned", 0)
    assert flags(found)["service_after_hang_up_s"] == "130"


def test_answered_without_service_or_agent() -> None:
    found = draft(**NO_SERVICE)
    assert found.outcome == "answered"
    assert found.answered_ms == at("1999-03-15T07:00:50")  # the end of the queue stands in
    assert (found.agent, found.durations_ms[3]) == (None, 0)
    assert set(flags(found)) == {"answered_without_agent", "answered_without_service_time"}


def test_a_negative_menu_time_counts_as_none() -> None:
    found = draft(vru_exit="8:59:20", vru_time="-40", q_start="8:59:20", q_exit="9:00:50", q_time="90")
    assert found.durations_ms[0] == 0
    assert flags(found)["negative_menu_ms"] == "-40000"
    assert "times_out_of_order" in flags(found)
    assert found.arrived_ms == at("1999-03-15T07:00:00")


def test_other_negative_durations_count_as_none_too() -> None:
    found = draft(q_time="-5", ser_time="-7")
    assert found.durations_ms[1:4] == (0, 0, 0)
    assert flags(found).keys() >= {"negative_wait_ms", "negative_talk_ms"}


def test_service_past_midnight_ends_on_the_next_day() -> None:
    found = draft(
        vru_entry="23:58:00", vru_exit="23:58:10", q_start="23:58:10", q_exit="23:59:30", q_time="80",
        ser_start="23:59:29", ser_exit="0:03:00", ser_time="211",
    )  # fmt: skip
    assert found.arrived_ms == at("1999-03-15T21:58:00")
    assert found.ended_ms == at("1999-03-15T22:03:00")
    assert "past_midnight" in flags(found)


def test_a_wait_past_midnight_then_a_service_that_began_a_second_before_it() -> None:
    found = draft(
        vru_entry="23:59:00", vru_exit="23:59:10", q_start="23:59:10", q_exit="0:00:00", q_time="50",
        ser_start="23:59:59", ser_exit="0:01:00", ser_time="61",
    )  # fmt: skip
    assert found.answered_ms == at("1999-03-15T21:59:59")
    assert found.ended_ms == at("1999-03-15T22:01:00")


def test_zero_is_midnight_when_the_duration_says_so() -> None:
    found = draft(
        **NO_QUEUE, vru_entry="23:50:00", vru_exit="23:50:10",
        ser_start="23:50:10", ser_exit="0:00:00", ser_time="590",
    )  # fmt: skip
    assert found.ended_ms == at("1999-03-15T22:00:00")


def test_a_type_with_a_blank_before_it() -> None:
    assert draft(type=" TT").tenant == "tt"


def test_an_unknown_type_goes_to_nobodys_client() -> None:
    found = draft(type="AA")
    assert (found.tenant, found.queue) == ("unassigned", "Unassigned calls")
    assert flags(found)["unknown_tenant_value"] == "AA"


def test_a_row_that_lost_a_tab_is_repaired() -> None:
    row = fields(type="TT", priority="0")
    row[3:5] = ["0       TT"]
    found = draft(row)
    assert (found.tenant, found.priority) == ("tt", 0)
    assert "repaired_row" in flags(found)


def test_tabs_too_many_at_the_end_are_dropped() -> None:
    assert draft([*fields(), "", " "]).external_id == draft().external_id


@pytest.mark.parametrize("row", [fields()[:15], [*fields(), "more"], ["AA0101"]])
def test_a_row_beyond_repair_is_refused(row: list[str]) -> None:
    with pytest.raises(Refused, match=f"the row has {len(row)} fields, not 17"):
        draft(row)


@pytest.mark.parametrize("damaged", ["3.27E+11", "6.02112E+11", "3e+5"])
def test_a_damaged_customer_names_nobody(damaged: str) -> None:
    found = draft(customer_id=damaged)
    assert found.customer_ref is None
    assert flags(found)["damaged_customer_ref"] == damaged


def test_nobody_identified() -> None:
    assert draft(customer_id="0").customer_ref is None


def test_servers_are_pseudonyms_in_two_pools() -> None:
    one, other = draft(server="DALIA"), draft(server="Z2DALIA")
    assert (one.pool, other.pool) == ("Shared pool", "Internet pool")
    assert one.agent != other.agent
    assert one.agent == draft(server="DALIA", call_id="501").agent
    assert "DALIA" not in str(one)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"date": "991332"}, "no date of the form"),
        ({"vru_entry": "9:61:00"}, "no time of day"),
        ({"vru_entry": ""}, "there is no arrived_at"),
        ({"outcome": "LOST"}, "no outcome rule"),
        ({"q_time": "soon"}, "no duration in s"),
        ({"q_time": "1e99"}, "no duration in s"),
        ({"ser_time": "nan"}, "no duration in s"),
        ({"line": "", "call_id": "", "date": "", "vru_entry": ""}, "no external id"),
    ],
)
def test_unusable_values_are_refused_with_a_reason(changes: dict[str, str], reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        draft(**changes)


def _spring(entry: str, leave: str) -> tuple[int, dict[str, str]]:
    found = draft(outcome="HANG", **NO_QUEUE, **NO_SERVICE, date="990402", vru_entry=entry, vru_exit=leave)
    return found.ended_ms - found.arrived_ms, dict(flags(found))


def test_clocks_go_forward_on_2_april() -> None:
    """At 02:00 the clocks showed 03:00: from 1:59:30 to 3:00:10 are forty seconds."""
    assert _spring("1:59:30", "3:00:10") == (40_000, {})


def test_a_time_that_never_was_lies_after_the_gap() -> None:
    elapsed, noted = _spring("1:59:30", "2:10:00")
    assert elapsed == timedelta(minutes=10, seconds=30) / timedelta(milliseconds=1)
    assert set(noted) == {"missing_local_time"}


def test_an_hour_that_comes_twice_is_its_first_coming() -> None:
    """3 September 1999: 02:00 summer time became 01:00 winter time, at 23:00 UTC of the 2nd."""
    found = draft(outcome="HANG", **NO_QUEUE, **NO_SERVICE, date="990903", vru_entry="1:30:00", vru_exit="1:30:08")
    assert found.arrived_ms == at("1999-09-02T22:30:00")
    assert set(flags(found)) == {"ambiguous_local_time"}


def test_a_call_across_the_repeated_hour_goes_on() -> None:
    """1:58 (first coming) to 1:05 can only be the second coming of 1:05."""
    found = draft(
        date="990903", **NO_QUEUE, vru_entry="1:57:50", vru_exit="1:58:00",
        ser_start="1:58:00", ser_exit="1:05:00", ser_time="420",
    )  # fmt: skip
    assert found.ended_ms - (found.answered_ms or 0) == 420_000
    assert found.ended_ms == at("1999-09-02T23:05:00")


def test_opening_hours_are_those_of_the_documentation() -> None:
    assert draft().in_hours  # a Monday at nine
    assert not draft(vru_entry="6:59:59").in_hours
    assert not draft(date="990319", vru_entry="14:00:00", vru_exit="14:00:08", q_start="14:00:08", q_exit="14:00:50",
                     ser_start="14:00:50", ser_exit="14:03:00").in_hours  # fmt: skip
