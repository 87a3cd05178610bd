"""What comes late, or is corrected after the invoice, goes to the next invoice and keeps its original period."""

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from crewline_billing.invoices import closing, service
from crewline_billing.invoices.drilldown import line_contacts
from crewline_billing.invoices.rules import Base, build
from crewline_billing.invoices.rules_correction import units_of
from crewline_billing.invoices.rules_facts import Facts, Late
from crewline_billing.rating.rules import rate_contract
from crewline_billing.rating.rules_lines import ContactUsage, Usage
from crewline_billing.verification.rules import Verdict, VerificationReport, verify
from crewline_infra.db import Database
from crewline_infra.errors import Conflict
from crewline_infra.periods import month_period
from crewline_reporting.statements.files import lines_of, statement_lines
from crewline_tenants.contracts.rules import parse
from tests.billing.invoices.books import LATER, Books, full_books
from tests.billing.invoices.test_invoices import drafted, issued
from tests.billing.scene import CONTRACT, PERIOD, PUBLIC, QUEUES, SALES, ZONE, month, record

RECORDS = month()
TERMS = parse(CONTRACT)
APRIL = month_period("1999-04", ZONE)


@pytest.fixture
async def books(admin: asyncpg.Connection, database: Database, worker_database: Database, tmp_path: Path) -> Books:
    return await full_books(admin, database, worker_database, tmp_path / "statements")


def verified(books: Books, invoice_id: UUID) -> VerificationReport:
    path = closing.statement_path(books.folder, books.tenant.id, invoice_id)
    return verify(statement_lines(path), PUBLIC)


async def test_late_contacts_are_billed_next_month_for_their_own_month(books: Books, admin: asyncpg.Connection) -> None:
    march = await issued(books)
    late = [record(950 + n, PERIOD.starts_at + timedelta(days=5, minutes=n)) for n in range(500)]
    await books.load(late)
    april = await issued(books, "1999-04")
    corrections = [line for line in april.bill.lines if line.kind == "correction"]
    assert {line.original_period for line in corrections} == {"1999-03"}
    handled = next(line for line in corrections if line.item == "handled")
    before, after = 32, 532
    full = 40 * Fraction("1.15") + (after - 40) * Fraction("0.95")
    assert Fraction(handled.amount) == full - before * Fraction("1.15")
    assert handled.quantity == after - before
    assert sum(step.amount for step in handled.arithmetic) == handled.amount
    minutes = next(line for line in corrections if line.item == "minutes")
    assert minutes.amount == Decimal("166.65")  # 500 minutes at 0.3333; the allowance was used up before
    trued_up = next(line for line in corrections if line.item == "least")
    assert trued_up.amount == -next(line for line in march.bill.lines if line.item == "least").amount
    assert await admin.fetchval("select count(*) from usage_row where invoice_id is null") == 0
    report = verified(books, april.id)
    assert (report.verdict, report.findings) == (Verdict.VERIFIED, [])
    assert march.statement is not None
    assert march.statement.chain_head in report.notes[0]


async def test_both_invoices_together_cost_what_one_would_have_cost(books: Books) -> None:
    """Without late contacts April is fixed fees; the rest is what March lacked."""
    march = await issued(books)
    await books.load([record(950 + n, PERIOD.starts_at + timedelta(days=5, minutes=n)) for n in range(300)])
    april = await issued(books, "1999-04")
    corrected = sum(line.amount for line in april.bill.lines if line.kind == "correction")
    contacts = [*RECORDS, *(record(950 + n, PERIOD.starts_at + timedelta(days=5, minutes=n)) for n in range(300))]
    facts = Facts(TERMS, PERIOD, QUEUES)
    for one in contacts:
        facts.add(one)
    whole = sum(line.amount for line in rate_contract(TERMS, Usage(contacts=facts.contacts)))
    billed = sum(line.amount for line in march.bill.lines if line.kind != "credit")
    assert billed + corrected == whole


async def test_a_corrected_contact_is_taken_back_and_billed_anew(books: Books) -> None:
    await issued(books)
    victim = next(one for one in RECORDS if one.outcome == "answered" and one.queue_id == SALES)
    await books.correct(replace(victim, talk_ms=victim.talk_ms + 600_000))
    april = await issued(books, "1999-04")
    (minutes,) = [line for line in april.bill.lines if line.item == "minutes" and line.kind == "correction"]
    assert minutes.quantity == Decimal(10)
    assert minutes.amount in {Decimal("3.33"), Decimal("3.34")}
    async with books.database.transaction(books.finance) as tx:
        (contact,) = await line_contacts(tx, books.tenant.id, april.id, minutes.position)
    assert (contact.contact_id, contact.billed, contact.version) == (victim.contact_id, 600_000, 2)
    assert verified(books, april.id).verdict is Verdict.VERIFIED


async def test_a_contact_excluded_after_the_invoice_is_refunded(books: Books) -> None:
    await issued(books)
    victim = next(one for one in RECORDS if one.outcome == "answered" and one.queue_id == SALES)
    await books.correct(
        replace(victim, outcome="excluded", exclusion="phantom", answered_at=None, talk_ms=0, hold_ms=0, wrap_ms=0)
    )
    april = await issued(books, "1999-04")
    (handled,) = [line for line in april.bill.lines if line.item == "handled" and line.kind == "correction"]
    assert (handled.quantity, handled.amount) == (Decimal(-1), Decimal("-1.15"))
    assert verified(books, april.id).verdict is Verdict.VERIFIED


async def test_a_contact_moved_to_another_month_changes_invoices_once(books: Books) -> None:
    await issued(books)
    victim = next(one for one in RECORDS if one.outcome == "answered" and one.queue_id == SALES)
    days = timedelta(days=30)
    moved = replace(victim, ended_at=APRIL.starts_at + days / 10, queued_at=APRIL.starts_at, answered_at=None)
    await books.correct(replace(moved, answered_at=APRIL.starts_at + days / 20))
    april = await issued(books, "1999-04")
    handled = {line.kind: line.quantity for line in april.bill.lines if line.item == "handled"}
    assert handled == {"usage": Decimal(1), "correction": Decimal(-1)}
    assert verified(books, april.id).verdict is Verdict.VERIFIED


async def test_corrections_of_corrections_start_from_what_was_billed_last(books: Books) -> None:
    await issued(books)
    await books.load([record(950, PERIOD.starts_at + timedelta(days=5))])
    april = await issued(books, "1999-04")
    await books.load([record(951, PERIOD.starts_at + timedelta(days=5))])
    async with books.database.transaction(books.finance) as tx:
        may = await service.run(tx, books.tenant.id, "1999-05", now=LATER)
    (handled,) = [line for line in may.bill.lines if line.item == "handled" and line.kind == "correction"]
    assert handled.arithmetic[0].words.endswith("33 contacts")
    assert handled.quantity == 1
    assert april.bill.units[1].items["handled"] == 33


async def test_a_change_between_draft_and_issue_is_refused(books: Books) -> None:
    await issued(books)
    draft = await drafted(books, "1999-04")
    await books.load([record(950, PERIOD.starts_at + timedelta(days=5))])
    with pytest.raises(Conflict, match="run it again"):
        async with books.database.transaction(books.finance) as tx:
            await closing.issue(tx, books.tenant.id, draft.id, books.desk(LATER))


async def test_a_changed_correction_does_not_verify(books: Books) -> None:
    await issued(books)
    await books.load([record(950, PERIOD.starts_at + timedelta(days=5))])
    april = await issued(books, "1999-04")
    path = closing.statement_path(books.folder, books.tenant.id, april.id)
    content = b"".join(statement_lines(path))
    for old, new, named in (
        (b'"part":"after"', b'"part":"before"', "recomputed"),
        (b'"of":"1999-03"', b'"of":"1999-02"', "belongs to no corrected period"),
        (b'"handled":33', b'"handled":34', "billed units of 1999-03: handled stated 34, recomputed 33"),
    ):
        assert old in content
        report = verify(lines_of(content.replace(old, new)), PUBLIC)
        assert report.verdict is Verdict.DIFFERS
        assert named in "\n".join(finding.text for finding in report.findings)


CONTACTS = st.builds(
    ContactUsage,
    contact_id=st.uuids(),
    queue=st.sampled_from(["sales", "support"]),
    handled=st.just(1),
    offered=st.just(1),
    talk_ms=st.integers(0, 400_000),
    hold_ms=st.integers(0, 30_000),
    wrap_ms=st.integers(0, 90_000),
)


@given(st.lists(CONTACTS, max_size=60), st.lists(CONTACTS, max_size=60))
@settings(deadline=None)
def test_corrections_come_to_the_price_of_all_contacts(billed: list[ContactUsage], now: list[ContactUsage]) -> None:
    """For any two sets of contacts: what was billed, and the corrections, are the price of the second set."""
    facts = Facts(TERMS, APRIL, QUEUES)
    facts.late["1999-03"] = Late(before=billed, after=now)
    bill = build(TERMS, facts, {"1999-03": Base(contract=TERMS, billed=units_of(TERMS, billed))})
    corrected = sum((line.amount for line in bill.lines if line.kind == "correction"), Decimal(0))
    price = [sum(line.amount for line in rate_contract(TERMS, Usage(contacts=these))) for these in (billed, now)]
    assert price[0] + corrected == price[1]
    assert bill.totals.net == sum(line.amount for line in bill.lines)
    assert bill.totals.total == bill.totals.net + bill.totals.tax
