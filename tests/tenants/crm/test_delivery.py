"""Retried until acknowledged, in order per customer, never twice in effect, nobody starved by another's CRM."""

import asyncio

import pytest

from crewline_infra.tenancy import Role
from crewline_tenants.crm import rules, service, store_claims
from crewline_tenants.crm.jobs import LEASE_MS, SLOTS_PER_TENANT
from crewline_tenants.crm.model import Endpoint, Outcome
from tests.builders import Tenant
from tests.tenants.crm.conftest import VAULT, Scene, facts


async def test_each_closed_contact_reaches_the_crm_once(scene: Scene) -> None:
    tenant, other = await scene.tenant(), await scene.tenant("other")
    contacts = [facts(f"C-{n}") for n in range(5)]
    await scene.enqueue(tenant, *contacts)
    await scene.enqueue(tenant, *contacts)
    await scene.drain()
    assert {told["contact_id"] for told in scene.told(tenant)} == {str(c.contact_id) for c in contacts}
    assert scene.desk(tenant).repeated == 0
    assert scene.desk(tenant).refused == 0, "every signature verified"
    assert scene.told(other) == [], "an outsider hears nothing"


@pytest.mark.parametrize("failure", ["500", "429", "302", "drop"])
async def test_a_failed_delivery_is_repeated_under_the_same_id_until_it_is_acknowledged(
    scene: Scene, failure: str
) -> None:
    tenant, contact = await scene.tenant(), facts()
    await scene.enqueue(tenant, contact)
    scene.receiver.fail(tenant.slug, failure, 2)  # type: ignore[arg-type]  # each is one of the failures
    assert await scene.round() == 1
    assert await scene.round() == 0, "not before its time"
    await scene.pass_time(30_000)
    assert await scene.round() == 1
    assert await scene.round() == 0
    await scene.pass_time(5 * rules.MINUTE)
    assert await scene.round() == 1
    row = await scene.delivery(contact)
    assert (row["state"], row["attempts"]) == ("delivered", 3)
    assert list(scene.desk(tenant).taken) == [str(row["id"])]


async def test_a_crm_that_does_not_answer_in_time_is_asked_again(scene: Scene) -> None:
    tenant, contact = await scene.tenant(), facts()
    await scene.enqueue(tenant, contact)
    scene.receiver.fail(tenant.slug, "slow")
    await scene.round(scene.courier(timeout_ms=50))
    row = await scene.delivery(contact)
    assert (row["state"], row["last_status"], row["last_error"]) == ("pending", None, "timeout")
    await scene.pass_time(5_000)
    await scene.drain()
    assert (await scene.delivery(contact))["state"] == "delivered"


async def test_ten_failures_make_a_dead_letter_and_a_replay_keeps_its_id(scene: Scene) -> None:
    tenant, contact = await scene.tenant(), facts()
    await scene.enqueue(tenant, contact)
    scene.receiver.fail(tenant.slug, "500", 10)
    for attempt in range(1, 11):
        assert await scene.round() == 1, attempt
        await scene.pass_time(24 * rules.HOUR)
        await scene.admin.execute("update crm_endpoint set failing_since = now()")
    row = await scene.delivery(contact)
    assert (row["state"], row["attempts"], row["last_status"]) == ("dead", 10, 500)
    assert await scene.round() == 0
    async with scene.web.transaction(tenant.context()) as tx:
        dead = await service.list_deliveries(tx, tenant.id, state="dead")
        assert [found.id for found in dead.deliveries] == [row["id"]]
        await service.replay(tx, tenant.id, row["id"])
        attempts = await service.list_attempts(tx, tenant.id, row["id"])
    assert len(attempts) == 10
    await scene.drain()
    assert list(scene.desk(tenant).taken) == [str(row["id"])]


async def test_a_customer_s_contacts_arrive_in_order_whatever_fails(scene: Scene) -> None:
    tenant = await scene.tenant()
    first, second, elsewhere = facts("C-1"), facts("C-1"), facts("C-2")
    await scene.enqueue(tenant, first, second, elsewhere)
    scene.receiver.fail(tenant.slug, "500")
    await scene.round()
    await scene.drain()
    assert len(scene.told(tenant)) == 1, "only the other customer's lane moves"
    await scene.pass_time(5_000)
    await scene.drain()
    mine = [told["contact_id"] for told in scene.told(tenant) if told["customer_ref"] == "C-1"]
    assert mine == [str(first.contact_id), str(second.contact_id)]


async def test_a_dead_letter_does_not_hold_up_its_lane_for_ever(scene: Scene) -> None:
    tenant, first, second = await scene.tenant(), facts(), facts()
    await scene.enqueue(tenant, first, second)
    await scene.admin.execute("update crm_delivery set attempts = 9 where contact_id = $1", first.contact_id)
    scene.receiver.fail(tenant.slug, "500")
    await scene.drain()
    assert (await scene.delivery(first))["state"] == "dead"
    assert (await scene.delivery(second))["state"] == "delivered"


async def test_many_couriers_have_at_most_one_delivery_of_a_customer_in_flight(scene: Scene) -> None:
    tenant = await scene.tenant()
    contacts = [facts("C-1") for _ in range(12)]
    await scene.enqueue(tenant, *contacts)
    couriers = [scene.courier() for _ in range(3)]
    while len(scene.told(tenant)) < len(contacts):
        await asyncio.gather(*(scene.round(courier) for courier in couriers))
    assert scene.receiver.in_flight_max == 1
    assert [told["contact_id"] for told in scene.told(tenant)] == [str(c.contact_id) for c in contacts]
    assert scene.desk(tenant).repeated == 0


async def killed(*_args: object) -> bool:
    raise SystemError


async def test_a_courier_killed_after_the_call_repeats_under_the_same_id(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The CRM has taken it, the worker dies before it can say so: the receiver knows the id again."""
    tenant, contact = await scene.tenant(), facts()
    await scene.enqueue(tenant, contact)
    dying = scene.courier()
    with monkeypatch.context() as moment:
        moment.setattr(store_claims, "settle", killed)
        await scene.round(dying)
    assert len(scene.told(tenant)) == 1
    assert await scene.round() == 0, "the dead courier's lease still holds"
    await scene.pass_time(LEASE_MS)
    await scene.drain()
    assert (await scene.delivery(contact))["state"] == "delivered"
    assert (len(scene.told(tenant)), scene.desk(tenant).repeated) == (1, 1)


async def test_a_courier_whose_lease_has_passed_on_changes_nothing(scene: Scene) -> None:
    tenant, contact = await scene.tenant(), facts()
    await scene.enqueue(tenant, contact)
    async with scene.worker.transaction(tenant.context(Role.WORKER)) as tx:
        (late,) = await store_claims.claim(tx, tenant.id, "late", LEASE_MS, 1)
    await scene.pass_time(LEASE_MS)
    await scene.drain()
    outcome = Outcome("dead", 0, 500, None, 1)
    async with scene.worker.transaction(tenant.context(Role.WORKER)) as tx:
        assert not await store_claims.settle(tx, late, outcome)
    assert (await scene.delivery(contact))["state"] == "delivered"


async def test_a_stopping_courier_gives_back_what_is_not_done(scene: Scene) -> None:
    tenant, contact = await scene.tenant(), facts()
    await scene.enqueue(tenant, contact)
    scene.receiver.fail(tenant.slug, "slow")
    courier = scene.courier(timeout_ms=60_000)
    await courier.start_due()
    await courier.finish(timeout_ms=10)
    row = await scene.delivery(contact)
    assert (row["leased_by"], row["attempts"]) == (None, 0)
    await scene.drain()
    assert (await scene.delivery(contact))["state"] == "delivered"


async def test_gone_disables_the_endpoint_and_activating_it_sends_what_gathered(scene: Scene) -> None:
    tenant, first, second = await scene.tenant(), facts("C-1"), facts("C-2")
    await scene.enqueue(tenant, first)
    scene.receiver.fail(tenant.slug, "410")
    await scene.drain()
    await scene.enqueue(tenant, second)
    assert await scene.round() == 0
    (endpoint,) = await endpoints(scene, tenant)
    assert (endpoint.state, endpoint.reason) == ("disabled", "gone")
    async with scene.web.transaction(tenant.context()) as tx:
        await service.change_endpoint(tx, tenant.id, VAULT, endpoint.id, url=endpoint.url, state="active")
    await scene.drain()
    assert len(scene.told(tenant)) == 2


async def test_a_429_waits_as_long_as_it_asks(scene: Scene) -> None:
    tenant, contact = await scene.tenant(), facts()
    await scene.enqueue(tenant, contact)
    scene.receiver.fail(tenant.slug, "429")
    await scene.round()
    await scene.pass_time(29_000)
    assert await scene.round() == 0
    await scene.pass_time(1_500)
    assert await scene.round() == 1


async def test_after_five_failures_one_probe_at_a_time_until_one_succeeds(scene: Scene) -> None:
    tenant = await scene.tenant()
    await scene.enqueue(tenant, *(facts(f"C-{n}") for n in range(20)))
    scene.receiver.fail(tenant.slug, "500", 2 * SLOTS_PER_TENANT)
    started = await scene.round()
    started += await scene.round()
    assert started < 20, "the way was closed"
    assert await scene.round() == 0
    await scene.pass_time(rules.CIRCUIT_OPEN_MS)
    scene.receiver.fail(tenant.slug, "500", 10)
    assert await scene.round() == 1, "a probe"
    assert await scene.round() == 0
    scene.receiver.clear(tenant.slug)
    await scene.pass_time(rules.CIRCUIT_OPEN_MS)
    assert await scene.round() == 1
    assert await scene.round() > 1, "open again"


async def test_a_hanging_crm_does_not_starve_the_others(scene: Scene) -> None:
    hanging, healthy = await scene.tenant("hanging"), await scene.tenant("healthy")
    await scene.enqueue(hanging, *(facts(f"C-{n}") for n in range(100)))
    await scene.enqueue(healthy, *(facts(f"C-{n}") for n in range(30)))
    scene.receiver.fail(hanging.slug, "slow", 100)
    courier = scene.courier(timeout_ms=60_000)
    while len(scene.told(healthy)) < 30:
        await courier.start_due()
        await asyncio.sleep(0)
    assert scene.receiver.desk(hanging.slug).failed_on_request <= SLOTS_PER_TENANT
    await courier.finish(timeout_ms=1)


async def test_a_test_event_is_delivered_and_can_be_told_apart(scene: Scene) -> None:
    tenant = await scene.tenant()
    (endpoint,) = await endpoints(scene, tenant)
    async with scene.web.transaction(tenant.context()) as tx:
        sent = await service.send_test(tx, tenant.id, endpoint.id, scene.clock.now())
    await scene.drain()
    assert scene.desk(tenant).taken[str(sent.id)]["type"] == "test"


async def test_during_a_rotation_both_secrets_verify(scene: Scene) -> None:
    tenant = await scene.tenant()
    (endpoint,) = await endpoints(scene, tenant)
    async with scene.web.transaction(tenant.context()) as tx:
        issued = await service.rotate_secret(tx, tenant.id, VAULT, endpoint.id)
    await scene.enqueue(tenant, facts("C-1"))
    await scene.drain()
    scene.keys[tenant.slug] = rules.decode_secret(issued.secret)
    await scene.enqueue(tenant, facts("C-2"))
    await scene.drain()
    assert (len(scene.told(tenant)), scene.desk(tenant).refused) == (2, 0)


async def endpoints(scene: Scene, tenant: Tenant) -> list[Endpoint]:
    async with scene.web.transaction(tenant.context()) as tx:
        return await service.list_endpoints(tx, tenant.id)
