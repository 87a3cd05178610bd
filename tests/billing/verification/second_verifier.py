"""A verifier written from docs/statement-format.md and docs/contract-language.md alone, without the product's code.

It knows the price models that the tests' contract uses. Only the standard library, and one library for Ed25519.
"""

import hashlib
import json
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

OFFERED = {"answered", "abandoned", "flowed_out", "callback"}
UNIT_MS = {"second": 1000, "minute": 60_000, "hour": 3_600_000}
Json = dict[str, Any]


def read(content: bytes) -> list[Json]:
    """Check chain and signature; returns the lines."""
    previous, lines = "0" * 64, []
    for number, raw in enumerate(content.splitlines(keepends=True), 1):
        line = json.loads(raw)
        rest = b"{" + raw[len('{"hash":"",') + 64 : -1]
        assert (raw[-1:], line["line"]) == (b"\n", number)
        assert line["hash"] == hashlib.sha256(previous.encode() + b"\n" + rest).hexdigest()
        without = {name: value for name, value in line.items() if name != "hash"}
        assert rest == json.dumps(without, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        head, previous = previous, line["hash"]
        lines.append(line)
    seal = lines[-1]["value"]
    assert (lines[-1]["kind"], seal["chain_head"], seal["lines"]) == ("seal", head, len(lines))
    public = bytes.fromhex(seal["public_key"])
    message = f"crewline-statement/1\n{len(lines)}\n{head}\n".encode()
    Ed25519PublicKey.from_public_bytes(public).verify(bytes.fromhex(seal["signature"]), message)
    header = lines[0]["value"]
    assert header["public_key_id"] == hashlib.sha256(public).hexdigest()[:16]
    agreed = json.dumps(header["contract"]["document"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert header["contract"]["hash"] == hashlib.sha256(agreed.encode()).hexdigest()
    return lines


class Recomputed:
    """Everything that follows from the records under the contract."""

    def __init__(self, lines: list[Json]) -> None:
        header = lines[0]["value"]
        self.terms, self.period = header["contract"]["document"], header["period"]
        self.queues = {queue["id"]: queue["slug"] for queue in header["queues"]}
        records = [line["value"] for line in lines if line["kind"] == "record"]
        self.ended = [one for one in records if self._inside(one["ended_at"])]
        self.counted = [one for one in records if one["outcome"] in OFFERED and self._inside(one["queued_at"])]
        self.fees = [(item["id"], self._fee(item)) for item in self.terms["items"]]
        self.fees += [(name, amount) for name, amount in self._true_ups() if amount]
        self.credits = list(self._credits())
        self.net = sum(amount for _name, amount in [*self.fees, *self.credits])
        (tax,) = self.terms["taxes"]
        self.tax = cents(self.net * Fraction(tax["rate_percent"]) / 100)

    def _inside(self, at: str) -> bool:
        return bool(self.period["starts_at"] <= at < self.period["ends_at"])  # the texts sort as the instants do

    def passing(self, terms: Json, records: list[Json]) -> Iterator[Json]:
        for one in records:
            facts = {
                "queue": self.queues.get(one.get("queue_id", ""), ""),
                "channel": one.get("channel", "voice"),
                "outcome": one["outcome"],
                "disposition": one.get("disposition", ""),
            }
            if all(not terms[name] or facts[name] in terms[name] for name in facts):
                yield one

    def units(self, item: Json) -> int:
        mine = list(self.passing(item["filter"], self.ended))
        answered = [one for one in mine if one["outcome"] == "answered"]
        if item["meter"] == "contact.offered":
            return len([one for one in mine if one["outcome"] in OFFERED])
        return (
            len(answered) if item["meter"] == "contact.handled" else sum(billed(item["time"], one) for one in answered)
        )

    def quantity(self, item: Json) -> Fraction:
        units, rule = self.units(item), item["time"]
        if rule is None:
            return Fraction(units)
        return Fraction(step(rule, units) if rule["apply"] == "total" else units, UNIT_MS[rule["unit"]])

    def _fee(self, item: Json) -> Fraction:
        price = item["price"]
        if price["model"] == "flat":
            return cents(Fraction(price["amount"]))
        left = max(self.quantity(item) - Fraction(item["included"]), Fraction(0))
        return cents(priced(price, left))

    def _true_ups(self) -> Iterator[tuple[str, Fraction]]:
        for one in self.terms["commitments"]:
            reached = sum(amount for name, amount in self.fees if not one["of"] or name in one["of"])
            yield one["id"], max(Fraction(one["minimum"]) - reached, Fraction(0))

    def percent(self, clause: Json) -> tuple[int, int]:
        mine = list(self.passing(clause["filter"], self.counted))
        late = clause["threshold_s"] * 1000
        in_time = len([one for one in mine if one["outcome"] == "answered" and one.get("wait_ms", 0) <= late])
        ended = [one for one in mine if one["outcome"] in ("answered", "abandoned")]
        short = clause["short_abandon_s"] * 1000 if clause["variant"] == "V4" else 0
        return in_time, len([o for o in ended if o["outcome"] == "answered" or o.get("wait_ms", 0) >= short])

    def _credits(self) -> Iterator[tuple[str, Fraction]]:
        for clause in self.terms["service_levels"]["clauses"]:
            met, of = self.percent(clause)
            if of and Fraction(100 * met, of) < Fraction(clause["target_percent"]):
                names = clause["credit"]["of"]
                fees = sum(amount for name, amount in self.fees if not names or name in names)
                yield clause["id"], -cents(fees * Fraction(clause["credit"]["percent"]) / 100)


def priced(price: Json, quantity: Fraction) -> Fraction:
    if price["model"] == "per_unit":
        return quantity * Fraction(price["unit_price"])
    if price["model"] == "package":
        return -(-quantity // Fraction(price["size"])) * Fraction(price["price"])
    assert price["model"] == "graduated"
    total, lower = Fraction(0), Fraction(0)
    for tier in price["tiers"]:
        upper = quantity if tier["up_to"] is None else min(quantity, Fraction(tier["up_to"]))
        total += max(upper - lower, Fraction(0)) * Fraction(tier["unit_price"])
        lower = upper
    return total


def billed(rule: Json, record: Json) -> int:
    wrap = record.get("wrap_ms", 0)
    if rule["wrap_cap_s"] is not None:
        wrap = min(wrap, rule["wrap_cap_s"] * 1000)
    parts = {"talk": record.get("talk_ms", 0), "hold": record.get("hold_ms", 0), "wrap": wrap}
    ms = sum(parts[name] for name in rule["include"])
    return step(rule, ms) if rule["apply"] == "contact" else ms


def step(rule: Json, ms: int) -> int:
    size = rule["increment_s"] * 1000
    return -(-ms // size) * size


def cents(amount: Fraction) -> Fraction:
    whole = Fraction(int(abs(amount) * 100 + Fraction(1, 2)), 100)
    return -whole if amount < 0 else whole
