"""The product's words for what records hold."""

from crewline_infra.i18n import gettext as _
from crewline_infra.i18n import mark
from crewline_reporting.records.rules import Record

CHANNEL_NAMES = {
    "voice": mark("Voice"),
    "callback": mark("Callback"),
    "email": mark("E-mail"),
    "chat": mark("Chat"),
    "sms": mark("SMS"),
    "social": mark("Social"),
    "fax": mark("Fax"),
    "form": mark("Form"),
}
OUTCOME_NAMES = {
    "answered": mark("Answered"),
    "abandoned": mark("Abandoned"),
    "flowed_out": mark("Flowed out"),
    "callback": mark("Callback asked"),
    "menu_ended": mark("Ended in the menu"),
    "excluded": mark("Left out"),
}
DIRECTION_NAMES = {"inbound": mark("Inbound"), "outbound": mark("Outbound")}


def outcome_state(record: Record, threshold_ms: int) -> tuple[str, str]:
    """A contact's result as shape and word; an answer beyond the threshold says so."""
    if record.outcome == "answered":
        if record.wait_ms <= threshold_ms:
            return "ok", _("In time")
        return "risk", _("Answered late")
    if record.outcome == "abandoned":
        return "miss", _("Abandoned")
    return "info", _(OUTCOME_NAMES[record.outcome])
