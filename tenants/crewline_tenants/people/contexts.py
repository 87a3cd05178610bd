"""From a person and a permission to the context of a transaction: the first wall around every tenant."""

from uuid import UUID

from crewline_infra.errors import Forbidden, NotFound
from crewline_infra.i18n import gettext as _
from crewline_infra.tenancy import Context, Role
from crewline_tenants.people.rules import MONEY, PERMISSIONS, Permission, PersonRole, Principal


def tenant_access(principal: Principal, tenant_id: UUID, permission: Permission) -> Context:
    """The context in which `principal` may use `permission` on this tenant.

    Raises `NotFound` for outsiders (as for a tenant that does not exist), and `Forbidden` for a
    member with less.
    """
    role = principal.role_in(tenant_id)
    if role is not None:
        _require(role, permission)
        return _context(principal, Role.TENANT, tenant_id)
    staff = principal.operator_role
    if staff is None or staff is PersonRole.AGENT:
        raise NotFound
    _require(staff, permission)
    return _context(principal, _staff_role(staff, permission), tenant_id)


def operator_access(principal: Principal, permission: Permission) -> Context:
    """The context for operator-wide tables (no tenant in it: tenant-owned tables are empty).

    Raises `NotFound` for people of tenants and `Forbidden` for staff with less.
    """
    staff = principal.operator_role
    if staff is None:
        raise NotFound
    _require(staff, permission)
    return _context(principal, _staff_role(staff, permission), None)


def leg_access(principal: Principal, tenant_id: UUID, leg_id: UUID) -> Context:
    """An agent's context on one contact; it opens only while that leg is live and theirs."""
    if principal.agent_id is None:
        raise NotFound
    return Context(
        role=Role.AGENT,
        tenant_id=tenant_id,
        actor_id=principal.agent_id,
        assignment_id=leg_id,
        request_id=principal.request_id,
    )


def _require(role: PersonRole, permission: Permission) -> None:
    if permission not in PERMISSIONS[role]:
        raise Forbidden(_("Your role does not include this."))


def _staff_role(staff: PersonRole, permission: Permission) -> Role:
    if staff is PersonRole.FINANCE or permission in MONEY:
        return Role.FINANCE
    return Role.OPS


def _context(principal: Principal, role: Role, tenant_id: UUID | None) -> Context:
    return Context(
        role=role,
        tenant_id=tenant_id,
        actor_id=principal.user_id,
        request_id=principal.request_id,
    )
