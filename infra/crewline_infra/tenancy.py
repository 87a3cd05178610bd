"""Who acts, for which tenant: the context that every transaction enters through one function."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Connection


class Role(StrEnum):
    """The database roles that a transaction may take; the logins themselves have no rights."""

    TENANT = "crewline_tenant"
    AGENT = "crewline_agent"
    OPS = "crewline_ops"
    FINANCE = "crewline_finance"
    AUTH = "crewline_auth"
    WORKER = "crewline_worker"
    DISPATCH = "crewline_dispatch"


TENANT_BOUND = frozenset({Role.TENANT, Role.AGENT})


@dataclass(frozen=True, slots=True)
class Context:
    """`tenant_id` None means no tenant at all: every tenant-owned table is then empty for this transaction.

    `assignment_id` is the live leg of an agent; without a live one an agent's transaction does not open.
    """

    role: Role
    tenant_id: UUID | None = None
    actor_id: UUID | None = None
    assignment_id: UUID | None = None
    request_id: str = ""

    def __post_init__(self) -> None:
        if self.role in TENANT_BOUND and self.tenant_id is None:
            raise ValueError(f"{self.role} acts for a tenant, and none was given")


ENTER = "select app.enter($1, $2, $3, $4, $5)"


def enter(connection: Connection, context: Context) -> None:
    """Take the role and the tenant for this transaction only (real SET LOCAL inside the function)."""
    connection.exec_driver_sql(
        ENTER,
        (
            context.role.value,
            context.tenant_id,
            context.actor_id,
            context.assignment_id,
            context.request_id,
        ),
    )
