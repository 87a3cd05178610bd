"""One pool of agents and its queue for one day: first come first served inside a priority, callers who give up."""

import heapq
from collections.abc import Sequence

import msgspec

HALF_HOUR_S = 1800
_DAY_S = 48 * HALF_HOUR_S


class Caller(msgspec.Struct):
    """Seconds since midnight. The simulation fills in the end of the wait: `served_at` and `agent`, or neither.

    `left_at` is when the wait ended, either way.
    """

    type: str
    entered_at: int
    menu_s: int
    customer: int
    priority: int
    patience_s: float
    service_s: int
    ends_in_menu: bool
    served_at: int | None = None
    agent: int | None = None
    left_at: int = 0

    @property
    def queued_at(self) -> int:
        return self.entered_at + self.menu_s


def simulate(callers: Sequence[Caller], staff: Sequence[int]) -> None:
    """Decide every caller who reaches the queue. `staff` are agents at work per half-hour."""
    pool = _Pool(staff)
    events: list[tuple[int, int, Caller | None]] = [
        (caller.queued_at, number, caller) for number, caller in enumerate(callers) if not caller.ends_in_menu
    ]
    events += [(slot * HALF_HOUR_S, -1, None) for slot in range(len(staff))]
    events.sort(key=lambda event: event[:2])
    for at, _, caller in events:
        pool.pass_time(at)
        if caller is not None:
            pool.queue(caller)
        pool.serve(at)
    pool.pass_time(2 * _DAY_S)
    pool.drain()


class _Pool:
    """Idle agents by how long they are idle; busy ones by when they finish; whoever is over the staff goes home."""

    def __init__(self, staff: Sequence[int]) -> None:
        self._staff = staff
        self._waiting: list[tuple[int, int, int, Caller]] = []
        self._busy: list[tuple[int, int]] = []
        self._idle: list[tuple[int, int]] = [(0, agent) for agent in range(max(staff, default=0))]
        self._arrivals = 0

    def queue(self, caller: Caller) -> None:
        self._arrivals += 1
        heapq.heappush(self._waiting, (-caller.priority, caller.queued_at, self._arrivals, caller))

    def pass_time(self, until: int) -> None:
        while self._busy and self._busy[0][0] <= until:
            at, agent = heapq.heappop(self._busy)
            heapq.heappush(self._idle, (at, agent))
            self.serve(at)

    def serve(self, at: int) -> None:
        on_duty = self._staff[min(at // HALF_HOUR_S, len(self._staff) - 1)]
        while self._waiting:
            caller = self._waiting[0][3]
            gives_up_at = caller.queued_at + round(caller.patience_s)
            if gives_up_at <= at and at > caller.queued_at:
                heapq.heappop(self._waiting)
                caller.left_at = gives_up_at
                continue
            agent = self._next_agent(on_duty)
            if agent is None:
                return
            heapq.heappop(self._waiting)
            caller.served_at = caller.left_at = at
            caller.agent = agent
            heapq.heappush(self._busy, (at + max(caller.service_s, 1), agent))

    def drain(self) -> None:
        for _, _, _, caller in self._waiting:
            caller.left_at = caller.queued_at + round(caller.patience_s)
        self._waiting.clear()

    def _next_agent(self, on_duty: int) -> int | None:
        away = []
        found = None
        while self._idle:
            since, agent = heapq.heappop(self._idle)
            if agent < on_duty:
                found = agent
                break
            away.append((since, agent))
        for one in away:
            heapq.heappush(self._idle, one)
        return found
