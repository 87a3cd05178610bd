"""Measure the patterns of published months: python -m crewline_reporting.generator.measure FILE… > patterns.json

Run once; its output is what the product ships. Only averages, shares and fitted parameters leave this script.
"""

import gzip
import math
import statistics
import sys
from collections import Counter, defaultdict
from datetime import date, datetime
from pathlib import Path

import msgspec

from crewline_reporting.generator.history import HistoryOrder, lines
from crewline_reporting.generator.patterns import (
    HALF_HOURS,
    WEEKDAYS,
    LineOfWork,
    Lognormal,
    Patterns,
    Quirks,
    Weibull,
)

TYPES = ("PS", "PE", "NE", "NW", "IN", "TT")
OWN_POOL_TYPE, OWN_POOL_MONTH, OWN_SERVERS = "IN", 8, "Z2"
BRIEF_S = 5
_CALIBRATION_STEPS = 9
_WIDTH = 17
_HALF_HOUR_S = 1800


class Call(msgspec.Struct):
    """The fields of a row that patterns are made of."""

    day: date
    type: str
    customer: str
    priority: int
    entry_s: int
    menu_s: int
    wait_s: int
    outcome: str
    queued: bool
    service_start_s: int
    service_s: int
    server: str
    gap_s: int

    @property
    def half_hour(self) -> int:
        return self.entry_s // _HALF_HOUR_S


def measure(rows: list[list[str]]) -> Patterns:
    calls = [_call(row) for row in rows if len(row) == _WIDTH]
    days = Counter(day.weekday() for day in {call.day for call in calls})
    by_type: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        by_type[call.type.strip()].append(call)
    own = [call for call in calls if call.day.month >= OWN_POOL_MONTH]
    return Patterns(
        lines_of_work={name: _line_of_work(by_type[name], days) for name in TYPES},
        staff=_staff([call for call in calls if not call.server.startswith(OWN_SERVERS)]),
        own_staff=_staff([call for call in own if call.server.startswith(OWN_SERVERS)]),
        day_deviation=_day_deviation(calls),
        abandoned=_abandoned(calls),
        presence=1.0,
        quirks=_quirks(rows, calls),
    )


def _call(row: list[str]) -> Call:
    entry, leave, queued, left, start = (_seconds(row[place]) for place in (6, 7, 9, 10, 13))
    return Call(
        day=datetime.strptime(row[5], "%y%m%d").date(),  # noqa: DTZ007 - a local date
        type=row[4],
        customer=row[2],
        priority=int(row[3]),
        entry_s=entry,
        menu_s=int(row[8]),
        wait_s=int(row[11]),
        outcome=row[12],
        queued=queued > 0,
        service_start_s=start,
        service_s=int(row[15]),
        server=row[16],
        gap_s=(left if queued else leave) - start,
    )


def _seconds(text: str) -> int:
    hours, minutes, seconds = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds)


def _line_of_work(calls: list[Call], days: Counter[int]) -> LineOfWork:
    arrivals = [[0.0] * HALF_HOURS for _ in range(WEEKDAYS)]
    for call in calls:
        arrivals[call.day.weekday()][call.half_hour] += 1 / days[call.day.weekday()]
    known = [call for call in calls if call.customer != "0"]
    served = [call for call in calls if call.outcome == "AGENT" and call.service_s > 0]
    left = [call for call in calls if call.outcome == "HANG"]
    return LineOfWork(
        arrivals=[[round(rate, 2) for rate in day] for day in arrivals],
        identified=_share(len(known), len(calls)),
        priorities=[_share(sum(call.priority == one for call in known), len(known)) for one in (0, 1, 2)],
        menu=_lognormal([call.menu_s for call in calls]),
        ended_in_menu=_share(sum(call.wait_s == 0 for call in left), len(calls)),
        service=_lognormal([call.service_s for call in served if call.service_s >= BRIEF_S]),
        brief_service=_share(sum(call.service_s < BRIEF_S for call in served), len(served)),
        patience=_patience(calls),
    )


def _patience(calls: list[Call]) -> Weibull:
    """The likeliest Weibull; the waits of those who were answered say only that patience was longer."""
    waits = [float(call.wait_s) for call in calls if call.wait_s > 0]
    given_up = [float(call.wait_s) for call in calls if call.wait_s > 0 and call.outcome == "HANG"]
    logs = sum(map(math.log, given_up))

    def likelihood(shape: float) -> float:
        spread = sum(wait**shape for wait in waits) / len(given_up)
        return len(given_up) * (math.log(shape) - math.log(spread)) + (shape - 1) * logs

    shape = max((step / 100 for step in range(30, 151)), key=likelihood)
    scale = (sum(wait**shape for wait in waits) / len(given_up)) ** (1 / shape)
    return Weibull(round(shape, 2), round(scale, 1))


def _calibrated(patterns: Patterns) -> Patterns:
    """Halve the span of `presence` until simulated callers give up as often as the measured ones."""
    low, high = 0.5, 1.2
    for _ in range(_CALIBRATION_STEPS):
        middle = (low + high) / 2
        if _given_up(msgspec.structs.replace(patterns, presence=middle)) > patterns.abandoned:
            low = middle
        else:
            high = middle
    return msgspec.structs.replace(patterns, presence=round((low + high) / 2, 3))


def _given_up(patterns: Patterns) -> float:
    order = HistoryOrder(date(1999, 2, 1), months=1, seed=0)
    rows = [line.split("\t") for line in lines(order, patterns)][1:]
    return _abandoned([_call(row) for row in rows if len(row) == _WIDTH])


def _abandoned(calls: list[Call]) -> float:
    given_up = sum(call.outcome == "HANG" and call.wait_s > 0 for call in calls)
    return _share(given_up, given_up + sum(call.outcome == "AGENT" for call in calls))


def _staff(calls: list[Call]) -> list[list[float]]:
    """Different servers at work per half-hour, averaged over the days of a weekday."""
    seen: dict[tuple[date, int], set[str]] = defaultdict(set)
    for call in calls:
        if call.service_s > 0 and call.server != "NO_SERVER":
            seen[call.day, call.service_start_s // _HALF_HOUR_S].add(call.server)
    days = {call.day for call in calls}
    table = []
    for weekday in range(WEEKDAYS):
        of_weekday = [day for day in days if day.weekday() == weekday]
        table.append(
            [
                round(sum(len(seen[day, slot]) for day in of_weekday) / max(len(of_weekday), 1), 2)
                for slot in range(HALF_HOURS)
            ]
        )
    return table


def _day_deviation(calls: list[Call]) -> float:
    """How far the volumes of days stray from their weekday's mean (standard deviation of the logarithm)."""
    volumes = Counter(call.day for call in calls)
    strays = []
    for weekday in range(WEEKDAYS):
        of_weekday = [math.log(volume) for day, volume in volumes.items() if day.weekday() == weekday]
        middle = statistics.median(of_weekday)
        strays += [abs(value - middle) for value in of_weekday]
    return round(1.4826 * statistics.median(strays), 3)


def _quirks(rows: list[list[str]], calls: list[Call]) -> Quirks:
    answered = [call for call in calls if call.outcome == "AGENT"]
    left = [call for call in calls if call.outcome == "HANG" and call.wait_s > 0]
    with_start = [call for call in answered if call.service_start_s > 0]
    return Quirks(
        phantom=_share(sum(call.outcome == "PHANTOM" for call in calls), len(calls)),
        negative_menu=_share(sum(call.menu_s < 0 for call in calls), len(calls)),
        damaged_customer=_share(sum("E+" in call.customer for call in calls), len(calls)),
        stray_type=_share(sum(call.type.strip() not in TYPES for call in calls), len(calls)),
        blank_before_type=_share(sum(call.type.startswith(" ") for call in calls), len(calls)),
        short_row=_share(sum(len(row) != _WIDTH for row in rows), len(rows)),
        answered_without_agent=_share(sum(call.server == "NO_SERVER" for call in answered), len(answered)),
        answered_without_service=_share(sum(call.service_s == 0 for call in answered), len(answered)),
        abandoned_with_service=_share(sum(call.service_s > 0 for call in left), len(left)),
        second_between=_share(sum(call.gap_s == 1 for call in with_start), len(with_start)),
    )


def _lognormal(seconds: list[int]) -> Lognormal:
    logs = [math.log(value) for value in seconds if value > 0]
    return Lognormal(round(statistics.fmean(logs), 4), round(statistics.pstdev(logs), 4))


def _share(part: int, whole: int) -> float:
    return round(part / whole, 6) if whole else 0.0


def main() -> None:
    rows = [
        line.rstrip("\r\n").split("\t")
        for name in sys.argv[1:]
        for line in gzip.decompress(Path(name).read_bytes()).decode().splitlines()[1:]
        if line.strip()
    ]
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(_calibrated(measure(rows))), indent=0).decode() + "\n")


if __name__ == "__main__":
    main()
