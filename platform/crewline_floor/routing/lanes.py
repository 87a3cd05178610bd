"""Waiting contacts as one first-in-first-out line per (queue, priority); only heads are compared.

Removal is lazy (a dead entry is dropped when it reaches the head), so depth costs nothing.
"""

from collections import deque
from collections.abc import Iterator
from uuid import UUID

from crewline_floor.routing.rules import Waiting

COUNT_CEILING = 10


class Lanes:
    """All lanes of a pool. Everything is O(1) per contact, but a return to its place: O(places)."""

    def __init__(self) -> None:
        self._lanes: dict[tuple[UUID, int], deque[Waiting]] = {}
        self._alive: dict[UUID, Waiting] = {}
        self.waiting: dict[UUID, int] = {}
        """Contacts waiting, by tenant."""

    def __len__(self) -> int:
        return len(self._alive)

    def __contains__(self, contact_id: UUID) -> bool:
        return contact_id in self._alive

    def add(self, item: Waiting) -> None:
        """Put a contact in its place by instant of queue entry; one known already is left alone."""
        if item.contact_id in self._alive:
            return
        self._alive[item.contact_id] = item
        self.waiting[item.tenant_id] = self.waiting.get(item.tenant_id, 0) + 1
        lane = self._lanes.setdefault((item.queue_id, item.priority), deque())
        if not lane or _key(lane[-1]) <= _key(item):
            lane.append(item)
        elif _key(item) <= _key(lane[0]):
            lane.appendleft(item)
        else:
            lane.insert(next(i for i, other in enumerate(lane) if _key(item) < _key(other)), item)

    def remove(self, contact_id: UUID) -> Waiting | None:
        item = self._alive.pop(contact_id, None)
        if item is not None:
            self.waiting[item.tenant_id] -= 1
        return item

    def items(self) -> Iterator[Waiting]:
        return iter(self._alive.values())

    def heads(self) -> list[Waiting]:
        """The oldest living contact of every lane."""
        found: list[Waiting] = []
        for key in list(self._lanes):
            head = self._head(key)
            if head is not None:
                found.append(head)
        return found

    def older_than(self, item: Waiting) -> tuple[dict[UUID, int], set[UUID]]:
        """(contacts that entered before this one by tenant, tenants that have more of them than counted).

        Counting ends after ten of a lane, so that a deep queue costs no more than a short one.
        """
        older: dict[UUID, int] = {}
        more: set[UUID] = set()
        for lane in self._lanes.values():
            for seen, other in enumerate(lane):
                if other.queued_ms >= item.queued_ms:
                    break
                if seen >= COUNT_CEILING:
                    more.add(other.tenant_id)
                    break
                if self._lives(other):
                    older[other.tenant_id] = older.get(other.tenant_id, 0) + 1
        return older, more

    def _head(self, key: tuple[UUID, int]) -> Waiting | None:
        lane = self._lanes[key]
        while lane and not self._lives(lane[0]):
            lane.popleft()
        if not lane:
            del self._lanes[key]
            return None
        return lane[0]

    def _lives(self, item: Waiting) -> bool:
        return self._alive.get(item.contact_id) is item


def _key(item: Waiting) -> tuple[int, UUID]:
    return (item.queued_ms, item.contact_id)
