"""A verifier is worth what it refuses: every single change of a statement is found, placed and named."""

import gzip
import json
import random
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from crewline_billing.verification.rules import Verdict, VerificationReport, verify
from crewline_reporting.statements.chain import Writer, public_key_hex
from crewline_reporting.statements.files import lines_of
from tests.billing.scene import KEY, PUBLIC, bill, month, statement

RECORDS = month()
HONEST = statement(RECORDS)
LINES = HONEST.splitlines(keepends=True)
INTRUDER = Ed25519PrivateKey.from_private_bytes(bytes(32))
Change = Callable[[dict[str, Any]], None]


def checked(content: bytes, key: str | None = PUBLIC) -> VerificationReport:
    return verify(lines_of(content), key)


def words(report: VerificationReport) -> str:
    return "\n".join(finding.text for finding in report.findings)


def rewritten(change: Change, kind: str, nth: int = 0, key: Ed25519PrivateKey | None = None) -> bytes:
    """The statement with one value changed and all hashes made anew; signed anew only with a key."""
    parts: list[bytes] = []
    writer, met = Writer(parts.append), -1
    for raw in LINES[:-1]:
        line = json.loads(raw)
        met += line["kind"] == kind
        if line["kind"] == kind and met == nth:
            change(line["value"])
        writer.line(line["kind"], line["value"])
    if key is None:
        writer.line("seal", json.loads(LINES[-1])["value"])
    else:
        writer.seal(key)
    return b"".join(parts)


def setting(name: str, value: Any) -> Change:
    return lambda line: line.update({name: value})


def test_an_honest_statement_verifies_with_and_without_the_key() -> None:
    report = checked(HONEST)
    assert (report.verdict, report.findings, report.records) == (Verdict.VERIFIED, [], len(RECORDS))
    assert report.total == bill(RECORDS).totals.total
    assert checked(HONEST, None).verdict is Verdict.VERIFIED


@given(st.integers(0, len(HONEST) - 1), st.integers(1, 255))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_any_changed_byte_is_found_in_its_line(place: int, mask: int) -> None:
    changed = bytearray(HONEST)
    changed[place] ^= mask
    report = checked(bytes(changed))
    line = HONEST[:place].count(b"\n") + 1
    assert report.verdict is Verdict.DIFFERS
    assert {line, line + 1} & {finding.line for finding in report.findings}, (place, mask, words(report))


@given(st.data())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_a_removed_swapped_or_repeated_line_is_named(data: st.DataObject) -> None:
    lines = list(LINES)
    number = data.draw(st.integers(0, len(lines) - 2))
    kind = data.draw(st.sampled_from(["removed", "swapped", "repeated", "cut"]))
    if kind == "removed":
        del lines[number]
    elif kind == "swapped":
        lines[number], lines[number + 1] = lines[number + 1], lines[number]
    elif kind == "repeated":
        lines.insert(number, lines[number])
    else:
        del lines[number + 1 :]
    report = checked(b"".join(lines))
    named = {
        "removed": f"line {number + 1} is missing",
        "swapped": "moved out of its order" if number < len(LINES) - 2 else "after the final line",
        "repeated": f"line {number + 2} repeats the number {number + 1}",
        "cut": "the statement was cut off",
    }
    assert report.verdict is Verdict.DIFFERS
    assert named[kind] in words(report), (kind, number, words(report))


AMOUNTS = [
    ("invoice_line", 1, setting("amount", "36.90"), "invoice line 2 'Handled contacts': amount stated 36.90"),
    ("invoice_line", 2, setting("quantity", "63.8"), "'Talk minutes': quantity stated 63.8, recomputed 63.7"),
    ("invoice_line", 5, setting("amount", "0"), "'Service level': amount stated 0, recomputed -2.74"),
    ("invoice_line", 0, setting("tax", None), "'Desk fee': tax stated nothing, recomputed 'vat'"),
    ("totals", 0, setting("total", "1751.80"), "total stated 1,751.80, recomputed 1,751.79"),
    ("totals", 0, setting("net", "1497.27"), "net stated 1,497.27, recomputed 1,497.26"),
    ("usage", 2, setting("quantity", 1), "usage time.talk: quantity stated 1, recomputed"),
    ("service_level", 0, setting("verdict", "met"), "service level 'Service level': verdict stated 'met'"),
    ("service_level", 0, setting("numerator", 47), "numerator stated 47, recomputed 9"),
    ("units", 0, setting("items", {}), "billed units of 1999-03: handled stated nothing"),
]


@pytest.mark.parametrize(("kind", "nth", "change", "named"), AMOUNTS)
def test_a_changed_figure_with_new_hashes_is_named_and_the_signature_refused(
    kind: str, nth: int, change: Change, named: str
) -> None:
    report = checked(rewritten(change, kind, nth))
    assert named in words(report)
    assert "the signature does not fit the chain of lines" in words(report)


@pytest.mark.parametrize(("kind", "nth", "change", "named"), AMOUNTS)
def test_a_dishonest_operator_with_the_right_key_is_found_out(kind: str, nth: int, change: Change, named: str) -> None:
    report = checked(rewritten(change, kind, nth, KEY))
    assert report.verdict is Verdict.DIFFERS
    assert named in words(report)
    assert "signature" not in words(report)


def test_a_changed_record_names_the_record_and_the_amounts_that_follow() -> None:
    place = next(n for n, line in enumerate(LINES) if b'"talk_ms":309637' in line)
    lines = [*LINES[:place], LINES[place].replace(b"309637", b"969637"), *LINES[place + 1 :]]
    text = words(checked(b"".join(lines)))
    assert f"line {place + 1} (record 00000000-0000-0000-0000-00000000040a) does not match its hash" in text
    assert "invoice line 3 'Talk minutes': amount stated 17.90, recomputed 21.56" in text
    assert "usage time.talk: quantity stated 6,751,799, recomputed 7,411,799" in text
    assert "total stated 1,751.79, recomputed 1,751.58" in text  # the minimum holds; the credit grows with the fees


def test_a_changed_contract_is_named() -> None:
    def cheaper(value: dict[str, Any]) -> None:
        value["contract"]["document"]["items"][1]["price"]["tiers"][0]["unit_price"] = "1.05"

    text = words(checked(rewritten(cheaper, "header", 0, KEY)))
    assert "holds a contract (version 1) that does not match its hash" in text
    assert "invoice line 2 'Handled contacts': amount stated 36.80, recomputed 33.60" in text


def test_another_key_is_refused_when_the_tenant_knows_the_right_one() -> None:
    forged = statement(RECORDS, INTRUDER)
    assert "not with" in words(checked(forged))
    assert "the header names another key than the final line" in words(checked(forged, None))
    assert checked(HONEST, public_key_hex(INTRUDER)).verdict is Verdict.DIFFERS


def test_a_record_left_out_before_signing_shows_in_the_figures() -> None:
    report = checked(statement(RECORDS[1:], stated=bill(RECORDS)))
    assert report.verdict is Verdict.DIFFERS
    assert "recomputed" in words(report)


def test_a_record_counted_twice_is_named() -> None:
    report = checked(statement([*RECORDS, RECORDS[0]]))
    assert f"lists the record {RECORDS[0].contact_id} a second time" in words(report)


def test_a_record_of_another_month_is_named() -> None:
    stranger = replace(RECORDS[0], contact_id=RECORDS[0].contact_id.__class__(int=77))
    moved = [replace(stranger, **{name: None for name in ("queued_at", "answered_at")})]
    far = replace(
        moved[0],
        outcome="menu_ended",
        arrived_at=stranger.arrived_at.replace(year=1998),
        ended_at=stranger.ended_at.replace(year=1998),
    )
    assert "lies outside the period" in words(checked(statement([far, *RECORDS], stated=bill(RECORDS))))


def test_a_contradicting_record_is_named() -> None:
    broken = replace(RECORDS[0], outcome="answered", answered_at=None, queued_at=RECORDS[0].arrived_at)
    assert "contradicts itself: outcome answered needs answered_at" in words(checked(statement([broken, *RECORDS[1:]])))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (setting("currency", "EUR"), "another currency or time zone"),
        (lambda value: value["period"].update(ends_at="1999-04-01T00:00:00.000Z"), "states other bounds"),
        (lambda value: value["period"].update(zone="Mars/Base"), "no period that can be read"),
        (lambda value: value["contract"].update(document={"version": 1}), "a contract that cannot be read"),
        (setting("secret", 1), "is no header that can be read"),
        (setting("format", "crewline-statement/9"), "states the unknown format"),
    ],
)
def test_a_header_that_cannot_be_trusted_is_named(change: Change, named: str) -> None:
    report = checked(rewritten(change, "header", 0, KEY))
    if "format" in named:
        assert report.verdict is Verdict.NO_STATEMENT
        assert "crewline-statement/9" in words(report)
        return
    assert report.verdict is Verdict.DIFFERS
    assert named in words(report)


@pytest.mark.parametrize("value", ["1E+999999999", "-1E-999999999", "NaN", "sNaN", "Infinity", 10**400, 1e300])
def test_absurd_amounts_are_a_finding(value: Any) -> None:
    for number, old in ((-2, b'"total":"1751.79"'), (-2, b'"amount":"254.53"'), (-3, b'"amount":"-2.735"')):
        assert old in LINES[number]
        new = old.split(b":")[0] + b":" + json.dumps(value).encode()
        lines = [*LINES[:number], LINES[number].replace(old, new), *LINES[number + 1 :]]
        report = checked(b"".join(lines))
        assert report.verdict is Verdict.DIFFERS
        assert "absurd size" in words(report)


def test_absurd_units_of_a_corrected_period_are_a_finding() -> None:
    base = json.loads(LINES[0])["value"]
    value = {"period": base["period"], "statement": None, "contract": base["contract"], "billed": {"wrap": 10**4200}}
    extra = b'{"hash":"' + b"0" * 64 + b'","kind":"corrected_period","line":2,"value":%s}\n'
    lines = [LINES[0], extra % json.dumps(value).encode(), *LINES[1:]]
    assert "absurd size" in words(checked(b"".join(lines)))


def test_an_instant_without_an_offset_is_a_finding() -> None:
    for name in (b"ended_at", b"queued_at", b"starts_at"):
        changed = re.sub(b'("%s":"[^"]*)Z"' % name, rb'\1"', HONEST, count=1)
        assert changed != HONEST
        assert checked(changed).verdict is Verdict.DIFFERS


@pytest.mark.parametrize("digits", [20, 5000])
@pytest.mark.parametrize("name", [b"talk_ms", b"wait_ms", b"version", b"priority"])
def test_absurd_numbers_in_records_are_findings(name: bytes, digits: int) -> None:
    place = next(n for n, line in enumerate(LINES) if b'"talk_ms":309637' in line)
    raw = LINES[place].replace(b'"talk_ms":309637', b'"' + name + b'":' + b"9" * digits)
    lines = [*LINES[:place], raw, *LINES[place + 1 :]]
    assert checked(b"".join(lines)).verdict is Verdict.DIFFERS


@pytest.mark.parametrize("content", [b"", b"\n", b"{}\n", b"PK\x03\x04" * 50, b'{"a":1}\n' * 3, b"[" * 100_000])
def test_what_is_no_statement_is_told_apart(content: bytes) -> None:
    assert checked(content).verdict is Verdict.NO_STATEMENT


def test_random_rubbish_in_place_of_values_never_ends_in_a_traceback() -> None:
    chance = random.Random(5)
    rubbish = [b"null", b"{}", b"[]", b'"x"', b"-1", b"1e400", b"true", b'{"a":{"b":[]}}', b"[" * 500 + b"]" * 500]
    for _ in range(300):
        number = chance.randrange(len(LINES))
        head, _, _ = LINES[number].partition(b'"value":')
        lines = [*LINES[:number], head + b'"value":' + chance.choice(rubbish) + b"}\n", *LINES[number + 1 :]]
        assert checked(b"".join(lines)).verdict is Verdict.DIFFERS


def test_absent_or_added_lines_are_named_after_what_they_state() -> None:
    honest = bill(RECORDS)
    short = replace(honest, lines=honest.lines[:-1])
    assert "'Service level': recomputed, but not stated" in words(checked(statement(RECORDS, stated=short)))
    extra = replace(honest.lines[0], position=7, amount=Decimal(5), arithmetic=[])
    more = replace(honest, lines=[*honest.lines, extra])
    assert "nothing like it comes out of the records" in words(checked(statement(RECORDS, stated=more)))


@pytest.mark.parametrize("label", ["9999-12", "0001-01", "0000-01", "1999-00"])
def test_a_month_beyond_the_calendar_is_a_finding(label: str) -> None:
    def moved(value: dict[str, Any]) -> None:
        value["period"]["label"] = label

    assert "no period that can be read" in words(checked(rewritten(moved, "header", 0, KEY)))


def test_a_byte_changed_anywhere_in_a_compressed_statement_is_damage_and_not_another_kind_of_file() -> None:
    packed = gzip.compress(HONEST, mtime=0)
    places = random.Random(3).sample(range(10, len(packed)), 60)
    for place in places:
        changed = bytearray(packed)
        changed[place] ^= 1
        assert checked(bytes(changed)).verdict is Verdict.DIFFERS, f"byte {place}"
