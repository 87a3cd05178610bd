"""From contacts to a billed quantity: filter, what a minute is, allowance-free. Integers in the loop."""

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction

import msgspec

from crewline_billing.rating.rules_lines import ContactUsage
from crewline_tenants.contracts.rules_terms import Filter, Item, TimeRule

UNIT_MS = {"second": 1_000, "minute": 60_000, "hour": 3_600_000}
_TEXT_FIELDS = ("queue", "channel", "outcome", "disposition")

Matcher = Callable[[ContactUsage], bool]
Durations = Callable[[ContactUsage], int]


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """`contacts` used something; `raw` and `billed` are contacts, or milliseconds for time."""

    contacts: int
    raw: int
    billed: int
    unit: str

    @property
    def quantity(self) -> Fraction:
        """In units of the price: contacts, seconds, minutes or hours."""
        return Fraction(self.billed, UNIT_MS.get(self.unit, 1))


def measure(item: Item, contacts: Iterable[ContactUsage]) -> Measured:
    """Raises `ValueError` for an item without a meter."""
    if item.meter is None:
        raise ValueError(f"item {item.id} has no meter")
    if item.time is not None:
        return _measure_time(item.filter, item.time, contacts)
    count = sum(_counts(item, contacts))
    return Measured(contacts=count, raw=count, billed=count, unit="contact")


def per_contact(item: Item, contacts: Iterable[ContactUsage]) -> Iterator[tuple[ContactUsage, int]]:
    """The contacts behind a line and what each adds: 1, or billed milliseconds.

    With `apply: total` the parts are the unrounded ones, because only their sum is rounded.
    """
    matches = matcher(item.filter)
    if item.time is None:
        attribute = _counter(item)
        for contact in contacts:
            if getattr(contact, attribute) and matches(contact):
                yield contact, 1
        return
    duration = durations(item.time)
    for contact in contacts:
        if matches(contact) and (counted := duration(contact)):
            yield contact, billed_ms(item.time, counted)


def billed_ms(rule: TimeRule, counted_ms: int) -> int:
    """What one contact's counted milliseconds add: rounded, or left for the sum with `apply: total`."""
    ms = chargeable(rule, counted_ms)
    return round_ms(rule, ms) if rule.apply == "contact" else ms


def chargeable(rule: TimeRule, ms: int) -> int:
    """A contact's milliseconds after the free seconds and the minimum, before rounding."""
    first = rule.free_first_s * 1000
    if ms < rule.free_below_s * 1000 or ms <= first:
        return 0
    return max(ms - first, rule.minimum_s * 1000)


def round_ms(rule: TimeRule, ms: int) -> int:
    """Round a duration to the increment; halves of `nearest` go up."""
    step = rule.increment_s * 1000
    if not step:
        return ms
    extra = {"up": step - 1, "nearest": step // 2, "down": 0}[rule.round]
    return (ms + extra) // step * step


def durations(rule: TimeRule) -> Durations:
    """The function from a contact to its counted milliseconds."""
    talk, hold, wrap = ("talk" in rule.include, "hold" in rule.include, "wrap" in rule.include)
    cap = None if rule.wrap_cap_s is None else rule.wrap_cap_s * 1000

    def duration(contact: ContactUsage) -> int:
        ms = contact.talk_ms if talk else 0
        if hold:
            ms += contact.hold_ms
        if wrap:
            ms += contact.wrap_ms if cap is None or contact.wrap_ms < cap else cap
        return ms

    return duration


def matcher(terms: Filter) -> Matcher:
    """The function that says whether a contact passes the filter."""
    wanted = [(name, frozenset(values)) for name in _TEXT_FIELDS if (values := getattr(terms, name))]
    in_hours = terms.in_hours
    if not wanted and in_hours is None:
        return _everything

    def matches(contact: ContactUsage) -> bool:
        if in_hours is not None and contact.in_hours != in_hours:
            return False
        return all(getattr(contact, name) in values for name, values in wanted)

    return matches


def _everything(_contact: ContactUsage) -> bool:
    return True


def _counter(item: Item) -> str:
    return "handled" if item.meter == "contact.handled" else "offered"


def _counts(item: Item, contacts: Iterable[ContactUsage]) -> Iterator[int]:
    matches, attribute = matcher(item.filter), _counter(item)
    for contact in contacts:
        if matches(contact):
            yield getattr(contact, attribute)


def _measure_time(terms: Filter, rule: TimeRule, contacts: Iterable[ContactUsage]) -> Measured:
    matches, duration = matcher(terms), durations(rule)
    count = raw = billed = 0
    for contact in contacts:
        if not matches(contact):
            continue
        ms = duration(contact)
        if ms:
            count += 1
            raw += ms
            billed += billed_ms(rule, ms)
    if rule.apply == "total":
        billed = round_ms(rule, billed)
    return Measured(contacts=count, raw=raw, billed=billed, unit=rule.unit)
