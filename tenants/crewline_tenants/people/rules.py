"""Who may do what: people, their roles, and the one table of permissions."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class PersonRole(StrEnum):
    """The first four belong to the operator, the last two to a tenant."""

    ADMIN = "admin"
    SUPERVISOR = "supervisor"
    FINANCE = "finance"
    AGENT = "agent"
    MANAGER = "manager"
    VIEWER = "viewer"


OPERATOR_ROLES = frozenset({PersonRole.ADMIN, PersonRole.SUPERVISOR, PersonRole.FINANCE, PersonRole.AGENT})
TENANT_ROLES = frozenset({PersonRole.MANAGER, PersonRole.VIEWER})


class Permission(StrEnum):
    """What an operation asks for. The scope (which tenant, or the operator) is asked beside it."""

    TENANT_READ = "tenant.read"
    TENANT_WRITE = "tenant.write"
    REPORT_READ = "report.read"
    RECORD_READ = "record.read"
    RECORD_EXPORT = "record.export"
    CUSTOMER_READ = "customer.read"
    IMPORT_RUN = "import.run"
    INVOICE_READ = "invoice.read"
    INVOICE_WRITE = "invoice.write"
    STATEMENT_EXPORT = "statement.export"
    CONTRACT_READ = "contract.read"
    CONTRACT_WRITE = "contract.write"
    QUEUE_READ = "queue.read"
    QUEUE_WRITE = "queue.write"
    SCRIPT_READ = "script.read"
    SCRIPT_WRITE = "script.write"
    CRM_READ = "crm.read"
    CRM_WRITE = "crm.write"
    PEOPLE_READ = "people.read"
    PEOPLE_WRITE = "people.write"
    FLOOR_WATCH = "floor.watch"
    FLOOR_STEER = "floor.steer"
    DESK_USE = "desk.use"
    SYSTEM_READ = "system.read"


_VIEWER = frozenset(
    {
        Permission.TENANT_READ,
        Permission.REPORT_READ,
        Permission.RECORD_READ,
        Permission.QUEUE_READ,
    }
)

PERMISSIONS: dict[PersonRole, frozenset[Permission]] = {
    PersonRole.ADMIN: frozenset(Permission) - {Permission.DESK_USE},
    PersonRole.SUPERVISOR: frozenset(
        {
            Permission.TENANT_READ,
            Permission.REPORT_READ,
            Permission.RECORD_READ,
            Permission.RECORD_EXPORT,
            Permission.CUSTOMER_READ,
            Permission.QUEUE_READ,
            Permission.QUEUE_WRITE,
            Permission.SCRIPT_READ,
            Permission.SCRIPT_WRITE,
            Permission.CRM_READ,
            Permission.PEOPLE_READ,
            Permission.FLOOR_WATCH,
            Permission.FLOOR_STEER,
        }
    ),
    PersonRole.FINANCE: frozenset(
        {
            Permission.TENANT_READ,
            Permission.REPORT_READ,
            Permission.RECORD_READ,
            Permission.INVOICE_READ,
            Permission.INVOICE_WRITE,
            Permission.STATEMENT_EXPORT,
            Permission.CONTRACT_READ,
            Permission.CONTRACT_WRITE,
            Permission.QUEUE_READ,
        }
    ),
    PersonRole.AGENT: frozenset({Permission.DESK_USE}),
    PersonRole.MANAGER: _VIEWER
    | {
        Permission.RECORD_EXPORT,
        Permission.CUSTOMER_READ,
        Permission.INVOICE_READ,
        Permission.STATEMENT_EXPORT,
        Permission.CONTRACT_READ,
        Permission.SCRIPT_READ,
        Permission.CRM_READ,
        Permission.CRM_WRITE,
        Permission.PEOPLE_READ,
    },
    PersonRole.VIEWER: _VIEWER,
}

MONEY = frozenset(
    {
        Permission.INVOICE_READ,
        Permission.INVOICE_WRITE,
        Permission.STATEMENT_EXPORT,
        Permission.CONTRACT_READ,
        Permission.CONTRACT_WRITE,
    }
)
"""Operator staff use the database's finance role for these, and its ops role for all others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    tenant_id: UUID
    slug: str
    name: str
    role: PersonRole


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """The person behind a request, as the database knew them when it began."""

    user_id: UUID
    login: str
    name: str
    locale: str | None = None
    operator_role: PersonRole | None = None
    agent_id: UUID | None = None
    memberships: tuple[Membership, ...] = ()
    request_id: str = ""
    csrf: str = ""
    """Bound to the session; empty when the request carries an API key."""

    def may(self, permission: Permission, tenant_id: UUID | None = None) -> bool:
        """Whether to show a button; the operation itself asks tenant_access or operator_access."""
        if self.operator_role is not None and permission in PERMISSIONS[self.operator_role]:
            return True
        role = self.role_in(tenant_id)
        return role is not None and permission in PERMISSIONS[role]

    def role_in(self, tenant_id: UUID | None) -> PersonRole | None:
        """The person's own role as a member of this tenant."""
        return next((m.role for m in self.memberships if m.tenant_id == tenant_id), None)
