"""What the desk's templates show: FLOOR's plain data with words, classes and running times added."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from crewline_floor.agents.rules import PAUSE_REASONS, SYSTEM_REASONS
from crewline_floor.desk.http import DeskOut
from crewline_floor.desk.model import Day, EarlierContact, FieldCard, InHand, StepCard
from crewline_infra.canonical import canonical_json, sha256_hex
from crewline_infra.clock import ms_between
from crewline_infra.i18n import current_locale, mark
from crewline_infra.i18n import gettext as _
from crewline_infra.periods import local_date
from crewline_reporting.records.rules import mask
from crewline_web import formats

STATES = {
    "ringing": ("risk", mark("Ringing")),
    "talking": ("ok", mark("Talking")),
    "held": ("risk", mark("On hold")),
    "wrapping": ("info", mark("Wrap-up")),
    "available": ("ok", mark("Available")),
    "paused": ("risk", mark("Paused")),
    "offline": ("info", mark("Off the floor")),
}
CHANNELS = {
    "voice": mark("Voice"),
    "callback": mark("Callback"),
    "email": mark("E-mail"),
    "chat": mark("Chat"),
    "sms": mark("SMS"),
    "social": mark("Social media"),
    "fax": mark("Fax"),
    "form": mark("Form"),
}
OUTCOMES = {
    "answered": mark("Answered"),
    "abandoned": mark("Left while waiting"),
    "flowed_out": mark("Went elsewhere"),
    "callback": mark("Asked for a call back"),
    "menu_ended": mark("Left in the menu"),
    "excluded": mark("Not counted"),
}
_SLOT_STATES = {"offered": "ringing"}


@dataclass(frozen=True, slots=True)
class Faults:
    """What did not fit in the form just posted: texts by field, and the values as they were typed."""

    leg_id: UUID | None = None
    texts: dict[str, str] | None = None
    values: dict[str, Any] | None = None
    notice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step of the script; `number` counts from 1."""

    number: int
    card: StepCard
    fields: list["Input"]

    @property
    def told(self) -> str:
        return ", ".join(text for _label, text in self.card.answers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    card: FieldCard
    value: Any
    fault: str

    @property
    def name(self) -> str:
        return f"f.{self.card.id}"

    def chosen(self, value: str) -> bool:
        if isinstance(self.value, list):
            return value in self.value
        return value == (self.value if isinstance(self.value, str) else _yes_no(self.value))


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """A former contact of the customer with the same tenant."""

    instant: str
    day: str
    told: str
    channel: str
    talk_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """The contact in the middle of the desk. `keys` tell when a part of the page has to be drawn anew."""

    hand: InHand
    tenant: str
    colour: int
    channel: str
    number: str
    state_ms: int
    left_ms: int | None
    steps: list[Step]
    ahead: list[tuple[int, str]]
    keys: dict[str, str]
    disposition: str
    note: str
    faults: dict[str, str]
    earlier: list[Earlier]

    @property
    def offered(self) -> bool:
        return self.hand.state == "offered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """`state` is what the agent does now, `since_ms` for how long; `others` are contacts beside the chosen one."""

    alias: str
    state: str
    kind: str
    word: str
    reason: str
    since_ms: int
    presence: str
    reasons: list[tuple[str, str]]
    contact: Contact | None
    others: list[Contact]
    day: Day
    keys: dict[str, str]
    notice: str

    @property
    def aht_ms(self) -> int | None:
        """Over the contacts of the day, to their last second of wrap-up."""
        spent_ms = self.day.talk_ms + self.day.hold_ms + self.day.wrap_up_ms
        return spent_ms // self.day.contacts if self.day.contacts else None


def desk_view(out: DeskOut, chosen: UUID | None, faults: Faults, now: datetime) -> Desk:
    contacts = [_contact(hand, faults, now) for hand in out.contacts]
    first = next((c for c in contacts if c.hand.leg_id == chosen), None)
    first = first or next((c for c in contacts if not c.offered), None) or next(iter(contacts), None)
    presence = out.desk.presence
    state = _SLOT_STATES.get(first.hand.state, first.hand.state) if first else presence.state
    kind, word = STATES[state]
    since = first.hand.since if first else presence.since
    reasons = PAUSE_REASONS | SYSTEM_REASONS
    return Desk(
        alias=out.desk.alias,
        state=state,
        kind=kind,
        word=_(word),
        reason=_(reasons[presence.reason]) if presence.reason in reasons and state == "paused" else "",
        since_ms=max(ms_between(since, now), 0) if since else 0,
        presence=presence.state,
        reasons=[(reason.code, reason.label) for reason in out.desk.reasons],
        contact=first,
        others=[contact for contact in contacts if contact is not first],
        day=out.desk.day,
        keys=_desk_keys(out, first),
        notice=faults.notice,
    )


def _desk_keys(out: DeskOut, first: Contact | None) -> dict[str, str]:
    presence, day = out.desk.presence, out.desk.day
    hand = f"{first.hand.leg_id}:{first.hand.state}" if first else "free"
    mode = "free" if first is None else f"{'offer' if first.offered else 'hand'}:{first.hand.leg_id}"
    free = f":{presence.state}:{presence.reason}" if first is None else ""
    return {
        "state": f"{presence.state}:{presence.reason}:{presence.since}:{hand}",
        "mode": mode + free,
        "others": ",".join(
            f"{other.leg_id}:{other.state}"
            for other in out.contacts
            if first is None or other.leg_id != first.hand.leg_id
        ),
        "day": f"{day.contacts}:{hand}:{(day.available_ms + day.paused_ms) // 60_000}",
    }


def _contact(hand: InHand, faults: Faults, now: datetime) -> Contact:
    mine = faults if faults.leg_id == hand.leg_id else Faults()
    steps = _steps(hand, mine)
    until = hand.expires_at or (hand.wrap_until if hand.state == "wrapping" else None)
    script = hand.script
    values = mine.values or {}
    return Contact(
        hand=hand,
        tenant=hand.tenant.name.get(current_locale(), hand.tenant.name["en"]),
        colour=hand.tenant.colour,
        channel=_(CHANNELS.get(hand.channel, hand.channel)),
        number=mask(hand.from_address) or "",
        state_ms=max(ms_between(hand.since, now), 0),
        left_ms=max(ms_between(now, until), 0) if until else None,
        steps=steps,
        ahead=list(enumerate(script.ahead, len(steps) + 1)) if script else [],
        keys={
            "script": f"{hand.leg_id}:{sha256_hex(canonical_json(_drawn(hand, mine)))[:16]}",
            "act": f"{hand.leg_id}:{hand.state}:{hand.wrap_until}",
            "result": f"{hand.leg_id}:{_suggested(hand)}:{(mine.texts or {}).get('disposition_id', '')}",
        },
        disposition=str(values.get("disposition_id", "")) or _suggested(hand),
        note=str(values.get("note", hand.note)),
        faults=mine.texts or {},
        earlier=[_earlier(former, hand) for former in hand.history],
    )


def _earlier(former: EarlierContact, hand: InHand) -> Earlier:
    """The result in the tenant's words, without the branches above it."""
    labels = {choice.code: choice.label.rpartition(" › ")[2] for choice in hand.dispositions}
    code = former.disposition
    return Earlier(
        instant=former.arrived_at.isoformat(),
        day=formats.short_day(local_date(former.arrived_at, hand.tenant.time_zone)),
        told=labels.get(code, code) if code else _(OUTCOMES[former.outcome]),
        channel=_(CHANNELS.get(former.channel, former.channel)),
        talk_ms=former.talk_ms,
    )


def _drawn(hand: InHand, faults: Faults) -> list[Any]:
    """All that the script's part of the page depends on."""
    script = hand.script
    done = [[step.id, step.answers] for step in script.steps if step.done] if script else []
    return [done, script.current if script else "", faults.texts or {}]


def _suggested(hand: InHand) -> str:
    wanted = hand.script.suggested_disposition if hand.script else None
    return next((str(choice.id) for choice in hand.dispositions if choice.code == wanted), "")


def _steps(hand: InHand, faults: Faults) -> list[Step]:
    cards = hand.script.steps if hand.script else []
    return [
        Step(number=number, card=card, fields=[_input(field, faults) for field in card.fields])
        for number, card in enumerate(cards, 1)
    ]


def _input(card: FieldCard, faults: Faults) -> Input:
    typed = faults.values or {}
    value = typed[card.id] if card.id in typed else card.value
    return Input(card=card, value="" if value is None else value, fault=(faults.texts or {}).get(card.id, ""))


def _yes_no(value: Any) -> str:
    return {True: "yes", False: "no"}.get(value, "") if isinstance(value, bool) else str(value)
