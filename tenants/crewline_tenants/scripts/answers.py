"""Checking what an agent typed into a step's fields: every fault at once, each beside its field."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from crewline_infra.i18n import gettext as _
from crewline_infra.money import plain
from crewline_tenants.scripts.rules import Field, Step

_LENGTHS = {"long_text": 4000}
_YES = frozenset({"yes", "true", "on", "1"})
_NO = frozenset({"no", "false", "off", "0"})
_PHONE = re.compile(r"\+?[0-9][0-9 ()./-]{2,30}")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")
_MASKS: dict[str, Callable[[str], bool]] = {
    "9": lambda char: char.isascii() and char.isdigit(),
    "A": str.isalpha,
    "*": str.isalnum,
}


class _Refused(Exception):
    """Carries the sentence for the field."""


def check_answers(step: Step, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """(clean values, faults by field id). Values are JSON types; a field left out counts as empty.

    Numbers come back as decimal text, dates as ISO text, yes/no as bool, multi as a list.
    """
    values: dict[str, Any] = {}
    faults: dict[str, str] = {}
    for field in step.fields:
        try:
            values[field.id] = _clean(field, given.get(field.id))
        except _Refused as refused:
            faults[field.id] = str(refused)
    return values, faults


def _clean(field: Field, raw: Any) -> Any:
    if isinstance(raw, str):
        raw = raw.strip()
    if raw is None or raw in ("", []):
        if field.required:
            raise _Refused(_("This is required."))
        return None
    cleaner: Callable[[Field, Any], Any] = _CLEANERS.get(field.kind, _clean_text)
    return cleaner(field, raw)


def _clean_text(field: Field, raw: Any) -> str:
    if not isinstance(raw, str):
        raise _Refused(_("This must be a text."))
    longest = field.max_length or _LENGTHS.get(field.kind, 200)
    if len(raw) > longest:
        raise _Refused(_("At most {n} characters.").format(n=longest))
    if field.mask is not None and not _fits(field.mask, raw):
        raise _Refused(_("The form is {mask}.").format(mask=field.mask))
    return raw


def _fits(mask: str, text: str) -> bool:
    if len(mask) != len(text):
        return False
    pairs = zip(mask, text, strict=True)
    return all(_MASKS[m](char) if m in _MASKS else m == char for m, char in pairs)


def _clean_number(field: Field, raw: Any) -> str:
    try:
        number = Decimal(str(raw))
    except InvalidOperation:
        raise _Refused(_("This must be a number.")) from None
    if not number.is_finite():
        raise _Refused(_("This must be a number."))
    if field.minimum is not None and number < field.minimum:
        raise _Refused(_("At least {n}.").format(n=plain(field.minimum)))
    if field.maximum is not None and number > field.maximum:
        raise _Refused(_("At most {n}.").format(n=plain(field.maximum)))
    return plain(number)


def _clean_date(_field: Field, raw: Any) -> str:
    try:
        return date.fromisoformat(str(raw)).isoformat()
    except ValueError:
        raise _Refused(_("This must be a date, like 2026-11-24.")) from None


def _clean_choice(field: Field, raw: Any) -> str:
    if raw not in {option.value for option in field.options}:
        raise _Refused(_("Choose one of the answers."))
    return str(raw)


def _clean_multi(field: Field, raw: Any) -> list[str]:
    chosen = raw if isinstance(raw, list) else [raw]
    return [_clean_choice(field, item) for item in dict.fromkeys(map(str, chosen))]


def _clean_yes_no(_field: Field, raw: Any) -> bool:
    word = str(raw).lower()
    if word not in _YES | _NO:
        raise _Refused(_("Answer yes or no."))
    return word in _YES


def _clean_phone(_field: Field, raw: Any) -> str:
    if not _PHONE.fullmatch(str(raw)):
        raise _Refused(_("This is not a telephone number."))
    return str(raw)


def _clean_email(_field: Field, raw: Any) -> str:
    if not _EMAIL.fullmatch(str(raw)):
        raise _Refused(_("This is not a mail address."))
    return str(raw)


_CLEANERS: dict[str, Callable[[Field, Any], Any]] = {
    "number": _clean_number,
    "date": _clean_date,
    "choice": _clean_choice,
    "multi": _clean_multi,
    "yes_no": _clean_yes_no,
    "phone": _clean_phone,
    "email": _clean_email,
}
