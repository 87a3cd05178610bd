"""What the floor shows of a board: order, words and sums. Pure."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crewline_floor.agents.service_pool import Activity
from crewline_floor.board.model import FloorBoard, PoolBoard, QueueLine, QueueToday, TenantLine
from crewline_web.floor.view import SHOWN_AGENTS, TenantName, Wanted, floor_view

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ASTER = UUID(int=1)
NAMES = {ASTER: TenantName("Aster", 1)}


def queue(number: int = 1, *, waited_s: int | None = None, in_time: int = 9, answered: int = 10) -> QueueLine:
    return QueueLine(
        id=UUID(int=100 + number),
        tenant_id=ASTER,
        name=f"Queue {number}",
        waiting=0 if waited_s is None else 1,
        oldest_at=None if waited_s is None else NOW - timedelta(seconds=waited_s),
        threshold_ms=20_000,
        target=0.8,
        today=QueueToday(offered=answered, answered=answered, in_time=in_time),
    )


def seats(used: int, floor: int, waiting: int = 0) -> TenantLine:
    return TenantLine(id=ASTER, name="Aster", colour=1, share=1, floor=floor, cap=None, seats=used, waiting=waiting)


def agent(number: int, state: str = "talking", minutes: int = 1) -> Activity:
    return Activity(
        id=UUID(int=1000 + number),
        alias=f"Agent {number}",
        simulated=True,
        state=state,
        reason=None,
        since=NOW - timedelta(minutes=minutes),
        tenant_id=ASTER if state == "talking" else None,
    )


def board(
    queues: list[QueueLine] | None = None,
    tenants: list[TenantLine] | None = None,
    agents: list[Activity] | None = None,
    number: int = 1,
) -> FloorBoard:
    made = PoolBoard(
        id=UUID(int=number),
        name=f"Pool {number}",
        at=NOW - timedelta(seconds=2),
        members=50,
        tenants=tenants or [],
        queues=queues or [],
        agents=agents or [],
    )
    return FloorBoard(at=made.at, pools=[made])


@pytest.mark.parametrize(
    ("line", "kind", "word"),
    [
        (queue(waited_s=20), "risk", "Waiting"),
        (queue(waited_s=21), "miss", "Waits too long"),
        (queue(in_time=7), "miss", "Below target"),
        (queue(in_time=8), "risk", "At risk"),
        (queue(in_time=9), "ok", "On target"),
        (queue(in_time=0, answered=0), "info", "No contacts"),
    ],
)
def test_a_queue_has_a_word_and_a_shape(line: QueueLine, kind: str, word: str) -> None:
    (row,) = floor_view(board([line]), NAMES, Wanted(), NOW).queues
    assert row.state == (kind, word)


@pytest.mark.parametrize(
    ("line", "state"),
    [
        (seats(1, 3, waiting=2), ("risk", "2 short")),
        (seats(1, 3), ("info", "lends 2")),
        (seats(5, 3), ("ok", "borrows 2")),
        (seats(3, 3, waiting=4), ("ok", "even")),
        (seats(3, 0), ("info", "no floor")),
    ],
)
def test_seats_are_short_lent_borrowed_or_even(line: TenantLine, state: tuple[str, str]) -> None:
    (pool,) = floor_view(board(tenants=[line]), NAMES, Wanted(), NOW).pools
    assert pool.seats[0].state == state


@given(st.lists(st.one_of(st.none(), st.integers(0, 600)), max_size=8))
def test_the_longest_wait_is_the_longest_and_sums_are_sums(waits: list[int | None]) -> None:
    floor = floor_view(board([queue(n, waited_s=wait) for n, wait in enumerate(waits)]), NAMES, Wanted(), NOW)
    known = [wait for wait in waits if wait is not None]
    assert floor.waiting == len(known)
    assert (floor.longest.longest_ms if floor.longest else None) == (max(known) * 1000 if known else None)
    assert floor.offered == 10 * len(waits)


def test_an_agent_of_two_pools_counts_once_and_long_lists_are_cut() -> None:
    crew = [agent(n, minutes=n) for n in range(SHOWN_AGENTS + 4)]
    both = FloorBoard(at=NOW, pools=[*board(agents=crew).pools, *board(agents=crew[:3], number=2).pools])
    floor = floor_view(both, NAMES, Wanted(), NOW)
    (group,) = floor.groups
    assert (floor.talking, group.count, len(group.shown)) == (len(crew), len(crew), SHOWN_AGENTS)
    assert group.shown[0].alias == f"Agent {len(crew) - 1}"
    assert group.shown[0].long
    assert len(floor_view(both, NAMES, Wanted(every_agent=True), NOW).groups[0].shown) == len(crew)


def test_alerts_name_queue_tenant_and_agent_and_the_worst_comes_first() -> None:
    made = board([queue(waited_s=90)], [seats(0, 2, waiting=1)], [agent(1, minutes=14), agent(2, "paused", minutes=25)])
    texts = [alert.state[1] for alert in floor_view(made, NAMES, Wanted(), NOW).alerts]
    assert texts == [
        "Queue 1: waits too long",
        "Aster is under its floor",
        "Agent 2: paused for 25 min",
        "Agent 1: 14 min on one contact",
    ]


def test_before_the_first_board_nothing_is_known() -> None:
    floor = floor_view(FloorBoard(at=None, pools=[]), NAMES, Wanted(), NOW)
    assert (floor.age_ms, floor.level, floor.longest) == (None, None, None)
