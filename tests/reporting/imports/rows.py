"""Rows and mappings that the import tests share; every row here is invented."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from crewline_app.commands.imports import mapping_text
from crewline_reporting.imports.mapping import Mapping as Language
from crewline_reporting.imports.mapping import load_mapping
from crewline_reporting.imports.model import ImportOrder
from crewline_reporting.imports.rules import Draft, RowParser

KEY = b"a key of this test"
COLUMNS = (
    "vru+line", "call_id", "customer_id", "priority", "type", "date", "vru_entry", "vru_exit", "vru_time",
    "q_start", "q_exit", "q_time", "outcome", "ser_start", "ser_exit", "ser_time", "server",
)  # fmt: skip
USUAL = {
    "vru+line": "AA0101", "call_id": "500", "customer_id": "7000001", "priority": "2", "type": "PS",
    "date": "990315", "vru_entry": "9:00:00", "vru_exit": "9:00:08", "vru_time": "8", "q_start": "9:00:08",
    "q_exit": "9:00:50", "q_time": "42", "outcome": "AGENT", "ser_start": "9:00:50", "ser_exit": "9:03:00",
    "ser_time": "130", "server": "DALIA",
}  # fmt: skip
NO_SERVICE = {"ser_start": "0:00:00", "ser_exit": "0:00:00", "ser_time": "0", "server": "NO_SERVER"}
NO_QUEUE = {"q_start": "0:00:00", "q_exit": "0:00:00", "q_time": "0"}
HEADER = "\t".join(COLUMNS)


def bank() -> Language:
    return load_mapping(mapping_text("anonymous_bank"), "anonymous_bank")


def fields(**changes: str) -> list[str]:
    """A usual answered call with changes; `line` stands for vru+line."""
    values = {**USUAL, **changes}
    if "line" in changes:
        values["vru+line"] = values.pop("line")
    return [values[name] for name in COLUMNS]


def line(**changes: str) -> str:
    return "\t".join(fields(**changes))


def draft(row: Sequence[str] | None = None, **changes: str) -> Draft:
    return RowParser(bank(), alias_key=KEY).draft(list(row) if row is not None else fields(**changes))


def history(path: Path, rows: Sequence[str], *, header: str | None = HEADER, end: str = "\n") -> Path:
    lines = ([header] if header is not None else []) + list(rows)
    path.write_bytes((end.join(lines) + end).encode())
    return path


def order(path: Path, *, mapping: Language | None = None, tenant: str | None = None) -> ImportOrder:
    return ImportOrder(path=path, mapping=mapping or bank(), alias_key=KEY, tenant=tenant)


def flags(found: Draft) -> Mapping[str, str]:
    return {name: value for name, _, value in (flag.partition("=") for flag in found.flags)}
