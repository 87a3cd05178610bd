"""Write a statement: the bill and every record that it was made from, as lines of the chained file."""

from collections.abc import Iterable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from crewline_billing.invoices.rules import Bill
from crewline_reporting.statements import rules as lines_of
from crewline_reporting.statements.chain import Writer
from crewline_reporting.statements.rules import CorrectedPeriod, Header, InvoiceName, Line, plain_line


def begin(writer: Writer, header: Header, corrected: Iterable[CorrectedPeriod]) -> None:
    """The lines before the records. Then write the records, then `finish`."""
    writer.line(lines_of.HEADER, plain_line(header))
    for base in corrected:
        writer.line(lines_of.CORRECTED, plain_line(base))


def finish(writer: Writer, bill: Bill, invoice: InvoiceName, key: Ed25519PrivateKey) -> None:
    """The lines after the records, and the seal."""
    _lines(writer, lines_of.USAGE, bill.usage)
    _lines(writer, lines_of.SERVICE_LEVEL, bill.service_levels)
    _lines(writer, lines_of.UNITS, bill.units)
    _lines(writer, lines_of.INVOICE, [invoice])
    _lines(writer, lines_of.INVOICE_LINE, bill.lines)
    _lines(writer, lines_of.TOTALS, [bill.totals])
    writer.seal(key)


def _lines(writer: Writer, kind: str, values: Iterable[Line]) -> None:
    for value in values:
        writer.line(kind, plain_line(value))
