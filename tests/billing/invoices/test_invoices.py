"""From records in a real database to a frozen invoice and a statement that verifies."""

import gzip
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import asyncpg
import pytest

from crewline_billing.invoices import closing, service
from crewline_billing.invoices.drilldown import line_contacts
from crewline_billing.invoices.model import Invoice
from crewline_billing.invoices.rules_state import State
from crewline_billing.verification.rules import Verdict, verify
from crewline_infra.db import Database
from crewline_infra.errors import Conflict, Invalid, NotFound
from crewline_infra.tenancy import Role
from crewline_reporting.statements.files import statement_lines
from tests.billing.invoices.books import LATER, NOW, Books, full_books, open_books
from tests.billing.scene import CONTRACT, PERIOD, PUBLIC, bill, month, record
from tests.builders import create_tenant

RECORDS = month()


@pytest.fixture
async def books(admin: asyncpg.Connection, database: Database, worker_database: Database, tmp_path: Path) -> Books:
    return await full_books(admin, database, worker_database, tmp_path / "statements")


async def drafted(books: Books, label: str = "1999-03") -> Invoice:
    async with books.database.transaction(books.finance) as tx:
        return await service.run(tx, books.tenant.id, label, now=NOW)


async def issued(books: Books, label: str = "1999-03") -> Invoice:
    draft = await drafted(books, label)
    now = NOW if label == "1999-03" else LATER
    async with books.database.transaction(books.finance) as tx:
        return await closing.issue(tx, books.tenant.id, draft.id, books.desk(now))


async def test_a_preview_writes_nothing_and_a_draft_says_the_same(books: Books, admin: asyncpg.Connection) -> None:
    async with books.database.transaction(books.finance) as tx:
        preview = await service.preview(tx, books.tenant.id, "1999-03")
    assert await admin.fetchval("select count(*) from invoice") == 0
    assert preview == bill(RECORDS)
    draft = await drafted(books)
    assert (draft.state, draft.bill, draft.number) == (State.DRAFT, preview, None)


async def test_the_lines_agree_with_sql_written_by_hand(books: Books, admin: asyncpg.Connection) -> None:
    draft = await drafted(books)
    row = await admin.fetchrow(
        """
        select count(*) filter (where outcome = 'answered') as handled,
               sum(ceil((talk_ms + hold_ms) / 6000.0) * 6)
                 filter (where outcome = 'answered' and q.slug = 'sales' and talk_ms + hold_ms > 0) as sales_s,
               ceil(sum(least(wrap_ms, 30000)) filter (where outcome = 'answered') / 60000.0) as wrap_min,
               count(*) filter (where outcome = 'answered' and wait_ms <= 20000) as in_time,
               count(*) filter (where outcome in ('answered', 'abandoned')) as counted
          from record r left join queue q on q.tenant_id = r.tenant_id and q.id = r.queue_id
         where r.tenant_id = $1 and ended_at >= '1999-03-01 00:00+02' and ended_at < '1999-04-01 00:00+02'
        """,
        books.tenant.id,
    )
    handled = min(row["handled"], 40) * Fraction("1.15") + max(row["handled"] - 40, 0) * Fraction("0.95")
    minutes = max(Fraction(row["sales_s"]) / 60 - 10, Fraction(0)) * Fraction("0.3333")
    wrap = -(-int(row["wrap_min"]) // 10) * 4
    fees = [Fraction(1200), cents(handled), cents(minutes), Fraction(wrap)]
    true_up = max(Fraction(1500) - sum(fees), Fraction(0))
    missed = Fraction(row["in_time"], row["counted"]) < Fraction(90, 100)
    credit = cents((fees[1] + fees[2]) * Fraction(5, 100)) if missed else Fraction(0)
    net = sum(fees) + true_up - credit
    assert [line.amount for line in draft.bill.lines] == [*fees, true_up, -credit]
    assert (draft.net, draft.tax) == (net, cents(net * Fraction(17, 100)))
    assert draft.total == draft.net + draft.tax == sum(line.amount for line in draft.bill.lines) + draft.tax


def cents(value: Fraction) -> Fraction:
    return Fraction(int(value * 100 + Fraction(1, 2)), 100)


async def test_running_again_gives_the_identical_draft(books: Books, admin: asyncpg.Connection) -> None:
    first = await drafted(books)
    stored = await admin.fetchval("select document::text from invoice")
    assert await drafted(books) == first
    assert await admin.fetchval("select document::text from invoice") == stored
    assert await admin.fetchval("select count(*) from audit_entry where action = 'invoice.drafted'") == 1


async def test_a_draft_follows_its_records_until_it_is_issued(books: Books) -> None:
    first = await drafted(books)
    async with books.database.transaction(books.finance) as tx:
        await service.review(tx, books.tenant.id, first.id, now=NOW)
    await books.load([record(900, PERIOD.starts_at + timedelta(days=3))])
    with pytest.raises(Conflict, match="changed since this draft"):
        async with books.database.transaction(books.finance) as tx:
            await closing.issue(tx, books.tenant.id, first.id, books.desk())
    second = await drafted(books)
    assert (second.id, second.state) == (first.id, State.DRAFT)
    assert second.hash != first.hash
    assert list(books.folder.rglob("*.gz")) == []


async def test_issuing_numbers_freezes_and_writes_a_statement_that_verifies(
    books: Books, admin: asyncpg.Connection
) -> None:
    invoice = await issued(books)
    assert (invoice.state, invoice.number) == (State.ISSUED, "CL-000001")
    assert await admin.fetchval("select state from billing_period") == "closed"
    assert await admin.fetchval("select count(*) from usage_row where invoice_id is distinct from $1", invoice.id) == 0
    async with books.database.transaction(books.finance) as tx:
        stated, path = await closing.statement_file(tx, books.tenant.id, invoice.id, books.folder)
    report = verify(statement_lines(path), PUBLIC)
    assert (report.verdict, report.findings) == (Verdict.VERIFIED, [])
    assert (report.total, report.invoice_number, report.records) == (invoice.total, "CL-000001", len(RECORDS))
    assert stated.line_count == report.lines
    assert stated.file_name == "statement-aster-1999-03-CL-000001.jsonl.gz"
    actions = [row["action"] for row in await admin.fetch("select action from audit_entry order by id")]
    assert actions == ["invoice.drafted", "invoice.reviewed", "invoice.issued"]


async def test_a_statement_names_no_customer(books: Books) -> None:
    await books.load([record(901, PERIOD.starts_at + timedelta(days=3), customer_ref="+972 3 555 0199")])
    invoice = await issued(books)
    text = gzip.decompress(closing.statement_path(books.folder, books.tenant.id, invoice.id).read_bytes())
    assert b"555 0199" not in text
    references = {line.split(b'"customer_ref":"')[1][:17] for line in text.splitlines() if b"customer_ref" in line}
    assert len(references) == len({one.customer_ref for one in RECORDS}) + 1
    assert all(len(reference.rstrip(b'"')) == 16 for reference in references)


async def test_an_issued_month_is_not_run_or_issued_again(books: Books) -> None:
    invoice = await issued(books)
    with pytest.raises(Conflict, match="invoiced already, as CL-000001"):
        await drafted(books)
    with pytest.raises(Conflict, match="cannot take the step"):
        async with books.database.transaction(books.finance) as tx:
            await closing.issue(tx, books.tenant.id, invoice.id, books.desk())


async def test_a_month_that_is_not_over_cannot_be_issued(books: Books, admin: asyncpg.Connection) -> None:
    draft = await drafted(books)
    desk = books.desk(PERIOD.ends_at - timedelta(seconds=1))
    with pytest.raises(Conflict, match="1999-03 is not over"):
        async with books.database.transaction(books.finance) as tx:
            await closing.issue(tx, books.tenant.id, draft.id, desk)
    assert await admin.fetchval("select count(*) from invoice_counter") == 0


async def test_numbers_have_no_gap_after_a_failure(
    books: Books, admin: asyncpg.Connection, worker_database: Database, tmp_path: Path
) -> None:
    draft = await drafted(books)

    async def issue_and_fail() -> None:
        async with books.database.transaction(books.finance) as tx:
            await closing.issue(tx, books.tenant.id, draft.id, books.desk())
            raise OSError("the disk failed after all was written")

    with pytest.raises(OSError, match="disk"):
        await issue_and_fail()
    other = await full_books(admin, books.database, worker_database, tmp_path / "statements", "birch")
    assert (await issued(other)).number == "CL-000001"
    assert (await issued(books)).number == "CL-000002"


@pytest.mark.parametrize("position", [2, 3, 4])
async def test_the_contacts_of_a_line_add_up_to_its_quantity(books: Books, position: int) -> None:
    for invoice in (await drafted(books), await issued(books)):
        line = invoice.bill.lines[position - 1]
        found = []
        async with books.database.transaction(books.finance) as tx:
            while page := await line_contacts(
                tx,
                books.tenant.id,
                invoice.id,
                position,
                after=(found[-1].ended_at, found[-1].contact_id) if found else None,
                limit=7,
            ):
                found += page
        assert len({one.contact_id for one in found}) == len(found) == line.contacts
        total = sum(one.billed for one in found)
        if line.item == "wrap":  # rounded to whole minutes on the total
            total = -(-total // 60_000) * 60_000
        assert Fraction(total, 1 if line.meter == "contact.handled" else 60_000) == Fraction(line.quantity)


async def test_lines_without_contacts_say_so(books: Books) -> None:
    draft = await drafted(books)
    async with books.database.transaction(books.finance) as tx:
        with pytest.raises(Invalid, match="No contacts stand behind"):
            await line_contacts(tx, books.tenant.id, draft.id, 1)
        with pytest.raises(NotFound):
            await line_contacts(tx, books.tenant.id, draft.id, 99)


async def test_a_month_without_a_contract_is_one_sentence(
    admin: asyncpg.Connection, database: Database, worker_database: Database, tmp_path: Path
) -> None:
    books = await open_books(admin, database, worker_database, tmp_path)
    with pytest.raises(Invalid, match="No contract covers 1999-03"):
        await drafted(books)
    await books.agree(CONTRACT)
    with pytest.raises(Invalid, match="No contract covers 1998-12"):
        await drafted(books, "1998-12")
    with pytest.raises(Invalid, match="is no month"):
        await drafted(books, "1999-3")


async def test_an_empty_month_bills_its_fixed_fees(
    admin: asyncpg.Connection, database: Database, worker_database: Database, tmp_path: Path
) -> None:
    books = await open_books(admin, database, worker_database, tmp_path)
    await books.agree(CONTRACT)
    invoice = await issued(books)
    assert invoice.net == Decimal(1500)
    assert [line.verdict for line in invoice.bill.service_levels] == ["no_contacts", "no_contacts"]
    path = closing.statement_path(books.folder, books.tenant.id, invoice.id)
    assert verify(statement_lines(path), PUBLIC).verdict is Verdict.VERIFIED


async def test_outsiders_see_no_invoice(books: Books, admin: asyncpg.Connection) -> None:
    invoice = await issued(books)
    stranger = await create_tenant(admin, "birch")
    for role in (Role.TENANT, Role.FINANCE):
        async with books.database.transaction(stranger.context(role)) as tx:
            for call in (
                service.get(tx, books.tenant.id, invoice.id),
                service.get(tx, stranger.id, invoice.id),
                line_contacts(tx, books.tenant.id, invoice.id, 2),
                closing.statement_file(tx, books.tenant.id, invoice.id, books.folder),
            ):
                with pytest.raises(NotFound):
                    await call
            assert await service.list_invoices(tx, books.tenant.id) == []


async def test_the_tenant_sees_issued_invoices_only(books: Books) -> None:
    draft = await drafted(books)
    async with books.database.transaction(books.tenant.context()) as tx:
        assert await service.list_invoices(tx, books.tenant.id) == []
        with pytest.raises(NotFound):
            await service.get(tx, books.tenant.id, draft.id)
    invoice = await issued(books)
    async with books.database.transaction(books.tenant.context()) as tx:
        (summary,) = await service.list_invoices(tx, books.tenant.id)
        assert summary.number == invoice.number
        assert (await service.get(tx, books.tenant.id, invoice.id)).bill == invoice.bill
        assert await line_contacts(tx, books.tenant.id, invoice.id, 2, limit=3)


async def test_usage_that_the_records_do_not_explain_stops_the_issue(books: Books, admin: asyncpg.Connection) -> None:
    """What a record arriving at the very moment of issuing would look like: usage handed over, but not billed."""
    draft = await drafted(books)
    await admin.execute(
        "insert into usage_row (tenant_id, contact_id, version, sign, handled, offered, talk_ms, hold_ms, wrap_ms, "
        "billed_at, channel, recorded_at) values ($1, $2, 1, 1, 1, 0, 0, 0, 0, $3, 'voice', $3)",
        books.tenant.id,
        books.tenant.id,
        PERIOD.starts_at,
    )
    with pytest.raises(Conflict, match="have just changed"):
        async with books.database.transaction(books.finance) as tx:
            await closing.issue(tx, books.tenant.id, draft.id, books.desk())
    assert await admin.fetchval("select count(*) from usage_row where invoice_id is not null") == 0


async def test_a_contract_in_another_time_zone_cannot_bill_an_hour_twice(books: Books) -> None:
    await issued(books)
    moved = CONTRACT.replace("time_zone: Asia/Jerusalem", "time_zone: Asia/Shanghai")
    await books.agree(moved.replace("effective_from: 1999-01-01", "effective_from: 1999-04-01"))
    with pytest.raises(Conflict, match="1999-04 does not meet 1999-03, which is invoiced: keep the time zone Asia/J"):
        await drafted(books, "1999-04")
