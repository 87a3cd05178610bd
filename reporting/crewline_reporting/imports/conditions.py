"""Conditions of the mapping language, compiled: each column's test is asked once per distinct text."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

from crewline_reporting.imports.mapping import Condition, Scalar, Test

REMEMBERED_MAX = 50_000
Outcome = TypeVar("Outcome")
Holds = Callable[[Sequence[str]], bool]


class Answers(dict[str, bool]):
    """text -> does it pass; bounded, so a column of unique texts cannot fill the memory."""

    def __init__(self, test: Callable[[str], bool]) -> None:
        super().__init__()
        self._test = test

    def __missing__(self, text: str) -> bool:
        if len(self) >= REMEMBERED_MAX:
            self.clear()
        answer = self[text] = self._test(text)
        return answer


def compiled(condition: Condition, position: Mapping[str, int]) -> Holds:
    """A predicate over a row's fields; `position` gives each column's place."""
    tests = [(position[column], Answers(_test_of(wanted))) for column, wanted in condition.items()]
    if not tests:
        return lambda fields: True
    if len(tests) == 1:
        ((column, answers),) = tests
        return lambda fields: answers[fields[column]]
    if len(tests) == 2:  # noqa: PLR2004 - the common pair, spelled out for speed
        (first, one), (second, other) = tests
        return lambda fields: one[fields[first]] and other[fields[second]]

    def holds(fields: Sequence[str]) -> bool:
        for column, answers in tests:
            if not answers[fields[column]]:
                return False
        return True

    return holds


class Dispatch(Generic[Outcome]):
    """Rules by the text of a column that every one of them names: a row asks only those that can hold."""

    def __init__(self, rules: Sequence[tuple[Condition, Outcome]], position: Mapping[str, int]) -> None:
        shared = next((column for column in position if all(_is_listed(rule, column) for rule, _ in rules)), None)
        self._column = position[shared] if rules and shared is not None else 0
        self._by_text: dict[str, list[tuple[Holds, Outcome]]] = {}
        self._others: list[tuple[Holds, Outcome]] = []
        for condition, outcome in rules:
            rest = {column: wanted for column, wanted in condition.items() if column != shared}
            asked = (compiled(rest, position), outcome)
            if shared is None:
                self._others.append(asked)
            else:
                for text in _choices(condition[shared]):
                    self._by_text.setdefault(text, []).append(asked)

    def candidates(self, fields: Sequence[str]) -> Sequence[tuple[Holds, Outcome]]:
        """In the order of the rules."""
        return self._by_text.get(fields[self._column], self._others)


def _is_listed(condition: Condition, column: str) -> bool:
    return column in condition and not isinstance(condition[column], Test)


def _choices(wanted: "Scalar | list[Scalar] | Test") -> list[str]:
    return [str(one) for one in (wanted if isinstance(wanted, list) else [wanted])]


def number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _test_of(wanted: "Scalar | list[Scalar] | Test") -> Callable[[str], bool]:
    if isinstance(wanted, Test):
        return lambda text: _passes(wanted, text)
    choices = frozenset(map(str, wanted if isinstance(wanted, list) else [wanted]))
    return lambda text: text in choices


def _passes(test: Test, text: str) -> bool:
    if test.empty is not None and test.empty != (text == ""):
        return False
    if text in map(str, test.excluding):
        return False
    if test.starts_with is not None and not text.startswith(test.starts_with):
        return False
    if test.matches is not None and not re.fullmatch(test.matches, text):
        return False
    return _in_bounds(test, text)


def _in_bounds(test: Test, text: str) -> bool:
    bounds = (test.below, test.at_most, test.at_least, test.above)
    if all(bound is None for bound in bounds):
        return True
    value = number(text)
    if value is None:
        return False
    return (
        (test.below is None or value < test.below)
        and (test.at_most is None or value <= test.at_most)
        and (test.at_least is None or value >= test.at_least)
        and (test.above is None or value > test.above)
    )
