"""Exact money: Decimal amounts, stated rounding, splits that add up."""

from collections.abc import Sequence
from decimal import (
    ROUND_DOWN,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    ROUND_UP,
    Context,
    Decimal,
    localcontext,
)
from enum import StrEnum

from crewline_infra.errors import Invalid

PRECISION = 50
_THREE = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
_NONE = frozenset(
    {
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    }
)


class RoundingMode(StrEnum):
    HALF_UP = "half_up"
    HALF_EVEN = "half_even"
    UP = "up"
    DOWN = "down"


_MODES = {
    RoundingMode.HALF_UP: ROUND_HALF_UP,
    RoundingMode.HALF_EVEN: ROUND_HALF_EVEN,
    RoundingMode.UP: ROUND_UP,
    RoundingMode.DOWN: ROUND_DOWN,
}


def minor_places(currency: str) -> int:
    """Decimal places of an ISO 4217 currency: 2 unless the standard says otherwise."""
    if currency in _THREE:
        return 3
    return 0 if currency in _NONE else 2


def round_amount(amount: Decimal, places: int, mode: RoundingMode) -> Decimal:
    """Round away from, towards or to the nearest zero-symmetric step; never yields a negative zero."""
    with localcontext(Context(prec=PRECISION)):
        rounded = amount.quantize(Decimal(1).scaleb(-places), rounding=_MODES[mode])
    return rounded.copy_abs() if rounded.is_zero() else rounded


def plain(amount: Decimal) -> str:
    """Decimal text without exponent: '1234.50', never '1.2345E+3'."""
    return f"{amount:f}"


def split_largest_remainder(total: Decimal, weights: Sequence[Decimal], places: int) -> list[Decimal]:
    """Parts by weight that add up to `total` exactly; ties go to the earlier part.

    Raises `Invalid` for no weights, a negative weight or weights that are all zero.
    """
    whole = sum(weights, Decimal(0))
    if not weights or whole <= 0 or any(weight < 0 for weight in weights):
        raise Invalid("A split needs weights that are not negative, and one above zero.")
    step = Decimal(1).scaleb(-places)
    with localcontext(Context(prec=PRECISION)):
        exact = [total * weight / whole for weight in weights]
        parts = [value.quantize(step, rounding=ROUND_DOWN) for value in exact]
        missing = int((total - sum(parts, Decimal(0))) / step)
        sign = 1 if missing >= 0 else -1
        order = sorted(range(len(parts)), key=lambda i: (-abs(exact[i] - parts[i]), i))
        for i in order[: abs(missing)]:
            parts[i] += sign * step
    return parts
