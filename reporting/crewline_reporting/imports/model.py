"""What an import is asked to do, and the account that it gives."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from crewline_infra.db import Tx
from crewline_reporting.imports.mapping import Mapping
from crewline_reporting.records.bulk import BulkResult, Packed

Append = Callable[[Tx, UUID, Packed], Awaitable[BulkResult]]
"""Stores a batch with everything that follows from it (usage, roll-up) in the caller's transaction."""

Progress = Callable[[int, int], None]
"""Called with (rows done, rows of the file at most)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOrder:
    """`tenant` fixes the tenant of all rows (a short name); else the mapping says it row by row."""

    path: Path
    mapping: Mapping
    alias_key: bytes
    tenant: str | None = None


@dataclass(slots=True)
class Summary:
    """Every row of the file is in exactly one of imported, known, conflicts and rejected."""

    file: str
    rows: int = 0
    imported: int = 0
    known: int = 0
    conflicts: int = 0
    rejected: int = 0
    elapsed_ms: int = 0
    rejects: Path | None = None
    outcomes: Counter[str] = field(default_factory=Counter)
    tenants: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)

    @property
    def rows_per_second(self) -> int:
        return self.rows * 1000 // max(self.elapsed_ms, 1)
