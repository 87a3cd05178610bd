"""crewline verify: recompute a statement from nothing but the file."""

import re
import sys
from pathlib import Path
from typing import Any

import rich_click as click

from crewline_app.commands.output import emit, emit_document, format_option
from crewline_billing.verification.rules import Verdict, VerificationReport, verify
from crewline_billing.verification.rules_compare import shown
from crewline_infra.errors import Invalid
from crewline_reporting.statements.files import statement_lines

COLUMNS = ("area", "line", "finding")
DOES_NOT_VERIFY = 1
_KEY = re.compile(r"[0-9a-f]{64}")
_KEY_BYTES_MAX = 1000


@click.command("verify")
@click.argument("file")
@click.option(
    "--key", metavar="FILE|HEX", help="The operator's public key, as you got it from them (64 hex digits, or a file)."
)
@format_option
def verify_statement(file: str, key: str | None, output_format: str) -> None:
    """Check the statement FILE (plain or gzip): no database, no network, only the file and arithmetic.

    Every usage figure, service level, invoice line, tax and total is computed anew from the records in it.
    Exit code 0: verified; 1: does not verify, and what differs is named; 2: not a statement.
    """
    known = None if key is None else _public_key(key)
    report = verify(statement_lines(Path(file)), known)
    if report.verdict is Verdict.NO_STATEMENT:
        raise Invalid(f"{file} cannot be verified: {report.findings[0].text}.")
    if output_format == "json":
        emit_document(_document(report))
    elif output_format == "csv":
        emit(_rows(report), COLUMNS, output_format)
    else:
        _print(report)
    if report.verdict is not Verdict.VERIFIED:
        sys.exit(DOES_NOT_VERIFY)


COMMANDS = [verify_statement]


def _public_key(key: str) -> str:
    """64 hex digits, given directly or in a file."""
    text = key.strip().lower()
    if not _KEY.fullmatch(text):
        path = Path(key)
        try:
            with path.open("rb") as file:
                text = file.read(_KEY_BYTES_MAX).decode("ascii", "replace").strip().lower()
        except OSError as problem:
            raise Invalid(
                f"--key: {key!r} is neither 64 hex digits nor a file that can be read ({problem.strerror})."
            ) from problem
    if not _KEY.fullmatch(text):
        raise Invalid(f"--key: {key!r} holds no public key: 64 hex digits are expected.")
    return text


def _write(text: str) -> None:
    """To a terminal, but never what a hostile file could say to one: control characters are shown as '?'."""
    sys.stdout.write("".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in text))


def _print(report: VerificationReport) -> None:
    write = _write
    if report.verdict is Verdict.VERIFIED:
        write("VERIFIED: everything was computed anew from the records, and agrees.\n")
    else:
        write(f"DOES NOT VERIFY: {report.finding_count} findings.\n")
        for finding in report.findings:
            write(f"  - {finding.text}\n")
        hidden = report.finding_count - len(report.findings)
        if hidden:
            write(f"  … and {hidden} more.\n")
    write(f"Invoice {report.invoice_number or '?'} of {report.tenant or '?'} for {report.period or '?'}: ")
    write(
        f"{report.records} records in {report.lines} lines; stated net {shown(report.net)}, tax {shown(report.tax)}, "
    )
    write(f"total {shown(report.total)} {report.currency or ''}\n")
    for note in report.notes:
        write(f"{note}\n")
    write(_key_words(report))


def _key_words(report: VerificationReport) -> str:
    if report.key_id is None:
        return "No signature could be read.\n"
    if report.key_known:
        return f"Signed with the key {report.key_id}.\n"
    return (
        f"Signed with the key {report.key_id}, which the file itself names: "
        "pass --key with the key that your operator gave you, to be sure that it is theirs.\n"
    )


def _rows(report: VerificationReport) -> list[dict[str, Any]]:
    return [{"area": one.area, "line": one.line, "finding": one.text} for one in report.findings]


def _document(report: VerificationReport) -> dict[str, Any]:
    values = {name: getattr(report, name) for name in report.__struct_fields__}
    return values | {"verdict": report.verdict.value, "findings": _rows(report)}
