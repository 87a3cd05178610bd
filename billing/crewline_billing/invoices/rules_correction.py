"""Late usage: what an invoiced period costs with its contacts as they are now, less what was billed.

An item's price depends on its contacts only through one whole number, its *units* (contacts, or milliseconds before
a rounding on the total). So an earlier period is rated anew from the units billed then and the difference that the
corrected contacts make; its other contacts are not needed. A tenant checks corrections in the same way.
Service-level results of an invoiced period stay as they were.
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from uuid import UUID

import msgspec

from crewline_billing.rating.rules import RatedLine, Step, rate_contract
from crewline_billing.rating.rules_lines import ContactUsage, Usage
from crewline_billing.rating.rules_measure import per_contact
from crewline_infra.money import plain
from crewline_tenants.contracts.rules_terms import Contract, Filter, Item, TimeRule

Units = dict[str, int]
"""By the id of each item that has a meter."""

_AGGREGATE = UUID(int=0)


def units_of(contract: Contract, contacts: Iterable[ContactUsage]) -> Units:
    """Contacts, or chargeable milliseconds, of every metered item."""
    known = list(contacts)
    return {
        item.id: sum(part for _contact, part in per_contact(item, known))
        for item in contract.items
        if item.meter is not None
    }


def changed_units(billed: Mapping[str, int], before: Units, after: Units) -> Units:
    """What was billed, without the contacts as they were and with them as they are."""
    return {name: units - before.get(name, 0) + after.get(name, 0) for name, units in billed.items()}


def correct(contract: Contract, period: str, billed: Units, now: Units) -> list[RatedLine]:
    """A line for every item, percentage and true-up of the earlier period whose fee changed."""
    old = {line.item_id: line for line in _rate_units(contract, billed)}
    new = {line.item_id: line for line in _rate_units(contract, now)}
    names = [*new, *(name for name in old if name not in new)]
    lines = (_difference(period, old.get(name), new.get(name)) for name in names)
    return [line for line in lines if line is not None]


def _difference(period: str, old: RatedLine | None, new: RatedLine | None) -> RatedLine | None:
    line = new or old
    before, after = _amount(old), _amount(new)
    if line is None or before == after:
        return None
    quantity = _quantity(new) - _quantity(old)
    steps = (
        Step(code="billed", words=f"as billed so far for {period}: {_words(old)}", amount=-before),
        Step(code="measured", words=f"as it is now: {_words(new)}", amount=after),
    )
    return msgspec.structs.replace(line, amount=after - before, steps=steps, quantity=quantity, contacts=0)


def _amount(line: RatedLine | None) -> Decimal:
    return Decimal(0) if line is None else line.amount


def _quantity(line: RatedLine | None) -> Decimal:
    return Decimal(0) if line is None else line.quantity


def _words(line: RatedLine | None) -> str:
    if line is None:
        return "no such line"
    return f"{plain(line.quantity)} {line.unit}s" if line.unit else "a fee"


def _rate_units(contract: Contract, units: Units) -> list[RatedLine]:
    """The contract on bare units: each item counts one stand-in contact, which its own channel name selects."""
    items = tuple(_bare(item) for item in contract.items)
    bare = msgspec.structs.replace(contract, items=items)
    return rate_contract(bare, Usage(contacts=list(_stand_ins(contract, units))))


def _bare(item: Item) -> Item:
    if item.meter is None:
        return item
    return msgspec.structs.replace(
        item, filter=Filter(channel=(item.id,)), time=None if item.time is None else _exact(item.time)
    )


def _exact(rule: TimeRule) -> TimeRule:
    """Only the rounding on the total is left to do."""
    total = rule.apply == "total"
    return TimeRule(
        include=("talk",),
        increment_s=rule.increment_s if total else 0,
        round=rule.round,
        apply=rule.apply,
        unit=rule.unit,
    )


def _stand_ins(contract: Contract, units: Units) -> Iterator[ContactUsage]:
    for item in contract.items:
        count = units.get(item.id, 0)
        if item.meter is not None and count:
            yield ContactUsage(contact_id=_AGGREGATE, channel=item.id, handled=count, offered=count, talk_ms=count)
