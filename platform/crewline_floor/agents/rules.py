"""What an agent can be doing, and why not."""

from typing import Literal, get_args

from crewline_infra.errors import Invalid
from crewline_infra.i18n import gettext as _
from crewline_infra.i18n import mark

Presence = Literal["offline", "available", "paused"]
SlotState = Literal["ringing", "talking", "held", "wrapping"]

PAUSE_REASONS = {
    "break": mark("Break"),
    "lunch": mark("Lunch"),
    "training": mark("Training"),
    "meeting": mark("Meeting"),
    "office": mark("Office work"),
}
"""Reasons a person may choose."""

SYSTEM_REASONS = {
    "no_answer": mark("Did not answer"),
    "refused": mark("Refused a contact"),
}
"""Reasons the floor gives."""

_ALL_REASONS = PAUSE_REASONS.keys() | SYSTEM_REASONS.keys()


def checked_presence(state: str, reason: str | None) -> tuple[Presence, str | None]:
    """Raises `Invalid`: an unknown state, or a pause without a known reason."""
    for known in get_args(Presence):
        if state == known:
            break
    else:
        raise Invalid(_("The state is offline, available or paused."), field="state")
    if known != "paused":
        return known, None
    if reason not in _ALL_REASONS:
        raise Invalid(_("Choose a reason for the pause."), field="reason")
    return known, reason
