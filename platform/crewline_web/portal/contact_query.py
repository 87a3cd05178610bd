"""The address of a contact list, read and written. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import urlencode

FIELDS = ("queue", "outcome", "channel", "within", "over", "under", "not_within", "in_hours", "after")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactQuery:
    """Texts as written; '' means no such limit. `first` and `last` are local dates or instants."""

    first: str
    last: str
    queue: str = ""
    outcome: str = ""
    channel: str = ""
    within: str = ""
    over: str = ""
    under: str = ""
    not_within: str = ""
    in_hours: str = ""
    after: str = ""

    @classmethod
    def read(cls, query: Mapping[str, Any], today: str) -> "ContactQuery":
        first = str(query.get("from") or query.get("to") or today)
        last = str(query.get("to") or query.get("from") or today)
        return cls(first=first, last=last, **{name: str(query.get(name, "")) for name in FIELDS})

    def to_query(self, **changes: str) -> str:
        parts = asdict(replace(self, **changes))
        span = {"from": parts.pop("first"), "to": parts.pop("last")}
        return urlencode(span | {name: value for name, value in parts.items() if value})
