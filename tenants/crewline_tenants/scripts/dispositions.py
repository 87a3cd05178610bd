"""The tenant's tree of dispositions: coded results of contacts."""

from collections.abc import Iterator, Sequence
from typing import Literal
from uuid import UUID

import msgspec

Outcome = Literal["resolved", "sale", "appointment", "follow_up", "refused", "other"]


class Disposition(msgspec.Struct, frozen=True, kw_only=True):
    """One node. Only active leaves can close a contact. `label` is by language ('en' always)."""

    id: UUID
    parent_id: UUID | None = None
    code: str
    label: dict[str, str]
    outcome: Outcome = "resolved"
    active: bool = True


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """A leaf with the labels on the way to it ('Changes › Weather › Rebooked')."""

    id: UUID
    code: str
    trail: tuple[dict[str, str], ...]


def choices(tree: Sequence[Disposition]) -> tuple[Choice, ...]:
    """What an agent can choose: branch by branch, each in the tree's order."""
    parents = {node.parent_id for node in tree}
    place = {node.id: number for number, node in enumerate(tree)}
    ways = [trail(tree, node.id) for node in tree if node.id not in parents]
    ways.sort(key=lambda way: [place[step.id] for step in way])
    return tuple(
        Choice(id=way[-1].id, code=way[-1].code, trail=tuple(step.label for step in way))
        for way in ways
        if all(step.active for step in way)
    )


def trail(tree: Sequence[Disposition], node_id: UUID) -> tuple[Disposition, ...]:
    """From the root to the node."""
    nodes = {node.id: node for node in tree}
    steps: list[Disposition] = []
    at: UUID | None = node_id
    while at in nodes and nodes[at] not in steps:
        steps.append(nodes[at])
        at = nodes[at].parent_id
    return tuple(reversed(steps))


def problems(tree: Sequence[Disposition]) -> Iterator[str]:
    codes = [node.code for node in tree]
    yield from (f"code '{code}' exists twice" for code in sorted(set(codes)) if codes.count(code) > 1)
    ids = {node.id for node in tree}
    for node in tree:
        if node.parent_id is not None and node.parent_id not in ids:
            yield f"'{node.code}' lies under a result that does not exist"
        elif trail(tree, node.id)[0].parent_id is not None:
            yield f"'{node.code}' lies in a circle"
