"""From a figure to the contacts that it counts: the address of the list whose length is the figure. Pure."""

from datetime import datetime
from urllib.parse import urlencode

from crewline_infra.canonical import instant_text
from crewline_web.portal.filters import ReportFilter

OFFERED = "answered,abandoned,flowed_out,callback"
COUNTED_BY = {
    "offered": {"outcome": OFFERED},
    "answered": {"outcome": "answered"},
    "answered_in_time": {"outcome": "answered", "within": "T"},
    "late": {"outcome": "answered", "over": "T"},
    "late_or_lost": {"outcome": "answered,abandoned", "over": "T"},
    "abandoned": {"outcome": "abandoned"},
    "short_abandoned": {"outcome": "abandoned", "under": "s"},
    "flowed_out": {"outcome": "flowed_out"},
    "callback": {"outcome": "callback"},
    "menu_ended": {"outcome": "menu_ended"},
}


def contacts_href(slug: str, wanted: ReportFilter, figure: str, starts_at: datetime, ends_at: datetime) -> str:
    """`figure` is a count metric, or 'late' for answered contacts beyond T."""
    limits = {"T": wanted.threshold, "s": wanted.short}
    parts = {"from": instant_text(starts_at), "to": instant_text(ends_at)}
    for name, value in COUNTED_BY[figure].items():
        parts[name] = limits.get(value, value)
    if wanted.queue:
        parts["queue"] = wanted.queue
    if wanted.channel:
        parts["channel"] = wanted.channel
    return f"/portal/{slug}/contacts?{urlencode(parts)}"
