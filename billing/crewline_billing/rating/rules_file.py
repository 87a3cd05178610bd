"""A price tried without any database: one document with a model, its settings and usage (docs/contract-language.md)."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import msgspec

from crewline_billing.rating.rules import rate_item, true_ups
from crewline_billing.rating.rules_item import rate_percentage
from crewline_billing.rating.rules_lines import ContactUsage, RatedLine, Usage
from crewline_infra.errors import Invalid
from crewline_infra.money import minor_places
from crewline_tenants.contracts.rules_check import check_item
from crewline_tenants.contracts.rules_convert import convert
from crewline_tenants.contracts.rules_price import Percentage, Price
from crewline_tenants.contracts.rules_terms import Commitment, Contract, Item, TimeRule
from crewline_tenants.contracts.rules_text import load
from crewline_tenants.contracts.rules_types import Label, Number, Positive, Rounding, Strict, zero

SIZE_MAX = 16 * 1024 * 1024
NO_CURRENCY = "XXX"  # ISO 4217's own code for it


class UsedContact(Strict, frozen=True, kw_only=True):
    """Seconds of one handled contact, up to three decimals as text."""

    talk_s: Number = msgspec.field(default_factory=zero)
    hold_s: Number = msgspec.field(default_factory=zero)
    wrap_s: Number = msgspec.field(default_factory=zero)


class Used(Strict, frozen=True, kw_only=True):
    """Exactly one of: a quantity in the price's unit, talk seconds per contact, or the parts of each contact."""

    quantity: Number | None = None
    seconds: tuple[Number, ...] | None = None
    contacts: tuple[UsedContact, ...] | None = None


class Settings(Strict, frozen=True, kw_only=True):
    """What surrounds the price. Every other key of the document belongs to the price model."""

    usage: Used
    currency: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}$")] = NO_CURRENCY
    label: Label = "Usage"
    rounding: Rounding = Rounding()
    time: TimeRule | None = None
    included: Number = msgspec.field(default_factory=zero)
    cap: Number | None = None
    minimum: Positive | None = None


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """A checked document, ready to be priced."""

    item: Item
    contract: Contract
    usage: Usage
    quantity: Decimal | None


def parse_trial(text: str) -> Trial:
    """Raises `Invalid` with the path of what is wrong."""
    data = load(text, size_max=SIZE_MAX)
    if not isinstance(data, dict):
        raise Invalid("The document must hold settings: model, its parameters and usage.")
    around = {key: value for key, value in data.items() if key in Settings.__struct_fields__}
    price: Price = convert({key: data[key] for key in data if key not in around}, Price)
    settings: Settings = convert(_with_places(_with_usage(around)), Settings)
    if isinstance(price, Percentage) and price.of:
        raise Invalid("of: there are no other items here; usage is the fees.", field="of")
    return _trial(settings, price)


def rate_trial(trial: Trial) -> list[RatedLine]:
    """The line of the price, and a true-up line where `minimum` is not reached."""
    item, rounding = trial.item, trial.contract.rounding
    if isinstance(item.price, Percentage):
        if trial.quantity is None:
            raise Invalid("usage: a percentage is taken of an amount.", field="usage")
        line = rate_percentage(item, item.price, trial.quantity, rounding)
    else:
        line = rate_item(item, trial.usage, rounding)
    return [line, *true_ups(trial.contract, [line])]


def _trial(settings: Settings, price: Price) -> Trial:
    used = settings.usage
    if sum(part is not None for part in (used.quantity, used.seconds, used.contacts)) != 1:
        raise Invalid("usage: give one of quantity, seconds and contacts.", field="usage")
    item = _item(settings, price, used)
    _check(item)
    contract = Contract(
        version=1,
        currency=settings.currency,
        time_zone="UTC",
        effective_from=date(1970, 1, 1),
        items=(item,),
        rounding=settings.rounding,
        commitments=_commitments(settings.minimum),
    )
    return Trial(item=item, contract=contract, usage=_usage(item, used), quantity=used.quantity)


def _check(item: Item) -> None:
    """The price's settings stand at the top of this document, not below `price`."""
    try:
        check_item(item)
    except Invalid as problem:
        message = problem.message.removeprefix("price.")
        raise Invalid(message, field=message.partition(":")[0]) from problem


def _item(settings: Settings, price: Price, used: Used) -> Item:
    time = settings.time
    if time is None and used.seconds is not None:
        time = TimeRule()
    if used.seconds is not None and time is not None and "talk" not in time.include:
        raise Invalid("usage.seconds: these are talk seconds, and time.include leaves them out.")
    metered = not isinstance(price, Percentage)
    return Item(
        id="usage",
        label=settings.label,
        price=price,
        meter=("contact.handled" if time is None else "time.handle") if metered else None,
        time=time,
        included=settings.included,
        cap=settings.cap,
    )


def _commitments(minimum: Positive | None) -> tuple[Commitment, ...]:
    return (Commitment(id="minimum", label="Minimum", minimum=minimum),) if minimum else ()


def _usage(item: Item, used: Used) -> Usage:
    if used.quantity is not None:
        return Usage(quantities={item.meter: used.quantity} if item.meter else {})
    return Usage(contacts=[*_contacts(used)])


def _contacts(used: Used) -> Iterator[ContactUsage]:
    for index, seconds in enumerate(used.seconds or ()):
        talk_ms = _milliseconds(f"usage.seconds[{index}]", seconds)
        yield ContactUsage(contact_id=UUID(int=index), handled=1, offered=1, talk_ms=talk_ms)
    for index, contact in enumerate(used.contacts or ()):
        path = f"usage.contacts[{index}]"
        yield ContactUsage(
            contact_id=UUID(int=index),
            handled=1,
            offered=1,
            talk_ms=_milliseconds(f"{path}.talk_s", contact.talk_s),
            hold_ms=_milliseconds(f"{path}.hold_s", contact.hold_s),
            wrap_ms=_milliseconds(f"{path}.wrap_s", contact.wrap_s),
        )


def _milliseconds(path: str, seconds: Number) -> int:
    ms = seconds * 1000
    if ms != int(ms):
        raise Invalid(f"{path}: time is counted in milliseconds, three decimals.", field=path)
    return int(ms)


def _with_usage(around: dict[str, Any]) -> dict[str, Any]:
    """Short forms: `usage: 25` is a quantity; a list holds talk seconds, or contacts when its first is a mapping."""
    used = around.get("usage", {})
    if isinstance(used, dict):
        return around
    if isinstance(used, list):
        kind = "contacts" if used and isinstance(used[0], dict) else "seconds"
        return around | {"usage": {kind: used}}
    return around | {"usage": {"quantity": used}}


def _with_places(around: dict[str, Any]) -> dict[str, Any]:
    """Amounts round to the currency's own places unless the document says otherwise."""
    rounding, currency = around.get("rounding", {}), around.get("currency", NO_CURRENCY)
    if not isinstance(rounding, dict) or not isinstance(currency, str):
        return around
    return around | {"rounding": {"places": minor_places(currency), **rounding}}
