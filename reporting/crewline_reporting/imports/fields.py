"""The single values of a row: tenant, queue, agent, texts, numbers and durations, each by its rule."""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence

from crewline_reporting.imports.conditions import REMEMBERED_MAX, number
from crewline_reporting.imports.local_time import Unreadable, time_of_day_ms
from crewline_reporting.imports.mapping import (
    AgentRule,
    DurationRule,
    NumberRule,
    QueueRule,
    RecordDuration,
    TenantRule,
    TextRule,
)
from crewline_reporting.imports.timeline import ABSENT
from crewline_reporting.records.rules import DURATION_MAX_MS, DURATIONS

UNKNOWN_TENANT = "unknown_tenant_value"
ALIAS_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_ALIAS_LENGTH = 5
_NAME_CHARS_MAX = 120
_UNIT_MS = {"ms": 1, "s": 1000, "min": 60_000}
_NONE_PARTS = (None, None)

Text = Callable[[Sequence[str], list[str]], str | None]


class Refused(ValueError):
    """The row cannot become a record; the text is the reason."""


def tenant_of(
    rule: TenantRule | None, fixed: str | None, position: Mapping[str, int]
) -> Callable[[Sequence[str], list[str]], str]:
    """The tenant's short name: the one given with the command, the mapping's, or by the value of a column."""
    name = fixed or (rule.fixed if rule else None)
    if name is not None:
        return lambda fields, flags: name
    if rule is None or rule.column is None:
        raise ValueError("neither the command nor the mapping names a tenant")
    column, values, other = position[rule.column], rule.values, rule.other

    def tenant(fields: Sequence[str], flags: list[str]) -> str:
        text = fields[column]
        known = values.get(text)
        if known is not None:
            return known
        if other is None:
            raise Refused(f"{rule.column} {text!r} belongs to no tenant of the mapping")
        flags.append(f"{UNKNOWN_TENANT}={text}")
        return other

    return tenant


def text_of(rule: TextRule | None, position: Mapping[str, int], damaged_flag: str = "damaged_text") -> Text:
    if rule is None:
        return lambda fields, flags: None
    if rule.column is None:
        constant = rule.constant
        return lambda fields, flags: constant
    column, values, none = position[rule.column], rule.values, frozenset(rule.none) | {""}
    damaged = re.compile(rule.damaged) if rule.damaged else None
    default = rule.constant

    def text(fields: Sequence[str], flags: list[str]) -> str | None:
        value = fields[column]
        if value in none:
            return default
        if damaged is not None and not value.isdigit() and damaged.fullmatch(value):
            flags.append(f"{damaged_flag}={value}")
            return None
        return values.get(value, value) if values else value

    return text


def numbers_of(rule: NumberRule | None, position: Mapping[str, int]) -> Callable[[Sequence[str]], int]:
    if rule is None:
        return lambda fields: 0
    column, values, other = position[rule.column], rule.values, rule.other
    if values:
        return lambda fields: values.get(fields[column], other)

    def priority(fields: Sequence[str]) -> int:
        text = fields[column]
        try:
            return int(text) if text else other
        except ValueError:
            raise Refused(f"{rule.column} {text!r} is no whole number") from None

    return priority


def queue_of(rule: QueueRule | None, position: Mapping[str, int]) -> Callable[[Sequence[str]], str | None]:
    if rule is None:
        return lambda fields: None
    if rule.column is None:
        return lambda fields: rule.constant
    column, values = position[rule.column], rule.values
    other = rule.other or rule.constant

    def queue(fields: Sequence[str]) -> str | None:
        text = fields[column]
        if values:
            return values.get(text, other)
        if len(text) > _NAME_CHARS_MAX:
            raise Refused(f"the queue's name is longer than {_NAME_CHARS_MAX} characters")
        return text or other

    return queue


class Agents:
    """Names of a file as (alias, pool). A pseudonym is a keyed hash: stable, and closed without the key."""

    def __init__(self, rule: AgentRule | None, source: str, key: bytes, position: Mapping[str, int]) -> None:
        self._rule = rule
        self._column = position[rule.column] if rule else 0
        self._none = frozenset(rule.none) | {""} if rule else frozenset()
        self._key = hmac.new(key, f"agent alias of {source}".encode(), hashlib.sha256).digest()
        self._known: dict[str, tuple[str, str | None]] = {}

    def of(self, fields: Sequence[str], wanted: bool) -> tuple[str | None, str | None]:
        if self._rule is None or not wanted:
            return _NONE_PARTS
        name = fields[self._column]
        if name in self._none:
            return _NONE_PARTS
        known = self._known.get(name)
        if known is None:
            if len(self._known) >= REMEMBERED_MAX:
                self._known.clear()
            known = self._known[name] = self._identified(self._rule, name)
        return known

    def _identified(self, rule: AgentRule, name: str) -> tuple[str, str | None]:
        if len(name) > _NAME_CHARS_MAX // 2:
            raise Refused(f"the agent's name is longer than {_NAME_CHARS_MAX // 2} characters")
        pools = (one.pool for one in rule.pools if name.startswith(one.starts_with))
        alias = name if rule.names == "keep" else pseudonym(self._key, name)
        return alias, next(pools, None)


def pseudonym(key: bytes, name: str) -> str:
    """'Agent 7K3QX': five letters of a keyed hash (no 0, 1, I or O)."""
    digest = int.from_bytes(hmac.new(key, name.encode(), hashlib.sha256).digest()[:8])
    letters = []
    for _ in range(_ALIAS_LENGTH):
        digest, place = divmod(digest, len(ALIAS_LETTERS))
        letters.append(ALIAS_LETTERS[place])
    return "Agent " + "".join(letters)


class Durations:
    """The six durations of a record, in its order; those that do not belong to the outcome are zero."""

    def __init__(
        self,
        rules: Mapping[RecordDuration, DurationRule],
        outcome: str,
        times: Mapping[str, int],
        position: Mapping[str, int],
    ) -> None:
        self._columns: list[tuple[int, int, str, DurationRule, dict[str, int]]] = []
        self._spans: list[tuple[int, int, int, DurationRule, str]] = []
        for place, name in enumerate(DURATIONS):
            rule = rules.get(name)  # type: ignore[call-overload]  # DURATIONS are its keys
            if rule is None or (rule.only and outcome not in rule.only):
                continue
            if rule.column is not None:
                self._columns.append((place, position[rule.column], name, rule, {}))
            else:
                start, end = (times[one] for one in rule.between)
                self._spans.append((place, start, end, rule, name))

    def of(self, fields: Sequence[str], times: Sequence[int], flags: list[str]) -> tuple[int, int, int, int, int, int]:
        found = [0, 0, 0, 0, 0, 0]
        for place, column, name, rule, known in self._columns:
            text = fields[column]
            value = known.get(text)
            if value is None:
                value = _checked(_read(text, rule), name, rule, flags)
                if not text.startswith("-") and len(known) < REMEMBERED_MAX:
                    known[text] = value
            found[place] = value
        for place, start, end, rule, name in self._spans:
            first, last = times[start], times[end]
            if ABSENT not in (first, last):
                found[place] = _checked(last - first, name, rule, flags)
        return tuple(found)  # type: ignore[return-value]  # six by construction


def _read(text: str, rule: DurationRule) -> int:
    if not text:
        return 0
    if rule.unit == "h:mm:ss":
        try:
            return time_of_day_ms(text)
        except Unreadable:
            raise Refused(f"{rule.column} {text!r} is no duration h:mm:ss") from None
    value = number(text)
    if value is None or value != value or abs(value) > DURATION_MAX_MS:  # noqa: PLR0124 - NaN
        raise Refused(f"{rule.column} {text!r} is no duration in {rule.unit}")
    return round(value * _UNIT_MS[rule.unit])


def _checked(ms: int, name: str, rule: DurationRule, flags: list[str]) -> int:
    if ms < 0:
        if rule.negative == "reject":
            raise Refused(f"{name} is negative")
        flags.append(f"negative_{name}={ms}")
        ms = 0 if rule.negative == "zero" else -ms
    if ms > DURATION_MAX_MS:
        raise Refused(f"{name} is longer than {DURATION_MAX_MS} ms")
    return ms
