"""What the shape alone cannot say: references, tier order, combinations that would bill something nobody meant."""

from collections.abc import Iterable, Iterator
from itertools import pairwise

from crewline_infra.errors import Invalid
from crewline_infra.periods import zone_info
from crewline_tenants.contracts.rules_price import Flat, Graduated, Percentage, Tier, Volume
from crewline_tenants.contracts.rules_terms import Contract, Item

Problem = tuple[str, str]


def check(contract: Contract) -> None:
    """Raises `Invalid` for the first problem, in the order of the document."""
    for path, what in _problems(contract):
        raise Invalid(f"{path}: {what}.", field=path)


def check_item(item: Item, path: str = "") -> None:
    """The same for one item alone. Raises `Invalid`."""
    for where, what in _item_problems(item):
        full = ".".join(part for part in (path, where) if part)
        raise Invalid(f"{full}: {what}.", field=full)


def _problems(contract: Contract) -> Iterator[Problem]:
    yield from _frame_problems(contract)
    for index, item in enumerate(contract.items):
        for where, what in _item_problems(item):
            yield f"items[{index}].{where}", what
    yield from _reference_problems(contract)
    yield from _clause_problems(contract)


def _frame_problems(contract: Contract) -> Iterator[Problem]:
    try:
        zone_info(contract.time_zone)
    except Invalid as problem:
        yield "time_zone", problem.message.rstrip(".")
    if contract.effective_from.day != 1:
        yield (
            "effective_from",
            "a version begins on the first day of a month, because whole months are billed",
        )
    if not contract.items:
        yield "items", "a contract needs at least one item"
    yield from _doubles("taxes", "code", [tax.code for tax in contract.taxes])
    ids = [item.id for item in contract.items]
    yield from _doubles("items", "id", ids)
    commitments = [commitment.id for commitment in contract.commitments]
    yield from _doubles("commitments", "id", commitments)
    for index, name in enumerate(commitments):
        if name in ids:
            yield f"commitments[{index}].id", f"{name!r} is the id of an item already"


def _doubles(path: str, field: str, names: list[str]) -> Iterator[Problem]:
    for index, name in enumerate(names):
        if name in names[:index]:
            yield f"{path}[{index}].{field}", f"{name!r} is used twice"


def _item_problems(item: Item) -> Iterator[Problem]:
    yield from _label_problems("label", item.label)
    yield from _meter_problems(item)
    if isinstance(item.price, Graduated | Volume):
        yield from _tier_problems(item.price.tiers)


def _label_problems(path: str, label: str | dict[str, str]) -> Iterator[Problem]:
    if not label:
        yield path, "give the label in at least one language"


def _meter_problems(item: Item) -> Iterator[Problem]:
    if isinstance(item.price, Percentage):
        if item.meter is not None:
            yield "meter", "a percentage is taken of other items' fees and has no meter"
    elif item.meter is None and not isinstance(item.price, Flat):
        yield "meter", "this price model needs a meter"
    if (item.time is not None) != (item.meter == "time.handle"):
        yield (
            "time",
            "the definition of a minute goes with the meter time.handle, and only with it",
        )
    if item.included and (item.meter is None or isinstance(item.price, Flat)):
        yield "included", "an allowance needs a price per unit, tier or package"


def _tier_problems(tiers: tuple[Tier, ...]) -> Iterator[Problem]:
    if not tiers:
        yield "price.tiers", "at least one tier is needed"
        return
    for index, tier in enumerate(tiers[:-1]):
        if tier.up_to is None:
            yield f"price.tiers[{index}].up_to", "only the last tier is open-ended"
    if tiers[-1].up_to is not None:
        last = len(tiers) - 1
        yield (
            f"price.tiers[{last}].up_to",
            "the last tier must be open-ended, or usage above it would have no price",
        )
    for index, (lower, upper) in enumerate(pairwise(tiers)):
        if lower.up_to is not None and upper.up_to is not None and upper.up_to <= lower.up_to:
            yield f"price.tiers[{index + 1}].up_to", f"must be more than {lower.up_to}"


def _reference_problems(contract: Contract) -> Iterator[Problem]:
    taxes = {tax.code for tax in contract.taxes}
    ids = {item.id for item in contract.items}
    for index, item in enumerate(contract.items):
        yield from _tax_problems(f"items[{index}]", item.tax, taxes)
        if isinstance(item.price, Percentage):
            yield from _percentage_problems(index, item.price, contract)
    for index, commitment in enumerate(contract.commitments):
        path = f"commitments[{index}]"
        yield from _tax_problems(path, commitment.tax, taxes)
        yield from _unknown(f"{path}.of", commitment.of, ids)


def _tax_problems(path: str, code: str | None, known: set[str]) -> Iterator[Problem]:
    if code is not None and code not in known:
        yield f"{path}.tax", f"there is no tax with the code {code!r}"
    elif code is None and known:
        yield (
            f"{path}.tax",
            "name the tax code: the contract has taxes (a code with rate 0 says exempt)",
        )


def _percentage_problems(index: int, price: Percentage, contract: Contract) -> Iterator[Problem]:
    path = f"items[{index}].price.of"
    ids = {item.id for item in contract.items}
    yield from _unknown(path, price.of, ids)
    shares = {item.id for item in contract.items if isinstance(item.price, Percentage)}
    for position, name in enumerate(price.of):
        if name in shares:
            yield f"{path}[{position}]", "a percentage of a percentage is not allowed"


def _unknown(path: str, names: Iterable[str], known: set[str]) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name not in known:
            yield f"{path}[{index}]", f"there is no item with the id {name!r}"
        if name in seen:
            yield f"{path}[{index}]", f"{name!r} is named twice"
        seen.add(name)


def _clause_problems(contract: Contract) -> Iterator[Problem]:
    levels = contract.service_levels
    if levels is None:
        return
    taxes = {tax.code for tax in contract.taxes}
    yield from _tax_problems("service_levels", levels.tax, taxes)
    names = {item.id for item in contract.items} | {entry.id for entry in contract.commitments}
    yield from _doubles("service_levels.clauses", "id", [clause.id for clause in levels.clauses])
    for index, clause in enumerate(levels.clauses):
        path = f"service_levels.clauses[{index}]"
        if clause.id in names:
            yield f"{path}.id", f"{clause.id!r} is the id of an item or commitment already"
        yield from _unknown(f"{path}.credit.of", clause.credit.of, names)
