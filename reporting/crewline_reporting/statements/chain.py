"""The bytes of a statement: a canonical JSON object per line, chained by hash, sealed by signature.

Pure: works on bytes and keys that are handed in. The format is described for strangers in
docs/statement-format.md; this file and that page must say the same.
"""

import re
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from crewline_infra.canonical import canonical_json
from crewline_reporting.statements.findings import Findings

FORMAT = "crewline-statement/1"
GENESIS = "0" * 64
LINE_BYTES_MAX = 1 << 20
SEAL = "seal"

_START = re.compile(rb'\{"hash":"[0-9a-f]{64}",')
_HASH = slice(9, 73)  # where the 64 digits stand in a line
_REST = 75  # where the members after the hash begin
_GAP_MAX, _SKIPPED_MAX = 1000, 100_000  # skipped numbers are remembered, to tell moved lines from missing ones


class Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What every line is: its hash, its kind, its number (from 1), and the value of that kind."""

    hash: str
    kind: str
    line: int
    value: msgspec.Raw


class Seal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The last line: `lines` counts all lines and this one, `chain_head` is the hash before it."""

    lines: int
    chain_head: str
    public_key: str
    signature: str


_envelope = msgspec.json.Decoder(Envelope)
_seal = msgspec.json.Decoder(Seal)
UNREADABLE = (msgspec.MsgspecError, RecursionError, ValueError, ArithmeticError)
"""What decoding hostile JSON can raise."""


def chained(previous: str, content: bytes) -> str:
    """SHA-256 over the hash before it, a line feed, and the line without its own hash."""
    return sha256(previous.encode() + b"\n" + content).hexdigest()


def seal_message(lines: int, chain_head: str) -> bytes:
    """What is signed."""
    return f"{FORMAT}\n{lines}\n{chain_head}\n".encode()


def public_key_hex(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def public_key_id(public_key: str) -> str:
    """A short name of a key, to read out over the telephone: 16 hex digits of its SHA-256."""
    return sha256(bytes.fromhex(public_key)).hexdigest()[:16]


class Writer:
    """Writes lines one by one; nothing but the last hash is kept in memory."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self.number = 0
        self.head = GENESIS

    def line(self, kind: str, value: Any) -> None:
        """Raises `ValueError` when the line would be longer than a reader accepts."""
        self.number += 1
        content = canonical_json({"kind": kind, "line": self.number, "value": value})
        head = chained(self.head, content)
        raw = b'{"hash":"' + head.encode() + b'",' + content[1:] + b"\n"
        if len(raw) > LINE_BYTES_MAX:
            raise ValueError(f"line {self.number} ({kind}) has {len(raw)} bytes")
        self.head = head
        self._write(raw)

    def seal(self, key: Ed25519PrivateKey) -> None:
        """The last line; write nothing after it."""
        lines, head = self.number + 1, self.head
        signature = key.sign(seal_message(lines, head)).hex()
        value = {
            "chain_head": head,
            "lines": lines,
            "public_key": public_key_hex(key),
            "signature": signature,
        }
        self.line(SEAL, value)


class Reader:
    """Checks the chain as lines come; every problem goes to `findings`, and reading goes on."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.position = 0
        self.understood = 0
        self.seal: Seal | None = None
        self._expected = 1
        self._skipped: set[int] = set()
        self._head = self._head_computed = GENESIS
        self._head_before = self._sealed_head = GENESIS

    def read(self, raw: bytes) -> Envelope | None:
        """One line with its line feed; None when it is no line of a statement."""
        self.position += 1
        envelope = self._decoded(raw)
        if envelope is None:
            return None
        self.understood += 1
        if self.seal is not None:
            self.findings.add("chain", self.position, "stands after the final line")
        if self._in_sequence(envelope.line):
            self._check_hash(envelope, raw)
        if envelope.kind == SEAL and self.seal is None:
            self._read_seal(envelope)
        return envelope

    def close(self, public_key: str | None) -> None:
        """After the last line: the chain's end and the signature (by `public_key`, if known)."""
        for number in sorted(self._skipped):
            self.findings.add("chain", number, "is missing")
        if self.seal is None:
            self.findings.add(
                "chain",
                self.position,
                "is the last one and no final line follows: the statement was cut off",
            )
            return
        if self.seal.lines != self._expected - 1:
            self.findings.add(
                "chain",
                None,
                f"the final line counts {self.seal.lines} lines, the file has {self._expected - 1}",
            )
        self._check_signature(self.seal, public_key)

    def _decoded(self, raw: bytes) -> Envelope | None:
        problem = _form_problem(raw)
        if problem is None:
            try:
                envelope = _envelope.decode(raw)
            except UNREADABLE as error:
                problem = f"cannot be read as JSON of a statement line ({_short(error)})"
        if problem is not None:
            self.findings.add("chain", self.position, problem)
            self._lost_line()
            return None
        return envelope

    def _lost_line(self) -> None:
        """Most likely the line expected here was damaged; the next cannot be chained to it."""
        self._expected += 1
        self._head = self._head_computed = ""

    def _in_sequence(self, number: int) -> bool:
        """Whether the hash of this line can be checked against the line before it."""
        if number == self._expected:
            return True
        if number in self._skipped:
            self._skipped.discard(number)
            self.findings.add("chain", self.position, f"is line {number}, moved out of its order")
            return False
        if number < self._expected:
            self.findings.add("chain", self.position, f"repeats the number {number}")
            return False
        if number - self._expected > _GAP_MAX or len(self._skipped) > _SKIPPED_MAX:
            self.findings.add("chain", self.position, f"has the number {number} where {self._expected} belongs")
            self._expected = number
            self._head = self._head_computed = ""
            return True
        self._skipped.update(range(self._expected, number))
        self._expected = number
        self._head = self._head_computed = ""
        return True

    def _check_hash(self, envelope: Envelope, raw: bytes) -> None:
        content = b"{" + raw[_REST:-1]
        computed = chained(self._head, content) if self._head else envelope.hash
        if computed != envelope.hash and (
            self._head_computed == self._head or chained(self._head_computed, content) != envelope.hash
        ):
            self.findings.mismatch(self.position, envelope.kind, bytes(envelope.value))
        self._head_before = self._head
        self._head, self._head_computed = envelope.hash, computed
        self._expected += 1

    def _read_seal(self, envelope: Envelope) -> None:
        try:
            self.seal = _seal.decode(envelope.value)
        except UNREADABLE as error:
            self.findings.add("chain", self.position, f"is no final line ({_short(error)})")
            return
        self._sealed_head = self._head_before
        if self._head_before and self.seal.chain_head != self._head_before:
            self.findings.add("chain", self.position, "states another chain head than the line before it has")

    def _check_signature(self, seal: Seal, public_key: str | None) -> None:
        if public_key is not None and seal.public_key != public_key:
            self.findings.add(
                "signature",
                None,
                f"the statement is signed with the key {_key_name(seal.public_key)}, not with {_key_name(public_key)}",
            )
        message = seal_message(seal.lines, self._sealed_head or seal.chain_head)
        try:
            key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key or seal.public_key))
            key.verify(bytes.fromhex(seal.signature), message)
        except (ValueError, InvalidSignature):
            self.findings.add("signature", None, "the signature does not fit the chain of lines")


def _form_problem(raw: bytes) -> str | None:
    if len(raw) > LINE_BYTES_MAX:
        return f"is longer than {LINE_BYTES_MAX} bytes"
    if not raw.endswith(b"\n"):
        return "does not end with a line feed: the file was cut off or the end was changed"
    if raw.endswith(b"\r\n"):
        return "ends with a carriage return: the file was changed by a program on its way"
    if _START.match(raw) is None:
        return 'does not begin with {"hash":" and 64 lower-case hex digits'
    return None


def _key_name(public_key: str) -> str:
    try:
        return public_key_id(public_key)
    except ValueError:
        return "(unreadable)"


def _short(error: BaseException) -> str:
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__
