"""The life of an invoice, as a table. A number is given at `issue` and never taken back."""

from enum import StrEnum

from crewline_infra.errors import Conflict
from crewline_infra.i18n import gettext as _


class State(StrEnum):
    DRAFT = "draft"
    REVIEWED = "reviewed"
    ISSUED = "issued"
    PAID = "paid"
    UNCOLLECTIBLE = "uncollectible"
    VOID = "void"


class Action(StrEnum):
    REPLACE = "replace"
    REVIEW = "review"
    REOPEN = "reopen"
    ISSUE = "issue"
    PAY = "pay"
    WRITE_OFF = "write_off"
    VOID = "void"


TRANSITIONS: dict[tuple[State, Action], State] = {
    (State.DRAFT, Action.REPLACE): State.DRAFT,
    (State.DRAFT, Action.REVIEW): State.REVIEWED,
    (State.REVIEWED, Action.REPLACE): State.DRAFT,
    (State.REVIEWED, Action.REOPEN): State.DRAFT,
    (State.REVIEWED, Action.ISSUE): State.ISSUED,
    (State.ISSUED, Action.PAY): State.PAID,
    (State.ISSUED, Action.WRITE_OFF): State.UNCOLLECTIBLE,
    (State.ISSUED, Action.VOID): State.VOID,
    (State.UNCOLLECTIBLE, Action.PAY): State.PAID,
}
"""What is not in this table cannot happen. Paid and void are final."""

FROZEN = frozenset({State.ISSUED, State.PAID, State.UNCOLLECTIBLE, State.VOID})
"""States in which amounts never change again; mistakes are mended by lines of later invoices."""


def next_state(state: State, action: Action) -> State:
    """Raises `Conflict` for a step that the table does not have."""
    try:
        return TRANSITIONS[state, action]
    except KeyError:
        sentence = _("An invoice that is {state} cannot take the step '{step}'.")
        raise Conflict(sentence.format(state=state, step=action), code="invoice_state") from None


def allowed_actions(state: State) -> list[Action]:
    """For buttons: the steps that are open from here."""
    return [action for (start, action) in TRANSITIONS if start is state]
