"""A generated call history in the published layout: 17 columns, tab separated, one row a call."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from crewline_reporting.generator.chance import Chance
from crewline_reporting.generator.patterns import HALF_HOURS, LineOfWork, Patterns, measured
from crewline_reporting.generator.simulation import HALF_HOUR_S, Caller, simulate

HEADER = (
    "vru+line\tcall_id\tcustomer_id\tpriority\ttype\tdate\tvru_entry\tvru_exit\tvru_time\tq_start\tq_exit\tq_time\t"
    "outcome\tser_start\tser_exit\tser_time\tserver"
)
OWN_POOL_TYPE, OWN_POOL_MONTH = "IN", 8
_DAY_S = 86_400
_CUSTOMERS = 40_000
_LINES_PER_MACHINE = 16
_BRIEF_S = 4
_SHIFTS = 2.8
_NO_TIME = "0:00:00"
_LONGEST_SERVICE_S = 4 * 3600


@dataclass(frozen=True, slots=True)
class HistoryOrder:
    """`scale` multiplies calls and agents; the same order gives the same rows."""

    first_month: date
    months: int
    seed: int
    scale: float = 1.0

    def days(self) -> Iterator[date]:
        day = self.first_month.replace(day=1)
        month = day.year * 12 + day.month - 1 + self.months
        end = date(month // 12, month % 12 + 1, 1)
        while day < end:
            yield day
            day += timedelta(days=1)


def lines(order: HistoryOrder, patterns: Patterns | None = None) -> Iterator[str]:
    """The lines of the file, the header first, without line ends."""
    yield HEADER
    shapes = patterns or measured()
    desk = _Switchboard(order, shapes)
    for day in order.days():
        yield from desk.day(day)


class _Switchboard:
    """Gives each call a line of an answering machine and a number on it, and writes its row."""

    def __init__(self, order: HistoryOrder, patterns: Patterns) -> None:
        self._order = order
        self._patterns = patterns
        self._numbers: list[int] = []
        self._free_at: list[int] = []
        self._next = 0

    def day(self, day: date) -> Iterator[str]:
        chance = Chance(f"{self._order.seed} {self._order.scale!r} {day.isoformat()}")
        callers = _callers(chance, day, self._order.scale, self._patterns)
        own = [caller for caller in callers if _has_own_pool(caller, day)]
        shared = [caller for caller in callers if not _has_own_pool(caller, day)]
        scale = self._order.scale * self._patterns.presence
        simulate(shared, _staff(chance, self._patterns.staff[day.weekday()], scale))
        simulate(own, _staff(chance, self._patterns.own_staff[day.weekday()], scale))
        self._free_at = [at - _DAY_S for at in self._free_at]
        for caller in callers:
            yield self._row(chance, day, caller)

    def _line(self, caller: Caller, free_at: int) -> tuple[str, int]:
        """A free line, taken in turn, and the call's number on it."""
        for step in range(len(self._free_at)):
            line = (self._next + step) % len(self._free_at)
            if self._free_at[line] < caller.entered_at:
                break
        else:
            line = len(self._free_at)
            self._free_at.append(0)
            self._numbers.append(10_000 + 1_000 * (line % 30))
        self._next = line + 1
        self._free_at[line] = free_at
        self._numbers[line] += 1
        machine, place = divmod(line, _LINES_PER_MACHINE)
        return f"AA{machine + 1:02d}{place + 1:02d}", self._numbers[line]

    def _server(self, seat: int, day: date, own_pool: bool) -> str:
        """Seats are taken in turn by a roster of some three shifts."""
        staff = self._patterns.own_staff if own_pool else self._patterns.staff
        roster = int(max(map(max, staff)) * self._order.scale * _SHIFTS) + 1
        server = (seat + day.toordinal() * 5) % roster + 1
        return f"Z2SERVER{server:02d}" if own_pool else f"SERVER{server:02d}"

    def _row(self, chance: Chance, day: date, caller: Caller) -> str:
        quirks = self._patterns.quirks
        menu_s = -20 - chance.below(60) if chance.happens(quirks.negative_menu) else caller.menu_s
        left_menu = caller.entered_at + menu_s
        waited = 0 if caller.ends_in_menu else caller.left_at - caller.queued_at
        outcome = _outcome(chance, caller, waited, quirks.phantom)
        start = service = 0
        if caller.served_at is not None:
            service = 0 if chance.happens(quirks.answered_without_service) else caller.service_s
            start = left_menu + waited - chance.happens(quirks.second_between)
        elif waited and chance.happens(quirks.abandoned_with_service):
            service = 3 + chance.below(60)
            start = left_menu + waited
        finished = start + service
        line, number = self._line(caller, max(left_menu + waited, finished) + 1)
        no_agent = caller.agent is None or chance.happens(quirks.answered_without_agent)
        fields = [
            line,
            str(number),
            _customer(chance, caller, quirks.damaged_customer),
            str(caller.priority),
            _type(chance, caller.type, quirks.stray_type, quirks.blank_before_type),
            f"{day:%y%m%d}",
            _clock(caller.entered_at),
            _clock(left_menu),
            str(menu_s),
            _clock(left_menu) if waited else _NO_TIME,
            _clock(left_menu + waited) if waited else _NO_TIME,
            str(waited),
            outcome,
            _clock(start) if start else _NO_TIME,
            _clock(finished) if start else _NO_TIME,
            str(service),
            "NO_SERVER" if no_agent else self._server(caller.agent or 0, day, _has_own_pool(caller, day)),
        ]
        if chance.happens(quirks.short_row):
            fields[3:5] = [f"{fields[3]}       {fields[4].strip()}"]
        return "\t".join(fields)


def _callers(chance: Chance, day: date, scale: float, patterns: Patterns) -> list[Caller]:
    volume = 2.718281828459045 ** (patterns.day_deviation * chance.normal() / 2)
    callers = []
    for name, work in patterns.lines_of_work.items():
        for slot, rate in enumerate(work.arrivals[day.weekday()]):
            for _ in range(chance.poisson(rate * scale * volume)):
                callers.append(_caller(chance, name, work, slot))
    callers.sort(key=lambda caller: caller.entered_at)
    return callers


def _caller(chance: Chance, name: str, work: LineOfWork, slot: int) -> Caller:
    known = chance.happens(work.identified)
    service = (
        _BRIEF_S - chance.below(_BRIEF_S) if chance.happens(work.brief_service) else chance.lognormal(work.service)
    )
    return Caller(
        type=name,
        entered_at=slot * HALF_HOUR_S + chance.below(HALF_HOUR_S),
        menu_s=max(1, round(chance.lognormal(work.menu))),
        customer=1_000_000 + 997 * chance.below(_CUSTOMERS) if known else 0,
        priority=chance.pick(work.priorities) if known else 0,
        patience_s=chance.weibull(work.patience) + 1,
        service_s=min(max(1, round(service)), _LONGEST_SERVICE_S),
        ends_in_menu=chance.happens(work.ended_in_menu),
    )


def _staff(chance: Chance, day: Sequence[float], scale: float) -> list[int]:
    """Whole agents per half-hour that average to the measured staffing."""
    return [int(day[slot] * scale + chance.unit()) for slot in range(HALF_HOURS)]


def _has_own_pool(caller: Caller, day: date) -> bool:
    return caller.type == OWN_POOL_TYPE and day.month >= OWN_POOL_MONTH


def _outcome(chance: Chance, caller: Caller, waited: int, phantom: float) -> str:
    if waited and chance.happens(phantom * 2):
        return "PHANTOM"
    return "AGENT" if caller.served_at is not None else "HANG"


def _customer(chance: Chance, caller: Caller, damaged: float) -> str:
    return "3.27E+11" if chance.happens(damaged) else str(caller.customer)


def _type(chance: Chance, name: str, stray: float, blank: float) -> str:
    if chance.happens(stray):
        return "AA"
    return f" {name}" if chance.happens(blank) else name


def _clock(second: int) -> str:
    """h:mm:ss without a leading zero, as the layout has it; times after midnight begin again at zero."""
    minutes, seconds = divmod(second % _DAY_S, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"
