"""A month of one tenant for tests of bills and statements: records, a contract, and the statement of both."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from crewline_billing.invoices import rules_statement
from crewline_billing.invoices.rules import Bill, build
from crewline_billing.invoices.rules_facts import Facts
from crewline_infra.periods import month_period
from crewline_reporting.records.rules import Record
from crewline_reporting.statements.chain import FORMAT, Writer, public_key_hex, public_key_id
from crewline_reporting.statements.rules import (
    RECORD,
    Agreement,
    Bounds,
    Header,
    InvoiceName,
    QueueName,
    TenantName,
    stated_record,
)
from crewline_tenants.contracts.rules import document, fingerprint, parse

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = public_key_hex(KEY)
NAME = InvoiceName(id=UUID(int=9), number="CL-000001")
TENANT, SALES, SUPPORT = UUID(int=1), UUID(int=2), UUID(int=3)
QUEUES = {SALES: "sales", SUPPORT: "support"}
ZONE = "Asia/Jerusalem"
PERIOD = month_period("1999-03", ZONE)

CONTRACT = """
version: 1
currency: ILS
time_zone: Asia/Jerusalem
effective_from: 1999-01-01
name: Regular banking
taxes:
  - {code: vat, label: VAT, rate_percent: 17}
items:
  - {id: desk, label: {en: Desk fee, zh_Hans: 席位费}, price: {model: flat, amount: 1200}, tax: vat}
  - id: handled
    label: Handled contacts
    meter: contact.handled
    price: {model: graduated, tiers: [{up_to: 40, unit_price: "1.15"}, {unit_price: "0.95"}]}
    tax: vat
  - id: minutes
    label: Talk minutes
    meter: time.handle
    filter: {queue: [sales]}
    time: {include: [talk, hold], increment_s: 6, round: up, unit: minute}
    included: 10
    price: {model: per_unit, unit_price: "0.3333"}
    tax: vat
  - id: wrap
    label: Wrap-up
    meter: time.handle
    time: {include: [wrap], wrap_cap_s: 30, increment_s: 60, round: up, apply: total, unit: minute}
    price: {model: package, size: 10, price: 4}
    tax: vat
commitments:
  - {id: least, label: Committed minimum, minimum: 1500, tax: vat}
service_levels:
  cap_percent: 10
  tax: vat
  clauses:
    - {id: sl, label: Service level, target_percent: 90, threshold_s: 20, variant: V3,
       credit: {percent: 5, of: [handled, minutes]}}
    - {id: sales, label: Sales desk, target_percent: 10, threshold_s: 20, filter: {queue: [sales]},
       credit: {percent: 2}}
"""


def record(number: int, at: datetime, **fields: object) -> Record:
    """An answered contact: 10 s in the queue, then 60 s of talk, unless told otherwise."""
    answered = fields.get("outcome", "answered") == "answered"
    base = Record(
        tenant_id=TENANT,
        contact_id=UUID(int=1000 + number),
        source="test",
        external_id=str(number),
        queue_id=SALES,
        agent_alias="Agent 7" if answered else None,
        outcome="answered",
        arrived_at=at - timedelta(seconds=80),
        queued_at=at - timedelta(seconds=70),
        answered_at=at - timedelta(seconds=60) if answered else None,
        ended_at=at,
        wait_ms=10_000,
        talk_ms=60_000 if answered else 0,
        recorded_at=at,
    )
    return replace(base, **fields)


def month(seed: int = 1, count: int = 60) -> list[Record]:
    """Random contacts in the order of a statement: by end, then id."""
    chance = random.Random(seed)
    span = int((PERIOD.ends_at - PERIOD.starts_at).total_seconds())
    found = []
    for number in range(count):
        at = PERIOD.starts_at + timedelta(seconds=chance.randrange(200, span))
        outcome = chance.choice(["answered", "answered", "answered", "abandoned", "menu_ended"])
        talk = chance.randrange(1, 400_000) if outcome == "answered" else 0
        found.append(
            record(
                number,
                at,
                outcome=outcome,
                queue_id=None if outcome == "menu_ended" else chance.choice([SALES, SUPPORT]),
                queued_at=None if outcome == "menu_ended" else at - timedelta(seconds=70),
                wait_ms=chance.randrange(0, 60_000),
                talk_ms=talk,
                hold_ms=chance.choice([0, 4_321]) if talk else 0,
                wrap_ms=chance.randrange(0, 50_000) if talk else 0,
                customer_ref=str(chance.randrange(20)),
            )
        )
    return sorted(found, key=lambda one: (one.ended_at, one.contact_id))


def bill(records: Sequence[Record], contract: str = CONTRACT) -> Bill:
    facts = Facts(parse(contract), PERIOD, QUEUES)
    for one in records:
        facts.add(one)
    return build(parse(contract), facts)


def header(contract: str = CONTRACT, **fields: object) -> Header:
    terms = parse(contract)
    base = Header(
        format=FORMAT,
        operator="Crew GmbH",
        tenant=TenantName(id=TENANT, slug="aster", name="Aster"),
        period=Bounds(label=PERIOD.label, zone=ZONE, starts_at=PERIOD.starts_at, ends_at=PERIOD.ends_at),
        currency=terms.currency,
        contract=Agreement(version=1, hash=fingerprint(terms), document=document(terms)),
        queues=[QueueName(id=queue_id, slug=slug) for queue_id, slug in QUEUES.items()],
        product_version="0.1.0",
        generated_at=datetime(1999, 4, 2, tzinfo=UTC),
        public_key_id=public_key_id(PUBLIC),
    )
    return replace(base, **fields)


def statement(records: Sequence[Record], key: Ed25519PrivateKey = KEY, stated: Bill | None = None) -> bytes:
    """The whole file; `stated` replaces the honest bill."""
    parts: list[bytes] = []
    writer = Writer(parts.append)
    rules_statement.begin(writer, header(), [])
    for one in records:
        writer.line(RECORD, stated_record(one, one.customer_ref))
    rules_statement.finish(writer, stated or bill(records), NAME, key)
    return b"".join(parts)
