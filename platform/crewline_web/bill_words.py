"""The words for invoices, shared by the operator's and the tenant's pages."""

from collections.abc import Mapping

from crewline_infra.i18n import current_locale, mark
from crewline_infra.i18n import gettext as _
from crewline_reporting.metrics.catalogue import metric_named

STEP_NAMES = {
    "measured": mark("Measured"),
    "included": mark("Included"),
    "flat": mark("Flat fee"),
    "waived": mark("Waived"),
    "unit": mark("Per unit"),
    "tier": mark("Tier"),
    "fee": mark("Fee"),
    "package": mark("Package"),
    "percentage": mark("Percentage"),
    "cap": mark("Cap"),
    "commitment": mark("Commitment"),
    "billed": mark("Billed before"),
    "rounding": mark("Rounding"),
}
STATE_NAMES = {
    "draft": ("info", mark("Draft")),
    "reviewed": ("info", mark("Reviewed")),
    "issued": ("ok", mark("Issued")),
    "paid": ("ok", mark("Paid")),
    "uncollectible": ("miss", mark("Uncollectible")),
    "void": ("info", mark("Void")),
}
UNIT_NAMES = {
    "contact": mark("contacts"),
    "ms": mark("ms"),
    "s": mark("s"),
    "min": mark("min"),
    "minute": mark("min"),
    "h": mark("h"),
    "month": mark("months"),
}
VERDICTS = {
    "met": ("ok", mark("Met")),
    "missed": ("miss", mark("Missed")),
    "below_sample": ("info", mark("Too few contacts")),
    "no_contacts": ("info", mark("No contacts")),
}


def step_name(code: str) -> str:
    return _(STEP_NAMES[code]) if code in STEP_NAMES else code


def invoice_state(state: str) -> tuple[str, str]:
    """Shape and word."""
    kind, word = STATE_NAMES[state]
    return kind, _(word)


def unit_name(unit: str) -> str:
    return _(UNIT_NAMES[unit]) if unit in UNIT_NAMES else unit


def metric_name(key: str) -> str:
    """The title of a metric that a bill pins, such as service_level.v4@1."""
    return _(metric_named(key).title)


def verdict(word: str) -> tuple[str, str]:
    kind, text = VERDICTS.get(word, ("info", word))
    return kind, _(text)


def label(labels: Mapping[str, str], fallback: str = "") -> str:
    """The text in the language of the request, else in English, else in any."""
    found = labels.get(current_locale()) or labels.get("en") or next(iter(labels.values()), "")
    return found or fallback
