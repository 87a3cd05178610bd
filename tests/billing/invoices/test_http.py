"""Invoices over the API: finance runs and issues, the manager reads what was issued, others get nothing."""

import csv
import gzip
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from litestar import Litestar, Request
from litestar.datastructures import State
from litestar.di import Provide

from crewline_app.problems import exception_handlers
from crewline_billing.invoices import http
from crewline_billing.verification.rules import Verdict, verify
from crewline_infra.clock import ManualClock
from crewline_infra.db import Database
from crewline_infra.ids import new_id
from crewline_infra.settings import Settings
from crewline_reporting.statements.files import lines_of
from crewline_tenants.people.access import dependencies
from crewline_tenants.people.rules import Membership, PersonRole, Principal
from tests.billing.invoices.books import NOW, Books, full_books
from tests.billing.scene import CONTRACT
from tests.builders import Tenant, create_tenant
from tests.reporting.exports.sheet import read_sheet


@dataclass
class Api:
    """`await api("finance", "GET", "/{invoice}")` on the invoices of the tenant."""

    client: httpx.AsyncClient
    books: Books

    async def __call__(self, person: str, method: str, path: str = "", **more: Any) -> httpx.Response:
        url = f"/api/v1/tenants/{self.books.tenant.id}/invoices{path}"
        return await self.client.request(method, url, headers={"x-person": person}, **more)

    async def run(self) -> dict[str, Any]:
        answer = await self("finance", "POST", "/run", json={"period": "1999-03"})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def issue(self) -> dict[str, Any]:
        answer = await self("finance", "POST", f"/{(await self.run())['id']}/issue")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture
async def api(
    admin: asyncpg.Connection, database: Database, worker_database: Database, tmp_path: Path
) -> AsyncIterator[Api]:
    books = await full_books(admin, database, worker_database, tmp_path / "unused")
    other = await create_tenant(admin, "other")
    people = {role.value: _person(operator_role=role) for role in PersonRole}
    people |= {role.value: _member(books.tenant, role) for role in (PersonRole.MANAGER, PersonRole.VIEWER)}
    people["outsider"] = _member(other, PersonRole.MANAGER)

    def who(request: Request[Any, Any, Any]) -> Principal:
        return people[request.headers["x-person"]]

    app = Litestar(
        route_handlers=http.ROUTES,
        state=State({"database": database, "clock": ManualClock(NOW), "settings": Settings(home=tmp_path)}),
        dependencies={**dependencies(), "principal": Provide(who, sync_to_thread=False)},
        exception_handlers=exception_handlers(),
    )
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]  # another ASGI typing
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        yield Api(client, books)


def _person(**about: Any) -> Principal:
    return Principal(user_id=new_id(), login="x@example.com", name="X", **about)


def _member(tenant: Tenant, role: PersonRole) -> Principal:
    return _person(memberships=(Membership(tenant_id=tenant.id, slug=tenant.slug, name="T", role=role),))


WRITING = [
    ("POST", "/preview", {"period": "1999-03"}),
    ("POST", "/run", {"period": "1999-04"}),
    ("POST", "/{invoice}/review", None),
    ("POST", "/{invoice}/reopen", None),
    ("POST", "/{invoice}/issue", None),
]
READING = [
    ("GET", "", None),
    ("GET", "/{invoice}", None),
    ("GET", "/{invoice}/lines/2/contacts", None),
    ("GET", "/{invoice}/statement", None),
]
WITH_ID = [operation for operation in [*WRITING, *READING] if "{" in operation[1]]


@pytest.mark.parametrize(("method", "path", "body"), [*WRITING, *READING])
async def test_outsiders_and_colleagues_with_less_get_nothing(
    api: Api, admin: asyncpg.Connection, method: str, path: str, body: dict[str, Any] | None
) -> None:
    invoice = await api.issue()
    before = await everything(admin)
    allowed = {"outsider": 404, "agent": 404, "viewer": 403, "supervisor": 403}
    if (method, path, body) in WRITING:
        allowed["manager"] = 403
    for person, status in allowed.items():
        answer = await api(person, method, path.format(invoice=invoice["id"]), json=body)
        assert answer.status_code == status, (person, answer.text)
        assert "CL-000001" not in answer.text
    assert await everything(admin) == before


async def everything(admin: asyncpg.Connection) -> list[Any]:
    tables = ("invoice", "invoice_line", "billing_period", "audit_entry", "invoice_counter", "statement")
    return [await admin.fetch(f"select * from {table} order by 1, 2") for table in tables]


@pytest.mark.parametrize(("method", "path", "body"), WITH_ID)
async def test_an_id_of_another_tenant_looks_like_one_that_never_was(
    api: Api, admin: asyncpg.Connection, method: str, path: str, body: Any
) -> None:
    foreign = await full_books(admin, api.books.database, api.books.worker, api.books.folder, "foreign")
    invoice_id = (await Api(api.client, foreign).issue())["id"]
    answers = [await api("finance", method, path.format(invoice=one), json=body) for one in (invoice_id, UUID(int=1))]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert _said(answers[0]) == _said(answers[1])


def _said(answer: httpx.Response) -> dict[str, Any]:
    return {key: value for key, value in answer.json().items() if key not in ("request_id", "instance")}


async def test_a_month_from_preview_to_statement(api: Api) -> None:
    preview = (await api("finance", "POST", "/preview", json={"period": "1999-03"})).json()
    draft = await api.run()
    assert (draft["hash"], draft["bill"], draft["state"]) == (preview["hash"], preview["bill"], "draft")
    assert draft["actions"] == ["replace", "review"]
    reviewed = (await api("finance", "POST", f"/{draft['id']}/review")).json()
    assert reviewed["actions"] == ["replace", "reopen", "issue"]
    assert (await api("manager", "GET", f"/{draft['id']}")).status_code == 404
    issued = (await api("finance", "POST", f"/{draft['id']}/issue")).json()
    assert (issued["state"], issued["number"], issued["total"]) == ("issued", "CL-000001", draft["total"])
    listed = (await api("manager", "GET")).json()
    assert [one["number"] for one in listed] == ["CL-000001"]
    download = await api("manager", "GET", f"/{draft['id']}/statement")
    assert download.headers["content-disposition"].endswith('"statement-aster-1999-03-CL-000001.jsonl.gz"')
    key = (await api.client.get("/api/v1/statement-key", headers={"x-person": "manager"})).json()
    report = verify(lines_of(gzip.decompress(download.content)), key["public_key"])
    assert report.verdict is Verdict.VERIFIED
    assert issued["statement"]["key_id"] == key["key_id"] == report.key_id


async def test_the_pages_of_a_line_add_up(api: Api) -> None:
    invoice = await api.run()
    line = invoice["bill"]["lines"][2]
    path, found, after = f"/{invoice['id']}/lines/3/contacts", [], ""
    while after is not None:
        page = (await api("finance", "GET", path, params={"limit": 5} | ({"after": after} if after else {}))).json()
        found += page["contacts"]
        after = page["next"]
    assert sum(one["billed"] for one in found) == Fraction(line["quantity"]) * 60_000
    assert len({one["contact_id"] for one in found}) == len(found) == line["contacts"]


async def test_a_draft_contract_prices_a_month_without_being_stored(api: Api, admin: asyncpg.Connection) -> None:
    text = CONTRACT.replace("amount: 1200", "amount: 1300")
    answer = await api("finance", "POST", "/preview", json={"period": "1999-03", "contract": text})
    assert answer.json()["bill"]["lines"][0]["amount"] == "1300.00"
    assert await admin.fetchval("select count(*) from contract") == 1


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("/run", {"period": "1999-13"}, "period"),
        ("/run", {"period": "1998-01"}, "No contract covers 1998-01"),
        ("/run", {"period": "1999-03", "extra": 1}, "extra"),
        ("/preview", {"period": "1999-03", "contract": "version: 1"}, "missing"),
    ],
)
async def test_bad_input_is_named_and_changes_nothing(
    api: Api, admin: asyncpg.Connection, path: str, body: dict[str, Any], words: str
) -> None:
    answer = await api("finance", "POST", path, json=body)
    assert 400 <= answer.status_code < 500, answer.text
    assert words in answer.text
    assert await admin.fetchval("select count(*) from invoice") == 0


async def test_a_cursor_that_no_page_ended_with_is_refused(api: Api) -> None:
    invoice = await api.run()
    for after in ("x", "Zm9v", "MjAyNnw="):
        answer = await api("finance", "GET", f"/{invoice['id']}/lines/2/contacts", params={"after": after})
        assert answer.status_code == 422, answer.text


async def test_an_invoice_and_its_contacts_are_the_same_as_files(api: Api) -> None:
    invoice = await api.issue()
    path, lines = f"/{invoice['id']}", invoice["bill"]["lines"]
    book = read_sheet((await api("manager", "GET", path, params={"format": "xlsx"})).content)
    text = _csv_rows(await api("manager", "GET", path, params={"format": "csv"}))
    for rows in ([dict(zip(book.names, row, strict=True)) for row in book.body], text):
        amounts = [(row["kind"], Decimal(str(row["amount"]))) for row in rows]
        assert [amount for _kind, amount in amounts[: len(lines)]] == [Decimal(line["amount"]) for line in lines]
        assert sum(amount for _kind, amount in amounts[: len(lines)]) == dict(amounts)["net"]
        assert dict(amounts)["total"] == Decimal(invoice["total"])
    line, behind = lines[2], f"{path}/lines/3/contacts"
    sheet = read_sheet((await api("manager", "GET", behind, params={"format": "xlsx", "limit": 1})).content)
    contacts = _csv_rows(await api("manager", "GET", behind, params={"format": "csv"}))
    billed = [dict(zip(sheet.names, row, strict=True))["billed"] for row in sheet.body]
    assert len(contacts) == len(billed) == line["contacts"]
    assert sum(int(one["billed"]) for one in contacts) == Fraction(line["quantity"]) * 60_000
    assert sum(part for part in billed if isinstance(part, float)) * 1_440 == pytest.approx(float(line["quantity"]))
    assert (await api("viewer", "GET", path, params={"format": "xlsx"})).status_code == 403
    assert (await api("outsider", "GET", behind, params={"format": "xlsx"})).status_code == 404
    assert (await api("manager", "GET", path, params={"format": "pdf"})).status_code == 422


def _csv_rows(answer: httpx.Response) -> list[dict[str, str]]:
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    blank = rows.index([])
    assert {"Tenant", "Invoice", "Period", "Time zone", "Generated at"} <= {row[0] for row in rows[:blank]}
    return [dict(zip(rows[blank + 1], row, strict=True)) for row in rows[blank + 2 :]]
