"""The published contract is the code's: the example of docs/crm-webhook.md has every field, and no other."""

import json
import re
from datetime import datetime
from pathlib import Path

import msgspec

from crewline_tenants.crm import rules
from crewline_tenants.crm.events import ClosedContact

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "crm-webhook.md").read_text(encoding="utf-8")


def test_the_example_is_what_we_send() -> None:
    shown = json.loads(re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)[0])
    facts = msgspec.convert(shown["data"], ClosedContact)
    assert set(shown["data"]) == set(ClosedContact.__struct_fields__)
    sent = rules.body(shown["type"], datetime.fromisoformat(shown["timestamp"]), facts)
    assert json.loads(rules.encoded(sent)) == shown


def test_the_waits_are_the_published_ones() -> None:
    for wait in ("5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h", "± 20 %", "about 75 hours"):
        assert wait in PAGE
