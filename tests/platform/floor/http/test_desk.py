"""The desk over the API: a contact from offer to result, and what everybody else sees of it: nothing."""

import asyncio
from typing import Any

import httpx

from crewline_floor.board.hub import Hub
from crewline_floor.desk.http import desk_frames
from crewline_infra.tenancy import Context, Role
from crewline_tenants.people import service as people
from tests.platform.floor.http.conftest import Person, customer, person
from tests.platform.floor.scene import Floor
from tests.platform.web.conftest import LogIn

PHONE = "+8613800002071"


async def offered(scene: Floor, desk: Person) -> dict[str, Any]:
    """The first tenant's known customer rings at the desk."""
    assert (await desk.send("PUT", "/api/v1/desk/presence", {"state": "available"})).status_code == 200
    dispatcher = scene.dispatcher()
    assert await dispatcher.lead()
    scene.clock.advance(1_000)
    await scene.call(scene.tenants[0], from_address=PHONE)
    scene.clock.advance(4_000)
    assert await dispatcher.tick() == 1
    answer = await desk.get("/api/v1/desk")
    (contact,) = answer.json()["contacts"]
    return dict(contact)


async def test_from_offer_to_result(scene: Floor, desks: tuple[Person, Person]) -> None:
    mine, _other = desks
    await customer(scene, 0, PHONE, "Chen Yulan")
    offer = await offered(scene, mine)
    assert (offer["state"], offer["customer"]["name"], offer["waited_ms"]) == ("offered", "Chen Yulan", 4_000)
    assert offer["greeting"].startswith("Thank you for holding")
    assert offer["script"] is None
    assert offer["why"]
    leg = f"/api/v1/desk/legs/{offer['leg_id']}"

    await mine.send("POST", f"{leg}/accept")
    talking = (await mine.get(leg)).json()
    assert (talking["state"], talking["script"]["current"]) == ("talking", "find")

    wrong = (await mine.send("PUT", f"{leg}/script", {"step": "find", "values": {"booking": "4817"}})).json()
    assert set(wrong["faults"]) == {"booking", "reason"}
    right = {"step": "find", "values": {"booking": "AS-4817", "reason": "weather"}}
    stepped = (await mine.send("PUT", f"{leg}/script", right)).json()
    assert stepped["faults"] == {}
    assert stepped["contact"]["script"]["current"] == "free"
    assert stepped["contact"]["script"]["steps"][0]["answers"] == [["Booking", "AS-4817"], ["Reason", "Weather"]]
    back = (await mine.send("POST", f"{leg}/script/back")).json()
    assert back["script"]["current"] == "find"
    assert back["script"]["steps"][0]["fields"][0]["value"] == "AS-4817"

    assert (await mine.send("PUT", f"{leg}/note", {"note": "Travels with a cello."})).status_code == 204
    assert (await mine.get(leg)).json()["note"] == "Travels with a cello."
    for deed in ("hold", "resume", "release"):
        scene.clock.advance(10_000)
        assert (await mine.send("POST", f"{leg}/{deed}")).status_code == 200
    assert (await mine.send("POST", f"{leg}/finish", {"note": "Done."})).status_code == 422
    choice = talking["dispositions"][0]["id"]
    done = await mine.send("POST", f"{leg}/finish", {"disposition_id": choice, "note": "Done."})
    assert done.json()["contacts"] == []
    assert done.json()["desk"]["day"]["contacts"] == 1
    row = await scene.state(offer["contact_id"])
    assert (row["state"], row["note"], row["hold_ms"]) == ("closed", "Done.", 10_000)


async def test_nothing_is_left_once_the_contact_has_ended(scene: Floor, desks: tuple[Person, Person]) -> None:
    mine, _other = desks
    offer = await offered(scene, mine)
    leg = f"/api/v1/desk/legs/{offer['leg_id']}"
    await mine.send("POST", f"{leg}/accept")
    await mine.send("POST", f"{leg}/release")
    finished = {"disposition_id": offer["dispositions"][0]["id"]}
    assert (await mine.send("POST", f"{leg}/finish", finished)).status_code == 200
    await assert_nothing_there(mine, leg)


async def test_outsiders_find_nothing(scene: Floor, desks: tuple[Person, Person], log_in: LogIn) -> None:
    """A colleague without this leg, a supervisor, the tenant's own manager, another tenant's, nobody."""
    mine, colleague = desks
    offer = await offered(scene, mine)
    leg = f"/api/v1/desk/legs/{offer['leg_id']}"
    await mine.send("POST", f"{leg}/accept")
    await assert_nothing_there(colleague, leg)
    supervisor = await person(log_in, "supervisor@op.example", "supervisor", scene)
    for outsider, status in (
        (supervisor, 403),
        (await person(log_in, "manager@a.example", "manager", scene, 0), 404),
        (await person(log_in, "manager@b.example", "manager", scene, 1), 404),
    ):
        for method, path, body in every_operation(leg):
            assert (await outsider.send(method, path, body)).status_code == status, path
    supervisor.client.cookies.clear()
    assert (await supervisor.get("/api/v1/desk")).status_code == 401
    assert (await mine.get(leg)).json()["state"] == "talking"


def every_operation(leg: str) -> list[tuple[str, str, Any]]:
    return [
        ("GET", leg, None),
        *(("POST", f"{leg}/{deed}", None) for deed in ("accept", "refuse", "hold", "resume", "release")),
        ("PUT", f"{leg}/note", {"note": "x"}),
        ("PUT", f"{leg}/script", {"step": "find", "values": {}}),
        ("POST", f"{leg}/script/back", None),
        ("POST", f"{leg}/finish", {}),
    ]


async def assert_nothing_there(outsider: Person, leg: str) -> None:
    answers: list[httpx.Response] = [await outsider.send(*operation) for operation in every_operation(leg)]
    assert {answer.status_code for answer in answers} == {404}
    missing = await outsider.get("/api/v1/desk/legs/00000000-0000-7000-8000-000000000000")
    assert answers[0].content == missing.content


async def test_unknown_acts_and_states_change_nothing(scene: Floor, desks: tuple[Person, Person]) -> None:
    mine, _other = desks
    offer = await offered(scene, mine)
    leg = f"/api/v1/desk/legs/{offer['leg_id']}"
    assert (await mine.send("POST", f"{leg}/dance")).status_code == 422
    assert (await mine.send("POST", f"{leg}/hold")).status_code == 409
    assert (await mine.send("PUT", "/api/v1/desk/presence", {"state": "asleep"})).status_code == 422
    assert (await mine.send("PUT", "/api/v1/desk/presence", {"state": "paused"})).status_code == 422
    assert (await mine.get(leg)).json()["state"] == "offered"


async def test_refusing_pauses_the_agent(scene: Floor, desks: tuple[Person, Person]) -> None:
    mine, _other = desks
    offer = await offered(scene, mine)
    answer = (await mine.send("POST", f"/api/v1/desk/legs/{offer['leg_id']}/refuse")).json()
    assert answer["contacts"] == []
    assert (answer["desk"]["presence"]["state"], answer["desk"]["presence"]["reason"]) == ("paused", "refused")
    assert (await scene.state(offer["contact_id"]))["state"] == "queued"


async def test_history_is_of_this_tenant_alone(scene: Floor, desks: tuple[Person, Person]) -> None:
    """The same person, the same number, known to both tenants."""
    mine, _other = desks
    await customer(scene, 0, PHONE, "Chen Yulan")
    await customer(scene, 1, PHONE, "Chen Yulan")
    for n in (0, 1):
        await scene.admin.execute(
            """
            insert into record (tenant_id, contact_id, version, source, external_id, content_hash, channel, direction,
              customer_id, priority, outcome, disposition, arrived_at, queued_at, ended_at, counted_at,
              menu_ms, wait_ms, ring_ms, talk_ms, hold_ms, wrap_ms, in_hours, recorded_at)
            select tenant_id, gen_random_uuid(), 1, 'import', 'x', 'h', 'voice', 'inbound', id, 0, 'abandoned',
                   'secret-of-' || $1::text, now(), now(), now(), now(), 0, 0, 0, 0, 0, 0, true, now()
              from customer where tenant_id = $2
            """,
            str(n),
            scene.tenants[n].id,
        )
    offer = await offered(scene, mine)
    assert [earlier["disposition"] for earlier in offer["history"]] == ["secret-of-0"]


async def test_the_stream_tells_of_an_offer_and_ends_when_the_process_does(
    scene: Floor, desks: tuple[Person, Person]
) -> None:
    mine, _other = desks
    async with scene.database.transaction(Context(Role.AUTH)) as tx:
        token = next(iter(mine.client.cookies.values()))
        principal = await people.principal_of_session(tx, token, scene.clock.now(), "test")
    assert principal is not None
    hub = Hub(scene.database)
    frames = desk_frames(hub, scene.database, principal, scene.clock)
    first = await anext(frames)
    assert first.startswith(b"event: desk\ndata: ")
    waiting = asyncio.ensure_future(anext(frames))
    await offered(scene, mine)
    told = await asyncio.wait_for(waiting, 10)
    while b'"offered"' not in told:
        told = await asyncio.wait_for(anext(frames), 10)
    await hub.stop()
    assert (await asyncio.wait_for(anext(frames), 10)).startswith(b"event: shutdown\n")


async def test_wrap_up_does_not_end_under_the_fingers(scene: Floor, desks: tuple[Person, Person]) -> None:
    """The limit is 60 s; saving at 50 s leaves until 80 s, then it closes as it is."""
    mine, _other = desks
    offer = await offered(scene, mine)
    leg = f"/api/v1/desk/legs/{offer['leg_id']}"
    await mine.send("POST", f"{leg}/accept")
    await mine.send("POST", f"{leg}/release")
    dispatcher = scene.dispatcher("later")
    await scene.admin.execute("update pool_lease set until = now() - interval '1 s'")
    await dispatcher.lead()
    scene.clock.advance(50_000)
    await mine.send("PUT", f"{leg}/note", {"note": "Asked for a window seat"})
    scene.clock.advance(29_000)
    await dispatcher.tick()
    assert (await mine.get(leg)).json()["state"] == "wrapping"
    scene.clock.advance(1_000)
    await dispatcher.tick()
    assert (await mine.get(leg)).status_code == 404
    told = await scene.closed(offer["contact_id"])
    assert (told["flags"], told["disposition"], told["wrap_ms"]) == (["wrap_up_over"], None, 80_000)


async def test_logging_out_while_it_rings_stays_logged_out(scene: Floor, desks: tuple[Person, Person]) -> None:
    mine, _other = desks
    offer = await offered(scene, mine)
    await mine.send("PUT", "/api/v1/desk/presence", {"state": "offline"})
    dispatcher = scene.dispatcher("later")
    await scene.admin.execute("update pool_lease set until = now() - interval '1 s'")
    await dispatcher.lead()
    scene.clock.advance(20_000)
    await dispatcher.tick()
    assert (await scene.state(offer["contact_id"]))["state"] == "queued"
    assert (await mine.get("/api/v1/desk")).json()["desk"]["presence"]["state"] == "offline"
