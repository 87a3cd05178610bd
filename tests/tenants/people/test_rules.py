"""The permission table and the contexts that follow from it."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crewline_infra.errors import Forbidden, NotFound
from crewline_infra.tenancy import Role
from crewline_tenants.people.contexts import leg_access, operator_access, tenant_access
from crewline_tenants.people.rules import (
    MONEY,
    OPERATOR_ROLES,
    PERMISSIONS,
    TENANT_ROLES,
    Membership,
    Permission,
    PersonRole,
    Principal,
)
from crewline_tenants.people.throttle import LONGEST_WAIT_S, Failures, wait_s

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TENANT, OTHER = uuid4(), uuid4()


def member(role: PersonRole, tenant_id: UUID = TENANT) -> Principal:
    membership = Membership(tenant_id=tenant_id, slug="aster", name="Aster", role=role)
    return Principal(user_id=uuid4(), login="x@y.example", name="X", memberships=(membership,))


def staff(role: PersonRole, agent_id: UUID | None = None) -> Principal:
    return Principal(user_id=uuid4(), login="x@y.example", name="X", operator_role=role, agent_id=agent_id)


def test_every_role_has_a_row_and_every_permission_somebody() -> None:
    assert set(PERMISSIONS) == set(PersonRole) == OPERATOR_ROLES | TENANT_ROLES
    assert frozenset().union(*PERMISSIONS.values()) == frozenset(Permission)


@pytest.mark.parametrize("permission", [*sorted(MONEY), Permission.RECORD_EXPORT, Permission.CRM_READ])
def test_a_viewer_sees_no_money_and_takes_nothing_away(permission: Permission) -> None:
    with pytest.raises(Forbidden):
        tenant_access(member(PersonRole.VIEWER), TENANT, permission)


@pytest.mark.parametrize("role", sorted(TENANT_ROLES))
def test_nobody_of_a_tenant_changes_what_the_operator_decides(role: PersonRole) -> None:
    writes = {p for p in Permission if p.value.endswith(".write")} - {Permission.CRM_WRITE}
    assert not PERMISSIONS[role] & writes


@pytest.mark.parametrize("role", sorted(TENANT_ROLES))
@pytest.mark.parametrize("permission", sorted(Permission))
def test_a_member_of_one_tenant_is_an_outsider_to_every_other(role: PersonRole, permission: Permission) -> None:
    for tenant_id in (OTHER, uuid4()):
        with pytest.raises(NotFound) as refusal:
            tenant_access(member(role), tenant_id, permission)
        assert refusal.value.message == NotFound().message
    with pytest.raises(NotFound):
        operator_access(member(role), permission)


def test_a_members_transactions_run_in_the_tenants_role() -> None:
    context = tenant_access(member(PersonRole.MANAGER), TENANT, Permission.INVOICE_READ)
    assert (context.role, context.tenant_id) == (Role.TENANT, TENANT)


def test_staff_act_on_one_tenant_in_the_role_of_their_trade() -> None:
    finance = tenant_access(staff(PersonRole.FINANCE), TENANT, Permission.RECORD_READ)
    assert (finance.role, finance.tenant_id) == (Role.FINANCE, TENANT)
    admin = tenant_access(staff(PersonRole.ADMIN), TENANT, Permission.INVOICE_WRITE)
    assert admin.role is Role.FINANCE
    supervisor = tenant_access(staff(PersonRole.SUPERVISOR), TENANT, Permission.QUEUE_WRITE)
    assert supervisor.role is Role.OPS
    assert operator_access(staff(PersonRole.SUPERVISOR), Permission.FLOOR_WATCH).tenant_id is None


@pytest.mark.parametrize("permission", sorted(Permission))
def test_an_agent_reaches_a_tenant_only_through_a_leg(permission: Permission) -> None:
    agent = staff(PersonRole.AGENT, agent_id=uuid4())
    with pytest.raises(NotFound):
        tenant_access(agent, TENANT, permission)
    leg = uuid4()
    context = leg_access(agent, TENANT, leg)
    assert (context.role, context.actor_id, context.assignment_id) == (Role.AGENT, agent.agent_id, leg)


def test_somebody_who_is_no_agent_has_no_legs() -> None:
    with pytest.raises(NotFound):
        leg_access(staff(PersonRole.ADMIN), TENANT, uuid4())


@given(st.integers(0, 60), st.integers(0, 200), st.integers(0, 2_000))
def test_waiting_is_bounded_and_ends(of_pair: int, of_address: int, since_s: int) -> None:
    failures = Failures(of_pair=of_pair, of_address=of_address, last_at=NOW - timedelta(seconds=since_s))
    pause = wait_s(failures, NOW)
    assert 0 <= pause <= LONGEST_WAIT_S
    assert wait_s(failures, NOW + timedelta(seconds=pause)) == 0


def test_the_first_failures_are_free_and_then_each_wait_is_longer() -> None:
    waits = [wait_s(Failures(of_pair=n, of_address=0, last_at=NOW), NOW) for n in range(12)]
    assert waits[:5] == [0, 0, 0, 0, 0]
    assert all(later > earlier for earlier, later in pairwise(waits[5:]))


def test_a_sweep_through_many_accounts_is_slowed_too() -> None:
    assert wait_s(Failures(of_pair=0, of_address=29, last_at=NOW), NOW) == 0
    assert wait_s(Failures(of_pair=0, of_address=30, last_at=NOW), NOW) > 0
