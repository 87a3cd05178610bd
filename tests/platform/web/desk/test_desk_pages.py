"""The desk's page: from offer to result with plain forms, and what stays afterwards or shows to others: nothing."""

import re
from http import HTTPStatus

import httpx
import pytest

from crewline_floor.agents import service as agents
from tests.platform.floor.http.conftest import Person, customer, person
from tests.platform.floor.scene import DISPATCH, Floor
from tests.platform.web.conftest import LogIn, csrf_of

PHONE = "+8613800002071"
LEG = re.compile(r'action="(/desk/legs/[0-9a-f-]{36})/')
PART = re.compile(r'data-part="(\w+)" data-version="([^"]*)"')
PARTS = {"X-Desk-Part": "1"}


async def post(desk: Person, path: str, *, parts: bool = False, **fields: str) -> httpx.Response:
    data = {"_csrf": csrf_of((await desk.client.get("/desk")).text), **fields}
    return await desk.client.post(path, data=data, headers=PARTS if parts else {})


async def ringing(scene: Floor, desk: Person) -> str:
    """A known customer of the first tenant rings at the desk; the address of the leg."""
    await customer(scene, 0, PHONE, "Chen Yulan")
    assert (await post(desk, "/desk/presence", state="available")).status_code == HTTPStatus.SEE_OTHER
    dispatcher = scene.dispatcher()
    assert await dispatcher.lead()
    await scene.call(scene.tenants[0], from_address=PHONE)
    scene.clock.advance(4_000)
    assert await dispatcher.tick() == 1
    found = LEG.search((await desk.client.get("/desk")).text)
    assert found is not None
    return found[1]


async def test_the_offer_says_whose_customer_waits_and_hides_the_number(
    scene: Floor, desks: tuple[Person, Person]
) -> None:
    mine, _other = desks
    await ringing(scene, mine)
    html = (await mine.client.get("/desk")).text
    for told in ("Tenant-0", "Chen Yulan", "••••2071", "Thank you for holding", 'data-hotkey="a"', "0:04"):
        assert told in html, told
    assert PHONE not in html
    assert "<select" not in html


async def test_from_offer_to_result_with_plain_forms(scene: Floor, desks: tuple[Person, Person]) -> None:
    mine, _other = desks
    leg = await ringing(scene, mine)
    assert (await post(mine, f"{leg}/act/accept")).headers["location"] == "/desk"

    wrong = await post(mine, f"{leg}/script", **{"step": "find", "f.booking": "4817"})
    assert wrong.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert 'value="4817"' in wrong.text
    assert "The form is" in wrong.text
    assert wrong.text.count('class="field bad"') + wrong.text.count('class="field full bad"') == 2

    right = {"step": "find", "f.booking": "AS-4817", "f.reason": "weather"}
    assert (await post(mine, f"{leg}/script", **right)).status_code == HTTPStatus.SEE_OTHER
    html = (await mine.client.get("/desk")).text
    assert "AS-4817, Weather" in html
    assert (await post(mine, f"{leg}/back")).status_code == HTTPStatus.SEE_OTHER
    assert 'value="AS-4817"' in (await mine.client.get("/desk")).text

    assert (await post(mine, f"{leg}/note", note="Travels with a cello.")).status_code == HTTPStatus.NO_CONTENT
    assert "Travels with a cello." in (await mine.client.get("/desk")).text
    for deed, word in (("hold", "On hold"), ("resume", "Talking"), ("release", "Wrap-up")):
        assert (await post(mine, f"{leg}/act/{deed}")).status_code == HTTPStatus.SEE_OTHER
        assert word in (await mine.client.get("/desk")).text

    unchosen = await post(mine, f"{leg}/finish", disposition_id="", note="Almost.")
    assert unchosen.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "Choose a result first." in unchosen.text
    assert "Almost." in unchosen.text
    chosen = str(scene.dispositions[scene.tenants[0].id])
    assert (await post(mine, f"{leg}/finish", disposition_id=chosen, note="Done.")).status_code == HTTPStatus.SEE_OTHER
    html = (await mine.client.get("/desk")).text
    assert "You are available" in html
    for gone in ("Chen Yulan", "Tenant-0", "2071", "AS-4817", "cello", "Thank you for holding"):
        assert gone not in html, gone


async def test_only_the_parts_that_changed_get_another_version(scene: Floor, desks: tuple[Person, Person]) -> None:
    mine, _other = desks
    leg = await ringing(scene, mine)
    await post(mine, f"{leg}/act/accept")
    before = dict(PART.findall((await mine.client.get("/desk/part")).text))
    held = await post(mine, f"{leg}/act/hold", parts=True)
    assert held.status_code == HTTPStatus.OK
    assert "<html" not in held.text
    after = dict(PART.findall(held.text))
    assert {name for name in before if before[name] != after[name]} == {"state", "act", "day"}
    assert before["script"] == after["script"]


async def test_an_ended_contact_is_told_in_a_sentence(scene: Floor, desks: tuple[Person, Person]) -> None:
    mine, _other = desks
    leg = await ringing(scene, mine)
    await scene.hang_up(scene.tenants[0], (await scene.slot(scene.agents[0])).contact_id)  # type: ignore[union-attr]  # rings
    late = await post(mine, f"{leg}/act/accept", parts=True)
    assert late.status_code == HTTPStatus.CONFLICT
    assert "This contact is no longer yours." in late.text
    assert "Chen Yulan" not in late.text


async def test_pausing_wants_a_known_reason(scene: Floor, desks: tuple[Person, Person]) -> None:
    mine, _other = desks
    assert (await post(mine, "/desk/presence", state="paused")).status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert (await post(mine, "/desk/presence", state="paused", reason="lunch")).status_code == HTTPStatus.SEE_OTHER
    html = (await mine.client.get("/desk")).text
    assert "Paused: Lunch" in html
    async with scene.database.transaction(DISPATCH) as tx:
        assert (await agents.presence(tx, scene.agents[0])).reason == "lunch"


async def test_a_form_without_the_session_s_token_changes_nothing(scene: Floor, desks: tuple[Person, Person]) -> None:
    mine, _other = desks
    answer = await mine.client.post("/desk/presence", data={"state": "available"})
    assert answer.status_code == HTTPStatus.FORBIDDEN
    async with scene.database.transaction(DISPATCH) as tx:
        assert (await agents.presence(tx, scene.agents[0])).state == "offline"


@pytest.mark.parametrize(("language", "word"), [("zh_Hans", "接起"), ("zh_Hant", "轉為就緒")])
async def test_the_desk_speaks_chinese(scene: Floor, desks: tuple[Person, Person], language: str, word: str) -> None:
    mine, _other = desks
    mine.client.cookies.set("crewline_lang", language)
    if language == "zh_Hans":
        await ringing(scene, mine)
    html = (await mine.client.get("/desk")).text
    assert word in html
    assert ">Go available<" not in html


async def test_outsiders_see_no_desk_and_touch_no_contact(
    scene: Floor, desks: tuple[Person, Person], log_in: LogIn
) -> None:
    mine, colleague = desks
    leg = await ringing(scene, mine)
    await post(mine, f"{leg}/act/accept")
    foreign = await post(colleague, f"{leg}/act/release", parts=True)
    missing = await post(colleague, "/desk/legs/00000000-0000-7000-8000-000000000000/act/release", parts=True)
    assert (foreign.status_code, foreign.text) == (missing.status_code, missing.text)
    assert "Chen Yulan" not in (await colleague.client.get("/desk")).text
    assert (await post(colleague, f"{leg}/note", note="x")).status_code == HTTPStatus.NOT_FOUND
    for email, role, tenant, status in (
        ("supervisor@op.example", "supervisor", None, HTTPStatus.FORBIDDEN),
        ("finance@op.example", "finance", None, HTTPStatus.FORBIDDEN),
        ("manager@a.example", "manager", 0, HTTPStatus.NOT_FOUND),
        ("manager@b.example", "manager", 1, HTTPStatus.NOT_FOUND),
    ):
        outsider = await person(log_in, email, role, scene, tenant)
        for path in ("/desk", "/desk/part"):
            answer = await outsider.client.get(path)
            assert answer.status_code == status, (email, path)
            assert "Chen Yulan" not in answer.text
        answer = await outsider.client.post(f"{leg}/act/release", data={"_csrf": outsider.csrf})
        assert answer.status_code == status, email
    assert "Talking" in (await mine.client.get("/desk")).text
