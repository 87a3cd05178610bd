"""One row of a file becomes a draft of a record, or a reason why not. Pure: the same row gives the same draft."""

import re
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter

import msgspec

from crewline_reporting.imports.conditions import Answers, Dispatch
from crewline_reporting.imports.fields import (
    Agents,
    Durations,
    Refused,
    Text,
    numbers_of,
    queue_of,
    tenant_of,
    text_of,
)
from crewline_reporting.imports.local_time import Unreadable
from crewline_reporting.imports.mapping import Mapping as Language
from crewline_reporting.imports.mapping import OutcomeRule, Repair, TextRule
from crewline_reporting.imports.timeline import ABSENT, OpeningHours, Timeline
from crewline_reporting.records.rules import CHANNELS, DIRECTIONS, OFFERED_OUTCOMES

REPAIRED = "repaired_row"
EXTERNAL_ID_CHARS_MAX = 300
INSTANTS = ("arrived_at", "queued_at", "offered_at", "answered_at", "ended_at", "wrapped_at")
_FIRST_MS = 0
_LAST_MS = 7_258_118_400_000  # the year 2200
_NO_INSTANTS = [ABSENT] * len(INSTANTS)
_PRECEDE_THE_END = INSTANTS[:4]


class Draft(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A record before its ids: instants are milliseconds since 1970 (UTC), tenant, queue and agent are names."""

    tenant: str
    external_id: str
    channel: str
    direction: str
    entry_point: str | None
    queue: str | None
    customer_ref: str | None
    agent: str | None
    pool: str | None
    priority: int
    outcome: str
    disposition: str | None
    arrived_ms: int
    queued_ms: int | None
    offered_ms: int | None
    answered_ms: int | None
    ended_ms: int
    wrapped_ms: int | None
    durations_ms: tuple[int, int, int, int, int, int]
    in_hours: bool
    exclusion: str | None
    flags: tuple[str, ...]


class RowParser:
    """A mapping made ready for rows.

    `alias_key` keys the pseudonyms: the same name gives the same alias under the same key. `columns` is the order of
    the file's fields (its header), where that differs from the mapping's.
    """

    def __init__(
        self,
        language: Language,
        *,
        alias_key: bytes,
        tenant: str | None = None,
        columns: Sequence[str] | None = None,
    ) -> None:
        order = list(columns or language.file.columns)
        self._width = len(order)
        order += [name for name in language.file.optional if name not in order]
        self._padding = [""] * (len(order) - self._width)
        position = {name: index for index, name in enumerate(order)}
        self._language = language
        self._repairs = language.repair
        self._trim = language.file.trim
        self._external_id = _joined(language, position)
        self._tenant = tenant_of(language.tenant, tenant, position)
        self._timeline = Timeline(language, position)
        self._hours = OpeningHours(language, self._timeline.clock)
        self._outcomes = Dispatch([(rule.when, rule) for rule in language.outcome], position)
        self._plans = {id(rule): _Plan(language, rule, self._timeline, position) for rule in language.outcome}
        self._channel = _one_of("channel", text_of(language.channel, position), CHANNELS, _fixed(language.channel))
        self._direction = _one_of(
            "direction", text_of(language.direction, position), DIRECTIONS, _fixed(language.direction)
        )
        self._queue = queue_of(language.queue, position)
        self._agents = Agents(language.agent, language.source, alias_key, position)
        self._priority = numbers_of(language.priority, position)
        self._entry_point = text_of(language.entry_point, position)
        self._customer = text_of(language.customer_ref, position, damaged_flag="damaged_customer_ref")
        self._disposition = text_of(language.disposition, position)
        noted = [(rule.when, (rule.name, position.get(rule.value_of or ""))) for rule in language.flag]
        self._flags = Dispatch(noted, position)

    def draft(self, fields: list[str], *, has_blanks: bool = True) -> Draft:
        """Raises `Refused` with the reason for the rejects file. Rows without any blank need no trimming."""
        flags: list[str] = []
        if has_blanks or self._padding or len(fields) != self._width:
            fields = self._tidied(fields, flags)
        tenant = self._tenant(fields, flags)
        external_id = self._external_id(fields)
        try:
            times = self._timeline.instants(fields, flags)
        except Unreadable as problem:
            raise Refused(str(problem)) from None
        rule = self._rule_of(fields)
        plan = self._plans[id(rule)]
        arrived, queued, offered, answered, ended, wrapped = plan.instants(times)
        if arrived < _FIRST_MS or max(arrived, queued, offered, answered) > ended or max(ended, wrapped) > _LAST_MS:
            raise Refused(_disorder(arrived, queued, offered, answered, ended))
        if (queued == ABSENT and plan.queued) or (answered == ABSENT) is plan.answered:
            raise Refused(_contradiction(rule.result, plan.queued and queued == ABSENT))
        durations = plan.durations(fields, times, flags)
        for holds, (flag, value) in self._flags.candidates(fields):
            if holds(fields):
                flags.append(flag if value is None else f"{flag}={fields[value]}")
        alias, pool = self._agents.of(fields, plan.agent)
        return Draft(
            tenant,
            external_id,
            self._channel(fields, flags),
            self._direction(fields, flags),
            self._entry_point(fields, flags),
            self._queue(fields),
            self._customer(fields, flags),
            alias,
            pool,
            self._priority(fields),
            rule.result,
            self._disposition(fields, flags),
            arrived,
            None if queued == ABSENT else queued,
            None if offered == ABSENT else offered,
            None if answered == ABSENT else answered,
            ended,
            None if wrapped == ABSENT else wrapped,
            durations,
            self._hours.hold(arrived),
            rule.exclusion,
            tuple(flags),
        )

    def _tidied(self, fields: list[str], flags: list[str]) -> list[str]:
        if len(fields) != self._width:
            fields = _repaired(fields, self._repairs, self._width)
            flags.append(REPAIRED)
        if self._trim:
            fields = [field.strip() for field in fields]
        return fields + self._padding if self._padding else fields

    def _rule_of(self, fields: Sequence[str]) -> OutcomeRule:
        for holds, rule in self._outcomes.candidates(fields):
            if holds(fields):
                return rule
        raise Refused("no outcome rule of the mapping fits this row")


class _Plan:
    """What one outcome takes from a row: which times become which instants, and which durations count."""

    def __init__(
        self,
        language: Language,
        rule: OutcomeRule,
        timeline: Timeline,
        position: Mapping[str, int],
    ) -> None:
        index = {name: place for place, name in enumerate(timeline.names)}
        self._given: list[tuple[int, Callable[[Sequence[int]], int]]] = []
        for place, name in enumerate(INSTANTS):
            source = language.instants.get(name)  # type: ignore[call-overload]  # INSTANTS are its keys
            if source is not None and (not source.only or rule.result in source.only):
                places = [index[one] for one in source.first_of or source.last_of]
                self._given.append((place, _picked(places, bool(source.first_of))))
        self.queued = rule.result in OFFERED_OUTCOMES
        self.answered = rule.result == "answered"
        self._durations = Durations(language.durations, rule.result, index, position)
        self.durations = self._durations.of
        only = language.agent.only if language.agent else []
        self.agent = not only or rule.result in only

    def instants(self, times: Sequence[int]) -> list[int]:
        found = _NO_INSTANTS.copy()
        for place, pick in self._given:
            found[place] = pick(times)
        return found


def _picked(places: Sequence[int], first: bool) -> Callable[[Sequence[int]], int]:
    """The first of several times that is there, or the last of all."""
    if len(places) == 1:
        return itemgetter(places[0])
    pick = itemgetter(*places)
    if not first:
        return lambda times: max(pick(times))

    def first_of(times: Sequence[int]) -> int:
        for at in pick(times):
            if at != ABSENT:
                return int(at)
        return ABSENT

    return first_of


def _disorder(arrived: int, queued: int, offered: int, answered: int, ended: int) -> str:
    if ABSENT in (arrived, ended):
        return f"there is no {'arrived_at' if arrived == ABSENT else 'ended_at'}"
    if arrived < _FIRST_MS or max(arrived, queued, offered, answered) <= ended:
        return "a time lies outside the years 1970 to 2199"
    late = zip(_PRECEDE_THE_END, (arrived, queued, offered, answered), strict=True)
    return f"{next(name for name, at in late if at > ended)} is after ended_at"


def _contradiction(outcome: str, lacks_queue: bool) -> str:
    if lacks_queue:
        return f"outcome {outcome} needs queued_at"
    return (
        "outcome answered needs answered_at" if outcome == "answered" else f"outcome {outcome} cannot have answered_at"
    )


def _joined(language: Language, position: Mapping[str, int]) -> Callable[[Sequence[str]], str]:
    columns = [position[column] for column in language.external_id.columns]
    separator = language.external_id.separator
    single = len(columns) == 1
    pick = itemgetter(*columns)

    def external_id(fields: Sequence[str]) -> str:
        value: str = pick(fields) if single else separator.join(pick(fields))
        if not value.strip(separator + " "):
            raise Refused("there is no external id")
        if len(value) > EXTERNAL_ID_CHARS_MAX:
            raise Refused(f"the external id is longer than {EXTERNAL_ID_CHARS_MAX} characters")
        return value

    return external_id


def _fixed(rule: TextRule) -> str | None:
    return rule.constant if rule.column is None else None


def _one_of(
    name: str, text: Text, known: frozenset[str], constant: str | None
) -> Callable[[Sequence[str], list[str]], str]:
    answers = Answers(lambda value: value in known)
    if constant is not None and answers[constant]:
        return lambda fields, flags: constant

    def word(fields: Sequence[str], flags: list[str]) -> str:
        value = text(fields, flags) or ""
        if not answers[value]:
            raise Refused(f"{name} {value!r} is not one of {', '.join(sorted(known))}")
        return value

    return word


def _repaired(fields: list[str], repairs: Sequence[Repair], width: int) -> list[str]:
    found = len(fields)
    for repair in repairs:
        if len(fields) == width:
            break
        fields = _REPAIRS[repair.action](fields, repair, width)
    if len(fields) != width:
        raise Refused(f"the row has {found} fields, not {width}")
    return fields


def _drop_empty_tail(fields: list[str], _repair: Repair, width: int) -> list[str]:
    while len(fields) > width and not fields[-1].strip():
        fields = fields[:-1]
    return fields


def _split_blank_runs(fields: list[str], repair: Repair, width: int) -> list[str]:
    if len(fields) > width:
        return fields
    return [part for field in fields for part in re.split(f" {{{repair.blanks},}}", field.strip(" "))]


def _merge_tail(fields: list[str], _repair: Repair, width: int) -> list[str]:
    if len(fields) <= width:
        return fields
    return [*fields[: width - 1], " ".join(fields[width - 1 :])]


_REPAIRS: dict[str, Callable[[list[str], Repair, int], list[str]]] = {
    "drop_empty_tail": _drop_empty_tail,
    "split_blank_runs": _split_blank_runs,
    "merge_tail": _merge_tail,
}
