"""What a simulated agent fills in: values that the script's own checks accept."""

from collections.abc import Callable
from random import Random
from typing import Any

from crewline_tenants.scripts.rules import Field, Step

OPTIONAL_SHARE = 0.6
YES_SHARE = 0.7
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"


def answers_for(step: Step, rng: Random) -> dict[str, Any]:
    return {field.id: _value(field, rng) for field in step.fields if field.required or rng.random() < OPTIONAL_SHARE}


def _value(field: Field, rng: Random) -> Any:
    if field.kind == "choice":
        return rng.choice(field.options).value
    if field.kind == "multi":
        return [rng.choice(field.options).value]
    if field.kind == "yes_no":
        return rng.random() < YES_SHARE
    if field.kind == "number":
        low = int(field.minimum or 0)
        return str(rng.randint(low, max(low, int(field.maximum or low + 100))))
    return _SAMPLES.get(field.kind) or _text(field, rng)


def _text(field: Field, rng: Random) -> str:
    if field.mask is None:
        return "Simulated"[: field.max_length or 200]
    return "".join(_DRAWN[char](rng) if char in _DRAWN else char for char in field.mask)


_DRAWN: dict[str, Callable[[Random], str]] = {
    "9": lambda rng: str(rng.randint(0, 9)),
    "A": lambda rng: rng.choice(_LETTERS),
    "*": lambda rng: rng.choice(_LETTERS),
}
_SAMPLES = {"date": "2026-11-30", "phone": "+86 21 5550 0100", "email": "simulated@customer.example"}
