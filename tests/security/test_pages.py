"""Every page × every role, and every form without the proof that our own page sent it.

A page or form that is not in the tables below fails: decide who may see it, and write it down.
"""

import re
from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest
from litestar import Litestar

from tests.security.conftest import ORIGIN, PEOPLE, Stage

STAFF = ("agent", "supervisor", "finance", "admin")
OF_TENANTS = ("manager", "viewer", "outsider")
ROLES = ("nobody", *STAFF, *OF_TENANTS)
NUMBER = re.compile(r"[0-9a-f]{32}")
WORDS = {"position": "1", "deed": "hold", "step": "review", "version": "x", "file_path": "js/app.js"}


def every(status: int, nobody: int | None = None) -> dict[str, int]:
    return dict.fromkeys(ROLES, status) | ({} if nobody is None else {"nobody": nobody})


def operator(*may: str) -> dict[str, int]:
    """Staff with less are told so; people of tenants learn nothing."""
    return every(404, 303) | {role: 200 if role in may else 403 for role in STAFF}


def portal(*may: str) -> dict[str, int]:
    """Members and staff with less are told so; agents and other tenants learn nothing."""
    inside = ("supervisor", "finance", "admin", "manager", "viewer")
    return every(404, 303) | {role: 200 if role in may else 403 for role in inside}


INSIDE = ("supervisor", "finance", "admin", "manager", "viewer")
MONEY = ("finance", "admin")
PAGES: dict[str, dict[str, int]] = {
    "/": every(303),
    "/portal": every(303),
    "/login": every(200),
    "/nowhere": every(403, 303),
    "/docs": every(200),
    "/openapi.json": every(200),
    "/metrics": every(200),
    "/static/{version}/{file_path}": every(200),
    "/desk": operator("agent"),
    "/desk/part": operator("agent"),
    "/floor": operator("supervisor", "admin"),
    "/floor/part": operator("supervisor", "admin"),
    "/floor/queues/export": operator("supervisor", "admin"),
    "/office": operator("supervisor", "finance", "admin"),
    "/office/tenants/export": operator("supervisor", "finance", "admin"),
    "/office/pools": operator("supervisor", "admin"),
    "/office/pools/export": operator("supervisor", "admin"),
    "/office/agents": operator("supervisor", "admin"),
    "/office/agents/export": operator("supervisor", "admin"),
    "/office/imports": operator("supervisor", "admin"),
    "/office/crm": operator("supervisor", "admin"),
    "/office/crm/export": operator("supervisor", "admin"),
    "/office/health": operator("admin"),
    "/finance": operator(*MONEY),
    "/finance/months/export": operator(*MONEY),
    "/finance/{slug}/contract": operator(*MONEY),
    "/finance/{slug}/contract/{contract_id}": operator(*MONEY),
    "/finance/{slug}/preview": operator(*MONEY),
    "/finance/{slug}/invoices/{invoice_id}": operator(*MONEY),
    "/finance/{slug}/invoices/{invoice_id}/lines/{position}": operator(*MONEY),
    "/finance/{slug}/invoices/{invoice_id}/statement": operator(*MONEY),
    "/portal/{slug}": portal(*INSIDE),
    "/portal/{slug}/reports": portal(*INSIDE),
    "/portal/{slug}/reports/formulas": portal(*INSIDE),
    "/portal/{slug}/contacts": portal(*INSIDE),
    "/portal/{slug}/contacts/{contact_id}": portal(*INSIDE),
    "/portal/{slug}/invoices": portal(*MONEY, "manager"),
    "/portal/{slug}/invoices/{invoice_id}": portal(*MONEY, "manager"),
    "/portal/{slug}/invoices/{invoice_id}/lines/{position}": portal(*MONEY, "manager"),
    "/portal/{slug}/crm": portal("supervisor", "admin", "manager"),
}
FORMS: dict[str, str] = {
    "/login": "nobody",
    "/preferences": "manager",
    "/logout": "viewer",
    "/desk/presence": "agent",
    "/desk/legs/{leg_id}/act/{deed}": "agent",
    "/desk/legs/{leg_id}/back": "agent",
    "/desk/legs/{leg_id}/finish": "agent",
    "/desk/legs/{leg_id}/note": "agent",
    "/desk/legs/{leg_id}/script": "agent",
    "/floor/agents/{agent_id}/presence": "supervisor",
    "/finance/{slug}/run": "finance",
    "/finance/{slug}/preview": "finance",
    "/finance/{slug}/invoices/{invoice_id}/{step}": "finance",
    "/portal/{slug}/crm/endpoints": "manager",
    "/portal/{slug}/crm/endpoints/{endpoint_id}/{step}": "manager",
    "/portal/{slug}/crm/deliveries/{delivery_id}/replay": "manager",
}
"""Who could do it; everybody else is refused before the token is looked at, or just as well."""
BEFORE_LOGIN = {"/login", "/preferences"}
"""Without a session there is no token: where the request came from decides alone."""
FORM = {"_csrf": "", "state": "paused", "reason": "x", "note": "x", "period": "2026-01", "month": "2026-01", "url": "x"}


def routes(app: Litestar, method: str) -> Iterator[str]:
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            hidden = getattr(handler, "include_in_schema", None) is False
            if hidden and method in getattr(handler, "http_methods", ()):
                yield re.sub(r":\w+}", "}", route.path)


def address(path: str, values: dict[str, str]) -> str:
    return re.sub(r"{(\w+)}", lambda found: values[found[1]], path)


def plain(answer: httpx.Response) -> str:
    return NUMBER.sub("", answer.text)


def test_every_page_and_form_has_an_expectation(staged: Litestar) -> None:
    assert set(routes(staged, "GET")) - {"/favicon.ico"} == set(PAGES)
    assert set(routes(staged, "POST")) == set(FORMS)
    assert not set(routes(staged, "PUT")) | set(routes(staged, "DELETE")) | set(routes(staged, "PATCH"))


@pytest.mark.parametrize("role", ROLES)
async def test_a_page_is_for_those_who_may_see_it_and_changes_nothing(
    role: str, staged: Litestar, stage: Stage
) -> None:
    before, values = await stage.snapshot(), {**stage.scene.ours.ids, **WORDS}
    async with stage.browser(staged, role) as client:
        for path, expected in PAGES.items():
            answer = await client.get(address(path, values))
            assert answer.status_code == expected[role], f"{role} {path}: {answer.status_code}"
            if answer.status_code == 303 and path not in {"/", "/portal"}:
                assert answer.headers["location"].startswith("/login?next="), path
    assert await stage.snapshot() == before


@pytest.mark.parametrize("role", [role for role in ROLES if role not in {"nobody", "outsider"}])
async def test_a_foreign_thing_on_a_page_is_a_missing_thing(role: str, staged: Litestar, stage: Stage) -> None:
    """One part of the address at a time; for people of a tenant the tenant itself too."""
    own, other = {**stage.scene.ours.ids, **WORDS}, stage.scene.theirs.ids
    async with stage.browser(staged, role) as client:
        for path, expected in PAGES.items():
            for name in re.findall(r"{(\w+)}", path):
                if name in WORDS or (name == "slug" and expected[role] != 404 and role not in OF_TENANTS):
                    continue
                missing = "missing" if name == "slug" else str(uuid4())
                foreign = await client.get(address(path, {**own, name: other[name]}))
                nothing = await client.get(address(path, {**own, name: missing}))
                where = f"{role} {path} {name}: {foreign.status_code}"
                assert foreign.status_code in {403, 404}, where
                assert (foreign.status_code, plain(foreign)) == (nothing.status_code, plain(nothing)), where
                assert foreign.headers.keys() == nothing.headers.keys(), where


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/portal/ours/crm", "delivery={delivery_id}"),
        ("/portal/ours/contacts", "from=2026-02-01&to=2026-02-28&queue={queue_id}"),
        ("/portal/ours/contacts", "from=2026-02-01&to=2026-02-28&queue={queue}"),
        ("/portal/ours/reports", "from=2026-02-01&to=2026-02-28&queue={queue_id}"),
        ("/portal/ours/reports", "from=2026-02-01&to=2026-02-28&queue={queue}"),
        ("/portal/ours", "queue={queue}"),
    ],
)
async def test_a_foreign_id_in_a_query_is_a_missing_one(path: str, query: str, staged: Litestar, stage: Stage) -> None:
    async with stage.browser(staged, "manager") as client:
        foreign = await client.get(f"{path}?{address(query, stage.scene.theirs.ids)}")
        assert stage.scene.theirs.canary not in foreign.text
        gone = {name: str(uuid4()) if len(value) == 36 else "gone-line" for name, value in stage.scene.ours.ids.items()}
        nothing = await client.get(f"{path}?{address(query, gone)}")
        assert foreign.status_code == nothing.status_code
        for name, value in stage.scene.theirs.ids.items():
            foreign_text = plain(foreign).replace(value, gone[name])
            if f"{{{name}}}" in query:
                assert foreign_text == plain(nothing)


def forgeries(stage: Stage, who: str) -> dict[str, tuple[dict[str, str], dict[str, str]]]:
    """Headers and form of what another site, or another person, can make a browser send."""
    own = stage.sessions[who].csrf if who in PEOPLE else ""
    other = stage.sessions["outsider"].csrf
    return {
        "no token": ({"origin": ORIGIN}, {}),
        "an empty token": ({"origin": ORIGIN, "x-csrf-token": ""}, {"_csrf": ""}),
        "another's token": ({"origin": ORIGIN}, {"_csrf": other}),
        "another's token in the header": ({"origin": ORIGIN, "x-csrf-token": other}, {}),
        "another origin": ({"origin": "https://evil.example", "x-csrf-token": own}, {"_csrf": own}),
        "no origin to speak of": ({"origin": "null", "x-csrf-token": own}, {"_csrf": own}),
        "a look-alike origin": ({"origin": "http://testserver.evil.example"}, {"_csrf": own}),
        "another site": ({"sec-fetch-site": "cross-site"}, {"_csrf": own}),
        "a sister site": ({"sec-fetch-site": "same-site"}, {"_csrf": own}),
    }


async def test_a_form_that_our_page_did_not_send_is_refused_and_changes_nothing(staged: Litestar, stage: Stage) -> None:
    before, values = await stage.snapshot(), {**stage.scene.ours.ids, **WORDS}
    for path, who in FORMS.items():
        async with stage.browser(staged, who) as client:
            for forgery, (headers, form) in forgeries(stage, who).items():
                if path in BEFORE_LOGIN and "token" in forgery:
                    continue
                body = {"login": "x", "password": "x"} if path == "/login" else {} if path in BEFORE_LOGIN else FORM
                answer = await client.post(address(path, values), headers=headers, data=body | form)
                assert answer.status_code == 403, f"{path} with {forgery}: {answer.status_code}"
            for kind in ("text/plain", "application/json"):
                answer = await client.post(address(path, values), headers={"content-type": kind}, content=b'{"a":"b"}')
                assert answer.status_code in {403, 400, 415, 422}, f"{path} as {kind}: {answer.status_code}"
    assert await stage.snapshot() == before


async def test_a_get_is_no_post_in_disguise(staged: Litestar, stage: Stage) -> None:
    before, values = await stage.snapshot(), {**stage.scene.ours.ids, **WORDS}
    for path, who in FORMS.items():
        async with stage.browser(staged, who) as client:
            headers = {
                "x-http-method-override": "POST",
                "x-csrf-token": stage.sessions.get(who, stage.sessions["agent"]).csrf,
            }
            answer = await client.get(f"{address(path, values)}?_method=POST", headers=headers)
            assert answer.status_code in ({200} if path in PAGES else {404, 405}), f"{path}: {answer.status_code}"
    assert await stage.snapshot() == before


@pytest.mark.parametrize("role", ROLES)
async def test_a_form_is_refused_to_those_it_is_not_for(role: str, staged: Litestar, stage: Stage) -> None:
    """With a valid token of their own: the right is asked for, not only the token."""
    before, values = await stage.snapshot(), {**stage.scene.ours.ids, **WORDS}
    token = stage.sessions[role].csrf if role in PEOPLE else ""
    async with stage.browser(staged, role, origin=ORIGIN) as client:
        for path, who in FORMS.items():
            allowed = {who, "admin"} if who in {"supervisor", "finance", "manager"} else {who}
            if role in allowed or path in BEFORE_LOGIN | {"/logout"}:
                continue
            answer = await client.post(address(path, values), data=FORM | {"_csrf": token})
            wanted = {303} if role == "nobody" else {403, 404}
            assert answer.status_code in wanted, f"{role} {path}: {answer.status_code}"
            if answer.status_code == 303:
                assert answer.headers["location"].startswith("/login")
    assert await stage.snapshot() == before
