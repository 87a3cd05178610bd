"""Things that happen at the same moment: two issues, and records that change while an invoice is issued."""

import asyncio
import random
from pathlib import Path

import asyncpg
import pytest
from msgspec.structs import replace

from crewline_billing.invoices import closing
from crewline_billing.invoices.model import Invoice
from crewline_billing.invoices.rules_facts import Facts
from crewline_billing.rating.rules import rate_contract
from crewline_billing.rating.rules_lines import Usage
from crewline_billing.verification.rules import Verdict, verify
from crewline_infra.db import Database
from crewline_infra.errors import Conflict
from crewline_reporting.statements.files import statement_lines
from crewline_tenants.contracts.rules import parse
from tests.billing.invoices.books import Books, full_books
from tests.billing.invoices.test_invoices import drafted, issued
from tests.billing.scene import CONTRACT, PERIOD, PUBLIC, QUEUES, SALES, SUPPORT, month

RECORDS = month()
TERMS = parse(CONTRACT)


@pytest.fixture
async def books(admin: asyncpg.Connection, database: Database, worker_database: Database, tmp_path: Path) -> Books:
    return await full_books(admin, database, worker_database, tmp_path / "statements")


async def test_one_draft_issued_twice_at_once_is_issued_once(books: Books, admin: asyncpg.Connection) -> None:
    draft = await drafted(books)

    async def issue() -> Invoice:
        async with books.database.transaction(books.finance) as tx:
            return await closing.issue(tx, books.tenant.id, draft.id, books.desk())

    answers = await asyncio.gather(issue(), issue(), issue(), return_exceptions=True)
    assert [type(answer) for answer in answers if not isinstance(answer, Invoice)] == [Conflict, Conflict]
    assert await admin.fetchval("select last_number from invoice_counter") == 1


async def test_two_tenants_issued_at_once_get_neighbouring_numbers(
    books: Books, admin: asyncpg.Connection, worker_database: Database, tmp_path: Path
) -> None:
    other = await full_books(admin, books.database, worker_database, tmp_path / "statements", "birch")
    found = await asyncio.gather(issued(books), issued(other))
    assert sorted(invoice.number or "" for invoice in found) == ["CL-000001", "CL-000002"]


async def test_contacts_corrected_while_an_invoice_is_issued_are_billed_exactly_once(books: Books) -> None:
    """Whatever the order was: both invoices verify, and together they cost what the contacts cost in the end."""
    chance = random.Random(11)
    answered = [one for one in RECORDS if one.outcome == "answered"]
    now = {one.contact_id: one for one in RECORDS}

    async def correct() -> None:
        for victim in chance.sample(answered, 12):
            other = SUPPORT if victim.queue_id == SALES else SALES
            now[victim.contact_id] = replace(victim, queue_id=other)  # the usage stays the same; its price does not
            await books.correct(now[victim.contact_id])
            await asyncio.sleep(0)

    async def issue() -> Invoice:
        while True:
            try:
                return await issued(books)
            except Conflict:
                continue

    march, _none = await asyncio.gather(issue(), correct())
    april = await issued(books, "1999-04")
    for invoice in (march, april):
        path = closing.statement_path(books.folder, books.tenant.id, invoice.id)
        assert verify(statement_lines(path), PUBLIC).verdict is Verdict.VERIFIED
    facts = Facts(TERMS, PERIOD, QUEUES)
    for record in now.values():
        facts.add(record)
    owed = sum(line.amount for line in rate_contract(TERMS, Usage(contacts=facts.contacts)))
    billed = sum(line.amount for line in march.bill.lines if line.kind != "credit")
    assert billed + sum(line.amount for line in april.bill.lines if line.kind == "correction") == owed
