"""A stored version of a tenant's contract."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractVersion:
    """`document` has every default written out and `hash` is its fingerprint; `source_text` is what was handed in."""

    tenant_id: UUID
    id: UUID
    version: int
    name: str
    document: dict[str, Any]
    source_text: str
    hash: str
    effective_from: date
    created_at: datetime
    created_by: UUID | None
