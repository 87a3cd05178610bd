"""What a check of a statement found, in words that name the place."""

import re
from dataclasses import dataclass, field
from typing import Literal

Area = Literal["chain", "signature", "content", "usage", "invoice", "service_level", "totals"]
FINDINGS_MAX = 200
_RECORD_ID = re.compile(rb'"contact_id":"([0-9a-fA-F-]{8,40})"')


@dataclass(frozen=True, slots=True)
class Finding:
    """`line` is the place in the file, from 1; None when the finding concerns the whole."""

    area: Area
    line: int | None
    text: str


@dataclass(slots=True)
class Findings:
    """Collects findings up to a limit, and counts all: a hostile file cannot fill the memory."""

    items: list[Finding] = field(default_factory=list)
    count: int = 0

    def add(self, area: Area, line: int | None, text: str, subject: str = "") -> None:
        self.count += 1
        if len(self.items) < FINDINGS_MAX:
            place = f"line {line}{subject} " if line is not None else ""
            self.items.append(Finding(area, line, place + text))

    def mismatch(self, line: int, kind: str, value: bytes) -> None:
        """A line whose hash does not follow from its content and from the line before it."""
        found = _RECORD_ID.search(value) if kind == "record" else None
        subject = f" (record {found[1].decode()})" if found else f" ({kind[:20]})"
        self.add("chain", line, "does not match its hash: it or the hash before it was changed", subject)
