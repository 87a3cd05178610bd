"""Shapes that the people module hands out."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from crewline_tenants.people.rules import PersonRole


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What a login attempt needs to know of the account; `user_id` None when there is none."""

    user_id: UUID | None
    password_hash: str | None
    account_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSession:
    """The token goes into the cookie and nowhere else: the database keeps its digest only."""

    token: str
    csrf: str
    user_id: UUID
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """The key is shown once: the database keeps its digest only."""

    id: UUID
    key: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    id: UUID
    label: str
    created_at: datetime
    used_at: datetime | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    id: UUID
    login: str
    name: str
    state: str
    roles: tuple[PersonRole, ...]
