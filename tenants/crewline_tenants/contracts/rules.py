"""The contract language: text in, a checked `Contract` out. The language is described in docs/contract-language.md."""

from typing import Any

from crewline_infra.canonical import canonical_json, sha256_hex
from crewline_infra.money import minor_places
from crewline_tenants.contracts.rules_check import check
from crewline_tenants.contracts.rules_convert import convert, to_plain
from crewline_tenants.contracts.rules_terms import Contract
from crewline_tenants.contracts.rules_text import load


def parse(text: str) -> Contract:
    """A contract from YAML or JSON text. Raises `Invalid`: `items[2].price.tiers[0].up_to: …`."""
    return from_document(load(text))


def from_document(data: Any) -> Contract:
    """A contract from plain data (a parsed file, or the stored document). Raises `Invalid`."""
    contract: Contract = convert(_with_places(data), Contract)
    check(contract)
    return contract


def document(contract: Contract) -> dict[str, Any]:
    """The plain data to store, sign and hash: every default is written out.

    So a later change of a default in the product can never change an agreement that was signed before it.
    """
    plain: dict[str, Any] = to_plain(contract)
    return plain


def fingerprint(contract: Contract) -> str:
    """SHA-256 (hex) of the canonical JSON of `document`: comments and the order of keys do not matter."""
    return sha256_hex(canonical_json(document(contract)))


def _with_places(data: Any) -> Any:
    """Amounts round to the currency's own places (ISO 4217) unless the contract says otherwise."""
    if not isinstance(data, dict):
        return data
    rounding, currency = data.get("rounding", {}), data.get("currency")
    if not isinstance(rounding, dict) or not isinstance(currency, str):
        return data
    return data | {"rounding": {"places": minor_places(currency), **rounding}}
