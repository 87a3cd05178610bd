"""Rows of a file as batches of one tenant, each external id once per batch."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from crewline_reporting.imports.fields import Refused
from crewline_reporting.imports.mapping import FileLayout
from crewline_reporting.imports.model import ImportOrder, Summary
from crewline_reporting.imports.reader import FileFacts, rows
from crewline_reporting.imports.rules import Draft, RowParser

BATCH_ROWS = 20_000
FIRST_ROWS = 2_000
HELD_ROWS_MAX = 60_000
_STEP = 2_000


@dataclass(slots=True)
class Batch:
    """Drafts of one tenant by external id, with their lines.

    Later rows under a held id are `repeats` when they say the same, `again` when they differ.
    """

    tenant: str
    drafts: dict[str, Draft] = field(default_factory=dict)
    lines: list[int] = field(default_factory=list)
    again: list[tuple[int, Draft]] = field(default_factory=list)
    repeats: list[tuple[int, Draft]] = field(default_factory=list)

    def add(self, line: int, draft: Draft) -> None:
        held = self.drafts.setdefault(draft.external_id, draft)
        if held is draft:
            self.lines.append(line)
        elif held == draft:
            self.repeats.append((line, draft))
        else:
            self.again.append((line, draft))

    def __len__(self) -> int:
        return len(self.lines) + len(self.repeats) + len(self.again)


class Refusals(Protocol):
    """Where rows go that cannot become records: a list of `rejects`, or its stand-in."""

    def add(self, line: int, result: str, reason: str, row: str) -> None: ...


class Batches:
    """Parses a file in steps of some thousand rows, so that database work can go on meanwhile."""

    def __init__(self, order: ImportOrder, facts: FileFacts, summary: Summary, rejects: Refusals) -> None:
        mapping = order.mapping
        self._parser = RowParser(mapping, alias_key=order.alias_key, tenant=order.tenant, columns=facts.columns)
        self._rows = rows(order.path, mapping.file)
        self._layout: FileLayout = mapping.file
        self._summary = summary
        self._rejects = rejects
        self._open: dict[str, Batch] = {}

    def step(self) -> list[Batch] | None:
        """The batches that became full with the next rows; the rest at the end; then None."""
        if not self._take(_STEP):
            left = list(self._open.values())
            self._open.clear()
            return left or None
        return list(self._full())

    def _take(self, count: int) -> bool:
        summary, draft_of, opened = self._summary, self._parser.draft, self._open
        taken = 0
        for line, fields, has_blanks in self._rows:
            taken += 1
            try:
                draft = draft_of(fields, has_blanks=has_blanks)
            except Refused as problem:
                summary.rejected += 1
                self._rejects.add(line, "rejected", str(problem), self._layout.delimiter.join(fields))
            else:
                if draft.flags:
                    summary.flags.update(flag.partition("=")[0] for flag in draft.flags)
                batch = opened.get(draft.tenant)
                if batch is None:
                    batch = opened[draft.tenant] = Batch(draft.tenant)
                batch.add(line, draft)
            if taken == count:
                break
        summary.rows += taken
        return taken > 0

    def _full(self) -> Iterator[Batch]:
        """Full batches; and the largest ones while many tenants together hold too much.

        The first batches are small, so that the database is not idle while a full one is read.
        """
        full = min(BATCH_ROWS, max(FIRST_ROWS, self._summary.rows // 3))
        for tenant in [name for name, batch in self._open.items() if len(batch) >= full]:
            yield self._open.pop(tenant)
        while sum(map(len, self._open.values())) > HELD_ROWS_MAX:
            yield self._open.pop(max(self._open, key=lambda name: len(self._open[name])))
