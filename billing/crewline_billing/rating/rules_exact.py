"""Exact arithmetic: fractions inside, finite Decimals where something is printed or stored."""

from decimal import Decimal
from fractions import Fraction

from crewline_infra.money import RoundingMode, plain

SHOWN_PLACES = 12


def rounded(value: Fraction, places: int, mode: RoundingMode) -> Decimal:
    """Round once, from the exact value; ties and signs as in `crewline_infra.money.round_amount`."""
    scaled = abs(value) * 10**places
    whole, rest = divmod(scaled.numerator, scaled.denominator)
    whole += _upwards(whole, rest, scaled.denominator, mode)
    return Decimal(f"{'-' if value < 0 and whole else ''}{whole}E-{places}")


def shown(value: Fraction, least_places: int = 0) -> Decimal:
    """The value with as few places as it needs (at least `least_places`, at most 12, half to even)."""
    text = plain(rounded(value, SHOWN_PLACES, RoundingMode.HALF_EVEN))
    whole, _, places = text.partition(".")
    places = places.rstrip("0").ljust(least_places, "0")
    return Decimal(f"{whole}.{places}" if places else whole)


def _upwards(whole: int, rest: int, denominator: int, mode: RoundingMode) -> int:
    if mode is RoundingMode.UP:
        return 1 if rest else 0
    if mode is RoundingMode.DOWN:
        return 0
    twice = 2 * rest
    if twice == denominator and mode is RoundingMode.HALF_EVEN:
        return whole % 2
    return 1 if twice >= denominator else 0
