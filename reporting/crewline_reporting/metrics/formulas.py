"""What a metric is, and its exact and its shown value."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any, Literal, cast

from crewline_reporting.metrics.rules import FIELDS, Tally

Unit = Literal["percent", "seconds", "count"]
Parts = tuple[int, int]
"""Numerator and denominator. A denominator of zero means that the number cannot exist (N/A)."""

SHOWN_PLACES: dict[Unit, int] = {"percent": 2, "seconds": 3, "count": 0}
_SCALE: dict[Unit, int] = {"percent": 100 * 10**2, "seconds": 1, "count": 1}
"""From the parts' own unit (ratio, ms, number) to whole steps of the last shown place."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One named, versioned formula. Its texts are English source strings of the catalogues."""

    name: str
    version: int
    title: str
    definition: str
    unit: Unit
    numerator: str
    denominator: str
    interval_rule: str
    example: str
    used_by: str
    parts: Callable[[Tally], Parts]

    @property
    def key(self) -> str:
        """'service_level.v4@1': what a contract clause or a frozen report pins."""
        return f"{self.name}@{self.version}"

    @property
    def short(self) -> str:
        """'V4' for a service level, else the name: the key of its value in reports."""
        return self.name.rpartition(".")[2].upper() if "." in self.name else self.name


def exact(metric: Metric, tally: Tally) -> Fraction | None:
    """The value without rounding: a ratio for percent, milliseconds for seconds; None is N/A.

    Targets are compared with this, never with the shown number.
    """
    numerator, denominator = metric.parts(tally)
    return None if denominator == 0 else Fraction(numerator, denominator)


def shown(metric: Metric, tally: Tally) -> Decimal | int | None:
    """The value as printed: percent to 2 places, seconds to 3, half up; None is N/A."""
    numerator, denominator = metric.parts(tally)
    if denominator == 0:
        return None
    if metric.unit == "count":
        return numerator
    return _placed(half_up(numerator * _SCALE[metric.unit], denominator), SHOWN_PLACES[metric.unit])


def formula_text(metric: Metric) -> str:
    """'(At + Bt) / (A + B)'; a metric without a denominator is its numerator."""
    if not metric.denominator:
        return metric.numerator
    sides = (metric.numerator, metric.denominator)
    return " / ".join(f"({side})" if " + " in side or " - " in side else side for side in sides)


class _Traced:
    """Stands in for a tally and notes which of its fields a formula reads."""

    def __init__(self) -> None:
        self.read: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        if name not in FIELDS:
            return getattr(Tally, name).fget(self)  # a property, such as `offered`
        self.read.add(name)
        return 1


@lru_cache(maxsize=256)
def fields_read(metric: Metric) -> frozenset[str]:
    """The fields of `Tally` that the formula is made of, so that a report need not fetch the others."""
    traced = _Traced()
    metric.parts(cast(Tally, traced))
    return frozenset(traced.read)


def half_up(numerator: int, denominator: int) -> int:
    """numerator / denominator to the nearest integer, ties upwards; both are not negative."""
    return (2 * numerator + denominator) // (2 * denominator)


@lru_cache(maxsize=20_000)
def _placed(steps: int, places: int) -> Decimal:
    return Decimal(steps).scaleb(-places)
