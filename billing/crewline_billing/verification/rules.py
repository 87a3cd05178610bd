"""Verify a statement offline: chain and signature, contract, records; then recompute every figure and compare.

Pure: it needs the lines of the file and, if the tenant has it, the operator's public key. A damaged line never ends
the check, so that both what was changed and which amounts differ are named.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from crewline_billing.invoices.rules import Base, Bill, build
from crewline_billing.invoices.rules_facts import Facts
from crewline_billing.verification.rules_compare import Stated, compare, parts_add_up, sane
from crewline_infra.canonical import canonical_json, sha256_hex
from crewline_infra.errors import Invalid
from crewline_infra.periods import Period, month_period
from crewline_reporting.records.rules import interval_instant, problems
from crewline_reporting.statements import rules as lines_of
from crewline_reporting.statements.chain import FORMAT, SEAL, UNREADABLE, Envelope, Reader, public_key_id
from crewline_reporting.statements.files import DAMAGED
from crewline_reporting.statements.findings import Area, Finding, Findings
from crewline_reporting.statements.rules import (
    Agreement,
    Bounds,
    CorrectedPeriod,
    Header,
    InvoiceLine,
    InvoiceName,
    RecordLine,
    ServiceLevelLine,
    Totals,
    UnitsLine,
    UsageLine,
)
from crewline_tenants.contracts.rules import from_document
from crewline_tenants.contracts.rules_terms import Contract

RECORDS_MAX = 5_000_000
PROBLEMS_MAX = 100_000
KEPT_MAX = 10_000
_RANK = {kind: rank for rank, kind in enumerate(lines_of.ORDER)}
_T = TypeVar("_T")


class Verdict(StrEnum):
    VERIFIED = "verified"
    DIFFERS = "does_not_verify"
    NO_STATEMENT = "not_a_statement"


class VerificationReport(msgspec.Struct, frozen=True, kw_only=True):
    """`findings` is empty exactly when the verdict is `verified`; `finding_count` also counts what was too much to
    list. The stated figures are repeated for the reader, None where they could not be read.
    """

    verdict: Verdict
    findings: list[Finding]
    finding_count: int
    lines: int
    records: int
    tenant: str | None = None
    period: str | None = None
    invoice_number: str | None = None
    currency: str | None = None
    net: Decimal | None = None
    tax: Decimal | None = None
    total: Decimal | None = None
    key_id: str | None = None
    key_known: bool = False
    notes: list[str] = []


def verify(lines: Iterable[bytes], public_key: str | None = None) -> VerificationReport:
    """Check the lines of a file (each with its line feed). `public_key` is 64 hex digits; without it the signature
    only proves that nothing changed since whoever holds the key stated in the file signed it.
    """
    check = _Check()
    try:
        for raw in lines:
            if not check.read(raw):
                break
    except DAMAGED as damage:
        after = check.reader.position
        check.damaged = True
        check.findings.add("chain", None, f"the file cannot be read on after line {after}: {damage}")
    return check.report(public_key)


class _Check:
    """The state of one verification."""

    def __init__(self) -> None:
        self.findings = Findings()
        self.reader = Reader(self.findings)
        self.records = 0
        self.header: Header | None = None
        self.contract: Contract | None = None
        self.facts: Facts | None = None
        self.bases: dict[str, Base] = {}
        self.base_periods: dict[str, Period] = {}
        self.usage: list[UsageLine] = []
        self.service_levels: list[ServiceLevelLine] = []
        self.units: list[UnitsLine] = []
        self.lines: list[InvoiceLine] = []
        self.names: list[InvoiceName] = []
        self.totals: Totals | None = None
        self.notes: list[str] = []
        self.other_format: str | None = None
        self.damaged = False
        self._rank = 0
        self._seen: set[tuple[str, str | None, UUID]] = set()
        self._last: tuple[datetime, UUID] | None = None
        self._record = msgspec.json.Decoder(RecordLine)
        self._kinds: dict[str, Callable[[Envelope], None]] = {
            lines_of.HEADER: self._read_header,
            lines_of.CORRECTED: self._read_corrected,
            lines_of.RECORD: self._read_record,
            lines_of.USAGE: lambda line: self._keep(line, UsageLine, self.usage),
            lines_of.SERVICE_LEVEL: lambda line: self._keep(line, ServiceLevelLine, self.service_levels),
            lines_of.UNITS: lambda line: self._keep(line, UnitsLine, self.units),
            lines_of.INVOICE: lambda line: self._keep(line, InvoiceName, self.names),
            lines_of.INVOICE_LINE: lambda line: self._keep(line, InvoiceLine, self.lines),
            lines_of.TOTALS: self._read_totals,
            SEAL: lambda line: None,
        }

    def read(self, raw: bytes) -> bool:
        """Take one line; False when there is no sense in reading on."""
        line = self.reader.read(raw)
        if line is not None:
            self._place(line)
            reader = self._kinds.get(line.kind)
            if reader is None:
                self._found("content", f"has the unknown kind {line.kind[:40]!r}")
            else:
                reader(line)
        if self.records > RECORDS_MAX or self.findings.count > PROBLEMS_MAX:
            self._found("content", "is where reading was given up: there is too much of it, or too much is wrong")
            return False
        return self.other_format is None

    def report(self, public_key: str | None) -> VerificationReport:
        strange = not self.reader.understood and not self.damaged
        if strange or self.other_format is not None:
            return self._no_statement()
        self.reader.close(public_key)
        seal = self.reader.seal
        if seal is not None and self.header is not None and _key_id(seal.public_key) != self.header.public_key_id:
            self.findings.add("signature", None, "the header names another key than the final line")
        self._compare()
        return self._summary(public_key)

    def _place(self, line: Envelope) -> None:
        """Kinds come in a fixed order, so that nothing can be hidden behind the totals."""
        rank = _RANK.get(line.kind, self._rank)
        if rank < self._rank or (line.kind == lines_of.HEADER and line.line != 1):
            self._found("content", f"is a line of kind {line.kind} in the wrong place")
        self._rank = max(rank, self._rank)

    def _read_header(self, line: Envelope) -> None:
        header = self._decoded(line, Header)
        if header is None or self.header is not None:
            return
        if header.format != FORMAT:
            if not self.findings.count:
                self.other_format = header.format
                return
            self._found("content", f"states the unknown format {header.format[:60]!r}")
        self.header = header
        contract = self._agreement(header.contract)
        period = self._period(header.period)
        if contract is None or period is None:
            return
        if (contract.currency, contract.time_zone) != (header.currency, header.period.zone):
            self._found("content", "states another currency or time zone than its contract")
        self.contract = contract
        self.facts = Facts(contract, period, {queue.id: queue.slug for queue in header.queues})

    def _read_corrected(self, line: Envelope) -> None:
        base = self._decoded(line, CorrectedPeriod)
        if base is None:
            return
        contract, period = self._agreement(base.contract), self._period(base.period)
        if contract is None or period is None or len(self.bases) >= KEPT_MAX:
            return
        self.bases[period.label] = Base(contract=contract, billed=base.billed)
        self.base_periods[period.label] = period
        self.notes.append(
            f"Corrections of {period.label} start from the quantities that the statement with the chain head "
            f"{base.statement or '(none)'} billed."
        )

    def _read_record(self, line: Envelope) -> None:
        self.records += 1
        try:
            record = self._record.decode(line.value)
        except UNREADABLE as error:
            self._found("content", f"holds no record that can be read: {error}")
            return
        contradictions = problems(record)
        for problem in contradictions:
            self._found("content", f"(record {record.contact_id}) contradicts itself: {problem}")
        key = (record.part, record.of, record.contact_id)
        if key in self._seen:
            self._found("content", f"lists the record {record.contact_id} a second time")
            return
        self._seen.add(key)
        if self.facts is not None and not contradictions:
            self._count(record, self.facts)

    def _count(self, record: RecordLine, facts: Facts) -> None:
        if record.part == "period":
            if record.ended_at not in facts.period and interval_instant(record) not in facts.period:
                self._found("content", f"(record {record.contact_id}) lies outside the period")
            facts.add(record)
            return
        period = self.base_periods.get(record.of or "")
        if period is None or record.ended_at not in period:
            self._found("content", f"(record {record.contact_id}) belongs to no corrected period of this statement")
            return
        facts.add_late(record, period.label, billed=record.part == "before")

    def _read_totals(self, line: Envelope) -> None:
        totals = self._decoded(line, Totals)
        if totals is not None and self.totals is not None:
            self._found("content", "states totals a second time")
        self.totals = self.totals or totals

    def _keep(self, line: Envelope, kind: type[_T], kept: list[_T]) -> None:
        value = self._decoded(line, kind)
        if value is not None and len(kept) < KEPT_MAX:
            kept.append(value)
        elif value is not None:
            self._found("content", f"is one line of kind {line.kind} too many")

    def _decoded(self, line: Envelope, kind: type[_T]) -> _T | None:
        try:
            value: _T = msgspec.json.decode(line.value, type=kind)
        except UNREADABLE as error:
            self._found("content", f"is no {line.kind} that can be read: {error}")
            return None
        if not sane(value):
            self._found("content", f"is a {line.kind} with a number of absurd size")
            return None
        return value

    def _agreement(self, stated: Agreement) -> Contract | None:
        try:
            contract = from_document(stated.document)
            found = sha256_hex(canonical_json(stated.document))
        except (Invalid, RecursionError, TypeError, ValueError) as problem:
            self._found("content", f"holds a contract that cannot be read: {problem}")
            return None
        if found != stated.hash:
            self._found("content", f"holds a contract (version {stated.version}) that does not match its hash")
        return contract

    def _period(self, stated: Bounds) -> Period | None:
        try:
            period = month_period(stated.label, stated.zone)
        except Invalid as problem:
            self._found("content", f"states no period that can be read: {problem.message}")
            return None
        if (period.starts_at, period.ends_at) != (stated.starts_at, stated.ends_at):
            self._found("content", f"states other bounds than {stated.label} has in {stated.zone}")
        return period

    def _compare(self) -> None:
        if len(self.names) != 1:
            self.findings.add("content", None, f"the statement names {len(self.names)} invoices, not one")
        if self.totals is None:
            self.findings.add("totals", None, "the statement has no totals that can be read")
        else:
            parts_add_up(self.findings, self.lines, self.totals)
        if self.contract is None or self.facts is None:
            self.findings.add("content", None, "nothing was recomputed, because the header cannot be used")
            return
        recomputed = self._recomputed(self.contract, self.facts)
        if recomputed is not None:
            stated = Stated(self.usage, self.service_levels, self.units, self.lines, self.totals)
            compare(self.findings, stated, recomputed)

    def _recomputed(self, contract: Contract, facts: Facts) -> Bill | None:
        try:
            return build(contract, facts, self.bases)
        except (Invalid, ArithmeticError, ValueError) as problem:
            self.findings.add("invoice", None, f"the contract cannot be applied: {problem}")
            return None

    def _no_statement(self) -> VerificationReport:
        format_ = self.other_format
        reason = (
            f"the format {format_[:60]!r} is not one that this version reads ({FORMAT})"
            if format_ is not None
            else "this file is not a statement"
        )
        return VerificationReport(
            verdict=Verdict.NO_STATEMENT,
            findings=[Finding("content", None, reason)],
            finding_count=1,
            lines=self.reader.position,
            records=0,
        )

    def _summary(self, public_key: str | None) -> VerificationReport:
        header, totals, seal = self.header, self.totals, self.reader.seal
        return VerificationReport(
            verdict=Verdict.DIFFERS if self.findings.count else Verdict.VERIFIED,
            findings=self.findings.items,
            finding_count=self.findings.count,
            lines=self.reader.position,
            records=self.records,
            tenant=header.tenant.name if header else None,
            period=header.period.label if header else None,
            invoice_number=self.names[0].number if self.names else None,
            currency=header.currency if header else None,
            net=totals.net if totals else None,
            tax=totals.tax if totals else None,
            total=totals.total if totals else None,
            key_id=_key_id(seal.public_key) if seal else None,
            key_known=public_key is not None,
            notes=self.notes,
        )

    def _found(self, area: Area, text: str) -> None:
        self.findings.add(area, self.reader.position, text)


def _key_id(public_key: Any) -> str:
    try:
        return public_key_id(public_key)
    except ValueError:
        return "(unreadable)"
