"""The tenant's tree of dispositions: coded results of contacts."""

from collections.abc import Iterator

import msgspec

from crewline_infra.errors import Invalid


class Disposition(msgspec.Struct, frozen=True, kw_only=True):
    """One node. Only leaves can close a contact; `parent` is another node's code."""

    code: str
    label: dict[str, str]
    parent: str | None = None
    note_required: bool = False
    resolved: bool = True
    active: bool = True


def leaves(tree: tuple[Disposition, ...]) -> tuple[Disposition, ...]:
    """Nodes an agent can choose, in the tree's order."""
    parents = {node.parent for node in tree}
    return tuple(node for node in tree if node.code not in parents and node.active)


def trail(tree: tuple[Disposition, ...], code: str) -> tuple[Disposition, ...]:
    """From the root to the node: 'Changes › Weather › Rebooked'."""
    by_code = {node.code: node for node in tree}
    steps: list[Disposition] = []
    at: str | None = code
    while at in by_code and by_code[at] not in steps:
        steps.append(by_code[at])
        at = by_code[at].parent
    return tuple(reversed(steps))


def choose(tree: tuple[Disposition, ...], code: str, note: str) -> Disposition:
    """The chosen leaf, or `Invalid` saying what is missing."""
    chosen = next((node for node in leaves(tree) if node.code == code), None)
    if chosen is None:
        raise Invalid("Choose one of the tenant's results.", field="disposition")
    if chosen.note_required and not note.strip():
        raise Invalid("This result needs a note.", field="note")
    return chosen


def problems(tree: tuple[Disposition, ...]) -> Iterator[str]:
    codes = [node.code for node in tree]
    yield from (f"code '{code}' exists twice" for code in set(codes) if codes.count(code) > 1)
    for node in tree:
        if node.parent is not None and node.parent not in codes:
            yield f"'{node.code}' lies under '{node.parent}', which does not exist"
        elif trail(tree, node.code)[0].parent is not None:
            yield f"'{node.code}' lies in a circle"
