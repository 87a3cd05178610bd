"""The small types of the contract language: exact numbers, texts, rounding."""

import re
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import msgspec

from crewline_infra.money import RoundingMode

_NUMBER = re.compile(r"^-?[0-9]{1,15}(\.[0-9]{1,12})?$")


class Inexact(str):
    """A number that the file wrote as a float. It is kept as written so that the error can quote it."""

    __slots__ = ()


class Number(Decimal):
    """An exact number ≥ 0, written as an integer or as text: `12` or `"0.35"`, never `0.35`."""

    least: ClassVar[Decimal] = Decimal(0)
    above: ClassVar[bool] = False
    most: ClassVar[Decimal | None] = None


class Positive(Number):
    """An exact number > 0."""

    above = True


class Percent(Number):
    """0 to 100, in per cent: `"17"` is 17 %."""

    most = Decimal(100)


def number(kind: type[Number], value: Any) -> Number:
    """Read one exact number. Raises `ValueError` with the reason (msgspec adds the path)."""
    if isinstance(value, Inexact):
        raise ValueError(f'floats are not exact: write the number as text ("{value}") or as an integer')
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError('expected an integer or a number as text, such as "0.35"')
    if not _NUMBER.match(str(value)):
        raise ValueError(f"{str(value)[:40]!r} is no plain number (up to 15 digits, a point, up to 12 places)")
    result = kind(value)
    if result < kind.least or (kind.above and result == kind.least):
        raise ValueError(f"must be {'more than' if kind.above else 'at least'} {kind.least}")
    if kind.most is not None and result > kind.most:
        raise ValueError(f"must be at most {kind.most}")
    return result


Identifier: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,47}$")]
Text: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Label: TypeAlias = Text | dict[str, Text]
Seconds: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=86_400)]
RoundAt: TypeAlias = Literal["line", "invoice"]


class Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of everything in the language: a misspelt setting is an error, not a silent default."""


class Rounding(Strict, frozen=True, kw_only=True):
    """How amounts become money of the currency.

    `at: line` rounds every line, so that the invoice is the plain sum of what is printed. `at: invoice` carries lines
    to `carry_places` and rounds the sum once, in a rounding line of its own.
    """

    mode: RoundingMode = RoundingMode.HALF_UP
    places: Annotated[int, msgspec.Meta(ge=0, le=6)] = 2
    at: RoundAt = "line"
    carry_places: Annotated[int, msgspec.Meta(ge=0, le=12)] = 6

    @property
    def line_places(self) -> int:
        return self.places if self.at == "line" else max(self.carry_places, self.places)


def label_text(label: Label, locale: str = "en") -> str:
    """The label in a language, else in English, else in the first language it has."""
    if isinstance(label, str):
        return label
    return label.get(locale) or label.get("en") or next(iter(label.values()))


def zero() -> Number:
    return Number(0)


def whole() -> Percent:
    """All of it: 100 %."""
    return Percent(100)
