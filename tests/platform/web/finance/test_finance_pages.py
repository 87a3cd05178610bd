"""Finance's pages on the books of one month: run, open, review, issue, verify; and what others see: nothing."""

import csv
import gzip
import io
import re
from decimal import Decimal
from http import HTTPStatus
from pathlib import Path

import asyncpg
import httpx
import pytest

from crewline_billing.verification.rules import Verdict, verify
from crewline_infra.clock import ManualClock
from crewline_infra.db import Database
from crewline_reporting.statements.files import lines_of
from tests.billing.invoices.books import NOW, Books, full_books, open_books
from tests.billing.scene import CONTRACT, month
from tests.builders import create_tenant
from tests.platform.web.conftest import LogIn, csrf_of

MONTH = "1999-03"
INVOICE = re.compile(r"/finance/aster/invoices/[0-9a-f-]{36}")


@pytest.fixture
async def books(
    admin: asyncpg.Connection, database: Database, worker_database: Database, tmp_path: Path, clock: ManualClock
) -> Books:
    clock.set(NOW)
    return await full_books(admin, database, worker_database, tmp_path / "books")


@pytest.fixture
async def finance(log_in: LogIn) -> httpx.AsyncClient:
    return await log_in("fay@op.example", ("finance", None))


async def post(client: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    token = csrf_of((await client.get("/finance")).text)
    return await client.post(path, data={"_csrf": token, **fields})


async def draft(client: httpx.AsyncClient) -> str:
    """The address of the month's draft."""
    answer = await post(client, "/finance/aster/run", period=MONTH)
    assert answer.status_code == HTTPStatus.SEE_OTHER, answer.text
    found = INVOICE.match(answer.headers["location"])
    assert found is not None
    return found[0]


async def test_months_with_contacts_are_listed_until_they_are_billed(books: Books, finance: httpx.AsyncClient) -> None:
    html = (await finance.get(f"/finance?month={MONTH}")).text
    assert "To bill" in html
    assert "Run draft" in html
    invoice = await draft(finance)
    assert invoice in (await finance.get("/finance?state=draft")).text
    assert "No month in this state" in (await finance.get("/finance?state=issued")).text
    rows = list(csv.reader(io.StringIO((await finance.get("/finance/months/export?state=draft")).text)))
    (row,) = [row for row in rows if row and row[0] == "aster"]
    assert (row[1], row[4], row[7]) == (MONTH, "Draft", "ILS")


async def test_a_draft_adds_up_and_running_it_again_changes_nothing(books: Books, finance: httpx.AsyncClient) -> None:
    invoice = await draft(finance)
    first = (await finance.get(invoice)).text
    assert await draft(finance) == invoice
    second = (await finance.get(invoice)).text
    plain = re.compile(r'name="_csrf" value="[^"]+"|content="[^"]+"')
    assert plain.sub("", first) == plain.sub("", second)
    row = await books_total(books)
    assert f"{row['total']:,.2f}" in first


async def books_total(books: Books) -> asyncpg.Record:
    async with books.database.transaction(books.finance) as tx:
        found = await tx.row("select net, tax, total from invoice where tenant_id = $1", books.tenant.id)
    assert found is not None
    return {"net": found.net, "tax": found.tax, "total": found.total}  # type: ignore[return-value]  # read by name


async def test_a_line_opens_to_its_steps_and_to_contacts_that_add_up(books: Books, finance: httpx.AsyncClient) -> None:
    invoice = await draft(finance)
    opened = (await finance.get(f"{invoice}?line=2")).text
    assert "How this line is made" in opened
    assert "contacts behind it" in opened
    assert "up to 40 contacts" in opened
    door = re.search(r'href="([^"]+/contacts\?format=csv)"', opened)
    assert door is not None
    table = (await finance.get(door[1])).text.partition("ended_at,")
    rows = list(csv.DictReader(io.StringIO(table[1] + table[2])))
    quantity = re.search(r"<dt>Quantity</dt><dd>([\d,.]+)", (await finance.get(f"{invoice}/lines/2")).text)
    assert quantity is not None
    assert sum(int(row["billed"]) for row in rows) == Decimal(quantity[1].replace(",", ""))
    seen, path = 0, f"{invoice}/lines/2"
    while path:
        html = (await finance.get(path)).text
        seen += html.count("<tr data-href=")
        following = re.search(r'rel="next" href="(\?after=[^"]+)"', html)
        path = f"{invoice}/lines/2{following[1]}" if following else ""
    assert seen == len(rows)
    assert (await finance.get(f"{invoice}?line=99")).status_code == HTTPStatus.NOT_FOUND
    flat = await finance.get(f"{invoice}/lines/1")
    assert flat.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "No contacts stand behind this line" in flat.text


async def test_an_invoice_is_issued_by_typing_its_name_and_verifies(books: Books, finance: httpx.AsyncClient) -> None:
    invoice = await draft(finance)
    assert (await finance.get(f"{invoice}/statement")).status_code == HTTPStatus.NOT_FOUND
    wrong = await post(finance, f"{invoice}/issue", confirm="yes")
    assert wrong.status_code == HTTPStatus.CONFLICT
    assert f"type aster {MONTH} to confirm" in wrong.text
    assert (await post(finance, f"{invoice}/review")).status_code == HTTPStatus.SEE_OTHER
    assert (await post(finance, f"{invoice}/reopen")).status_code == HTTPStatus.SEE_OTHER
    done = await post(finance, f"{invoice}/issue", confirm=f"aster {MONTH}")
    assert done.headers["location"] == f"{invoice}?made=issue"
    html = (await finance.get(done.headers["location"])).text
    assert "Issued as CL-000001." in html
    assert "crewline verify statement-aster-1999-03-CL-000001.jsonl.gz" in html
    assert "Run again" not in html
    file = await finance.get(f"{invoice}/statement")
    assert "CL-000001.jsonl.gz" in file.headers["content-disposition"]
    assert verify(lines_of(gzip.decompress(file.content))).verdict is Verdict.VERIFIED
    again = await post(finance, "/finance/aster/run", period=MONTH)
    assert again.status_code == HTTPStatus.CONFLICT
    assert "is invoiced already, as CL-000001" in again.text
    twice = await post(finance, f"{invoice}/issue", confirm=f"aster {MONTH}")
    assert twice.status_code == HTTPStatus.CONFLICT


async def test_other_terms_are_priced_and_nothing_is_stored(books: Books, finance: httpx.AsyncClient) -> None:
    dearer = CONTRACT.replace("amount: 1200", "amount: 2200")
    html = (await post(finance, "/finance/aster/preview", month=MONTH, contract=dearer)).text
    in_force, difference, priced = (Decimal(text.replace(",", "")) for text in re.findall(r"<dd>₪([\d,.]+)</dd>", html))
    assert priced - in_force == difference
    assert difference > 0
    bad = await post(finance, "/finance/aster/preview", month=MONTH, contract="version: 1\nitems: []")
    assert bad.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert 'role="alert"' in bad.text
    async with books.database.transaction(books.finance) as tx:
        assert await tx.value("select count(*) from contract where tenant_id = $1", books.tenant.id) == 1
        assert await tx.value("select count(*) from invoice where tenant_id = $1", books.tenant.id) == 0


async def test_the_contract_is_read_in_words_and_as_it_was_handed_in(books: Books, finance: httpx.AsyncClient) -> None:
    html = (await finance.get("/finance/aster/contract")).text
    assert "by tier: 1.15 up to 40, then 0.95" in html
    assert "talk + hold, by 6 s up per contact" in html
    assert "effective_from: 1999-01-01" in html


async def test_a_month_without_a_contract_says_so(
    admin: asyncpg.Connection, database: Database, worker_database: Database, tmp_path: Path, finance: httpx.AsyncClient
) -> None:
    books = await open_books(admin, database, worker_database, tmp_path)
    await books.load(month())
    assert "No contract" in (await finance.get("/finance?state=bare")).text
    assert "No contract yet" in (await finance.get("/finance/aster/contract")).text
    assert (await post(finance, "/finance/aster/run", period=MONTH)).status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert (await post(finance, "/finance/aster/run", period="soon")).status_code == HTTPStatus.UNPROCESSABLE_ENTITY


@pytest.mark.parametrize(
    ("language", "words"), [("zh_Hans", ("账单草稿", "席位费")), ("zh_Hant", ("帳單草稿", "小計"))]
)
async def test_finance_speaks_chinese(
    books: Books, finance: httpx.AsyncClient, language: str, words: tuple[str, str]
) -> None:
    invoice = await draft(finance)
    finance.cookies.set("crewline_lang", language)
    html = (await finance.get(invoice)).text
    assert all(word in html for word in words)
    assert "Total with tax" not in html


async def test_outsiders_see_no_finance(
    books: Books, finance: httpx.AsyncClient, admin: asyncpg.Connection, log_in: LogIn
) -> None:
    invoice = await draft(finance)
    birch = await create_tenant(admin, "birch")
    pages = ("/finance", "/finance/months/export", invoice, f"{invoice}?line=2", f"{invoice}/lines/2")
    pages += (f"{invoice}/statement", "/finance/aster/contract")
    pages += (f"/finance/aster/preview?month={MONTH}",)
    for email, role, tenant, status in (
        ("s@op.example", "supervisor", None, HTTPStatus.FORBIDDEN),
        ("a@op.example", "agent", None, HTTPStatus.FORBIDDEN),
        ("m@aster.example", "manager", books.tenant, HTTPStatus.NOT_FOUND),
        ("m@birch.example", "manager", birch, HTTPStatus.NOT_FOUND),
    ):
        outsider = await log_in(email, (role, tenant))
        token = await admin.fetchval(
            "select csrf_token from session join app_user u on u.id = user_id where u.email = $1", email
        )
        for path in pages:
            answer = await outsider.get(path)
            assert answer.status_code == status, (email, path)
            assert MONTH not in answer.text.replace(path, "")
        for path in ("/finance/aster/run", "/finance/aster/preview", f"{invoice}/review", f"{invoice}/issue"):
            form = {"_csrf": token, "period": MONTH, "confirm": f"aster {MONTH}"}
            assert (await outsider.post(path, data=form)).status_code == status, (email, path)
    foreign = invoice.replace("/aster/", "/birch/")
    missing = f"/finance/aster/invoices/{birch.id}"
    assert (await finance.get(foreign)).status_code == (await finance.get(missing)).status_code == HTTPStatus.NOT_FOUND
