"""The chain, from the document: hashes recomputed by hand with the standard library."""

import gzip
import hashlib
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from crewline_infra.errors import Invalid
from crewline_reporting.statements.chain import (
    LINE_BYTES_MAX,
    Reader,
    Writer,
    public_key_hex,
    public_key_id,
)
from crewline_reporting.statements.files import DAMAGED, lines_of, statement_lines
from crewline_reporting.statements.findings import FINDINGS_MAX, Findings

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
RECORD_ID = "01890000-0000-7000-8000-00000000000{}"


def written(records: int = 5) -> bytes:
    parts: list[bytes] = []
    writer = Writer(parts.append)
    writer.line("header", {"format": "crewline-statement/1", "tenant": "Ünïcode 银行"})
    for n in range(records):
        writer.line("record", {"contact_id": RECORD_ID.format(n), "talk_ms": 1000 * n})
    writer.seal(KEY)
    return b"".join(parts)


def read(content: bytes, key: str | None = None) -> Findings:
    findings = Findings()
    reader = Reader(findings)
    for line in lines_of(content):
        reader.read(line)
    reader.close(key)
    return findings


def texts(content: bytes, key: str | None = None) -> list[str]:
    return [finding.text for finding in read(content, key).items]


def test_an_untouched_statement_has_no_findings() -> None:
    assert texts(written()) == []
    assert texts(written(), public_key_hex(KEY)) == []


def test_hashes_and_signature_follow_the_document() -> None:
    previous = "0" * 64
    lines = written().split(b"\n")
    assert lines.pop() == b""
    for number, raw in enumerate(lines, 1):
        value = json.loads(raw)
        stated = value.pop("hash")
        content = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        digest = hashlib.sha256(f"{previous}\n{content}".encode()).hexdigest()
        assert (stated, value["line"]) == (digest, number)
        head_before, previous = previous, stated
    seal = json.loads(lines[-1])["value"]
    assert (seal["lines"], seal["chain_head"]) == (len(lines), head_before)
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(seal["public_key"]))
    message = f"crewline-statement/1\n{len(lines)}\n{head_before}\n".encode()
    key.verify(bytes.fromhex(seal["signature"]), message)


def test_every_single_changed_byte_is_found_in_its_line() -> None:
    content = written(2)
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 0x01
        line = content[:place].count(b"\n") + 1
        found = read(bytes(changed))
        assert found.count, f"byte {place} of line {line}"
        lines = {finding.line for finding in found.items}
        assert line in lines or lines == {None}, (place, found.items)


def test_a_changed_value_names_the_record() -> None:
    (text,) = texts(written().replace(b'"talk_ms":2000', b'"talk_ms":2001'))
    assert text.startswith(f"line 4 (record {RECORD_ID.format(2)}) does not match its hash")


def test_a_changed_hash_is_one_finding() -> None:
    lines = written().splitlines(keepends=True)
    changed = lines[3][:9] + (b"f" if lines[3][9:10] != b"f" else b"e") + lines[3][10:]
    found = texts(b"".join([*lines[:3], changed, *lines[4:]]))
    assert len(found) == 1
    assert found[0].startswith("line 4 ")


def test_a_removed_line_is_named() -> None:
    lines = written().splitlines(keepends=True)
    del lines[3]
    found = texts(b"".join(lines))
    assert found[0] == "line 4 is missing"


def test_swapped_lines_are_named() -> None:
    lines = written().splitlines(keepends=True)
    lines[2], lines[3] = lines[3], lines[2]
    assert texts(b"".join(lines)) == ["line 4 is line 3, moved out of its order"]


def test_a_repeated_line_is_named() -> None:
    lines = written().splitlines(keepends=True)
    lines.insert(3, lines[2])
    assert texts(b"".join(lines)) == ["line 4 repeats the number 3"]


def test_a_cut_off_statement_is_named() -> None:
    lines = written().splitlines(keepends=True)
    assert texts(b"".join(lines[:-1]))[0].startswith("line 6 is the last one and no final line")
    cut = texts(b"".join(lines)[:-1])
    assert any("does not end with a line feed" in text for text in cut)


def test_lines_after_the_final_one_are_named() -> None:
    lines = written().splitlines(keepends=True)
    assert any("after the final line" in text for text in texts(b"".join([*lines, lines[2]])))


def test_a_chain_made_anew_without_the_key_is_refused() -> None:
    parts: list[bytes] = []
    writer = Writer(parts.append)
    writer.line("header", {"format": "crewline-statement/1", "tenant": "Ünïcode 银行"})
    writer.line("record", {"contact_id": RECORD_ID.format(0), "talk_ms": 1})
    writer.line("seal", json.loads(written().splitlines()[-1])["value"] | {"lines": 3})
    found = texts(b"".join(parts))
    assert "the signature does not fit the chain of lines" in found


def test_another_key_is_refused_when_the_right_one_is_known() -> None:
    other = public_key_hex(Ed25519PrivateKey.from_private_bytes(bytes(32)))
    found = texts(written(), other)
    assert public_key_id(other) in found[0]
    assert public_key_id(public_key_hex(KEY)) in found[0]


@pytest.mark.parametrize(
    "hostile",
    [
        b"",
        b"\n" * 10,
        b"\x00\xff" * 1000,
        b"[" * 200_000 + b"\n",
        b'{"hash":"' + b"0" * 64 + b'","kind":"record","line":1,"value":' + b"[" * 100_000 + b"\n",
        b'{"hash":"' + b"0" * 64 + b'","kind":"record","line":1e999,"value":1}\n',
        b'{"hash":"' + b"0" * 64 + b'","kind":"seal","line":1,"value":{"lines":1}}\n',
        b'{"hash":"' + b"0" * 64 + b'","kind":"\xff","line":1,"value":1}\n',
        b"x" * (3 * LINE_BYTES_MAX),
        b'{"hash":"' + b"0" * 64 + b'","kind":"record","line":99999999999,"value":1}\n',
    ],
)
def test_hostile_input_gives_findings_not_tracebacks(hostile: bytes) -> None:
    assert read(hostile).count


def test_findings_are_counted_beyond_their_limit() -> None:
    found = read(b"nonsense\n" * 5000)
    assert len(found.items) == FINDINGS_MAX
    assert found.count > 5000


def test_a_signature_that_is_no_hex_is_a_finding() -> None:
    parts: list[bytes] = []
    writer = Writer(parts.append)
    writer.line("header", {})
    head = writer.head
    seal = {"lines": 2, "chain_head": head, "public_key": "zz", "signature": "é"}
    writer.line("seal", seal)
    assert texts(b"".join(parts)) == ["the signature does not fit the chain of lines"]


def test_a_line_too_long_is_refused_when_written() -> None:
    with pytest.raises(ValueError, match="line 1"):
        Writer(lambda raw: None).line("header", {"text": "x" * LINE_BYTES_MAX})


def test_gzip_files_read_the_same(tmp_path: Path) -> None:
    plain, packed = tmp_path / "s.jsonl", tmp_path / "s.jsonl.gz"
    plain.write_bytes(written())
    packed.write_bytes(gzip.compress(written()))
    assert list(statement_lines(plain)) == list(statement_lines(packed))


def test_a_damaged_gzip_file_raises_a_named_kind(tmp_path: Path) -> None:
    packed = tmp_path / "s.jsonl.gz"
    packed.write_bytes(gzip.compress(written(100))[:-20])
    with pytest.raises(DAMAGED):
        list(statement_lines(packed))


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="cannot be read"):
        statement_lines(tmp_path / "absent")
