"""The mapping language: how the rows of somebody else's file become records (docs/mapping-language.md)."""

import re
from typing import Any, Literal

import msgspec

from crewline_infra.errors import Invalid

Scalar = str | int
Condition = dict[str, "Scalar | list[Scalar] | Test"]
"""Column -> wanted value, list of values, or a test; all columns must agree."""

RecordInstant = Literal["arrived_at", "queued_at", "offered_at", "answered_at", "ended_at", "wrapped_at"]
RecordDuration = Literal["menu_ms", "wait_ms", "ring_ms", "talk_ms", "hold_ms", "wrap_ms"]
TimeKind = Literal["time_of_day", "local", "iso", "epoch_s", "epoch_ms"]


SLUG = re.compile("[a-z][a-z0-9-]{0,39}")


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of every table of the language: unknown keys are errors, never ignored."""


class Test(Part, frozen=True, kw_only=True):
    """Every given test must hold. Numbers compare numerically; a text that is no number fails them."""

    below: float | None = None
    at_most: float | None = None
    at_least: float | None = None
    above: float | None = None
    empty: bool | None = None
    excluding: list[Scalar] = []
    starts_with: str | None = None
    matches: str | None = None


class FileLayout(Part, frozen=True, kw_only=True):
    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
    header: bool = True
    columns: list[str]
    optional: list[str] = []
    trim: bool = True


class Repair(Part, frozen=True, kw_only=True):
    """Tried in order on a row with the wrong number of fields, until the number is right."""

    action: Literal["drop_empty_tail", "split_blank_runs", "merge_tail"]
    blanks: int = 2


class TenantCreate(Part, frozen=True, kw_only=True):
    currency: str
    names: dict[str, str] = {}


class TenantRule(Part, frozen=True, kw_only=True):
    fixed: str | None = None
    column: str | None = None
    values: dict[str, str] = {}
    other: str | None = None
    create: TenantCreate | None = None


class Clock(Part, frozen=True, kw_only=True):
    """How local times become instants."""

    zone: str
    ambiguous: Literal["earlier", "later", "reject"] = "earlier"
    missing: Literal["forward", "reject"] = "forward"
    date_column: str | None = None
    date_format: str = "%Y-%m-%d"
    order: list[str] = []
    wrap_after_minutes: int = 720
    tolerance_s: float = 0


class TimeRule(Part, frozen=True, kw_only=True):
    """One time of the file. `none` lists texts that mean "there is no such time", unless the condition holds."""

    column: str | None = None
    kind: TimeKind = "time_of_day"
    format: str = "%Y-%m-%d %H:%M:%S"
    none: list[str] = []
    none_unless: Condition = {}


class InstantRule(Part, frozen=True, kw_only=True):
    first_of: list[str] = []
    last_of: list[str] = []
    only: list[str] = []


class DurationRule(Part, frozen=True, kw_only=True):
    column: str | None = None
    unit: Literal["ms", "s", "min", "h:mm:ss"] = "s"
    between: list[str] = []
    negative: Literal["zero", "absolute", "reject"] = "reject"
    only: list[str] = []


class TextRule(Part, frozen=True, kw_only=True):
    column: str | None = None
    values: dict[str, str] = {}
    constant: str | None = None
    none: list[str] = []
    damaged: str | None = None
    only: list[str] = []


class NumberRule(Part, frozen=True, kw_only=True):
    column: str
    values: dict[str, int] = {}
    other: int = 0


class PoolRule(Part, frozen=True, kw_only=True):
    """Agents whose name starts so belong to this pool (the empty start is everybody else)."""

    starts_with: str = ""
    pool: str


class AgentRule(Part, frozen=True, kw_only=True):
    column: str
    none: list[str] = []
    only: list[str] = []
    names: Literal["pseudonym", "keep"] = "pseudonym"
    pools: list[PoolRule] = []


class QueueRule(Part, frozen=True, kw_only=True):
    """`pool` serves the queues that an import has to make."""

    pool: str | None = None
    column: str | None = None
    values: dict[str, str] = {}
    constant: str | None = None
    other: str | None = None


class OutcomeRule(Part, frozen=True, kw_only=True):
    """The first rule whose condition holds decides; a row for which none holds is rejected."""

    result: Literal["answered", "abandoned", "flowed_out", "callback", "menu_ended", "excluded"]
    when: Condition = {}
    exclusion: str | None = None


class FlagRule(Part, frozen=True, kw_only=True):
    name: str
    when: Condition
    value_of: str | None = None


class Opening(Part, frozen=True, kw_only=True):
    days: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]]
    opens: str
    closes: str


class ExternalId(Part, frozen=True, kw_only=True):
    columns: list[str]
    separator: str = "-"


class Mapping(Part, frozen=True, kw_only=True):
    version: Literal[1]
    source: str
    description: str = ""
    file: FileLayout
    external_id: ExternalId
    tenant: TenantRule | None = None
    time: Clock
    times: dict[str, TimeRule]
    outcome: list[OutcomeRule]
    channel: TextRule = TextRule(constant="voice")
    direction: TextRule = TextRule(constant="inbound")
    instants: dict[RecordInstant, InstantRule]
    durations: dict[RecordDuration, DurationRule] = {}
    queue: QueueRule | None = None
    agent: AgentRule | None = None
    priority: NumberRule | None = None
    entry_point: TextRule | None = None
    customer_ref: TextRule | None = None
    disposition: TextRule | None = None
    hours: list[Opening] = []
    flag: list[FlagRule] = []
    repair: list[Repair] = []


def load_mapping(text: str, name: str) -> Mapping:
    """Read and check a mapping. Raises `Invalid` with one sentence that names the key.

    `name` is what people call it (a file name), for the sentence.
    """
    try:
        mapping = msgspec.toml.decode(text, type=Mapping)
    except msgspec.ValidationError as problem:
        raise Invalid(f"{name}: {_key_first(str(problem))}.", field=_key(str(problem))) from problem
    except (msgspec.DecodeError, ValueError) as problem:
        raise Invalid(f"{name} is no TOML: {problem}.") from problem
    for key, sentence in _contradictions(mapping):
        raise Invalid(f"{name}: {key} {sentence}.", field=key)
    return mapping


def _key(message: str) -> str:
    found = re.search(r"at `\$\.?(.*)`$", message)
    return found[1] if found else ""


def _key_first(message: str) -> str:
    text, _, _ = message.partition(" - at ")
    key = _key(message)
    return f"{key}: {text}" if key else text


def _contradictions(mapping: Mapping) -> list[tuple[str, str]]:
    """(key, what is wrong with it), in the order of the file."""
    return [
        *_in_file(mapping.file),
        *_in_tenant(mapping.tenant),
        *_unknown_columns(mapping),
        *_unknown_times(mapping),
        *_in_instants(mapping),
        *_in_outcomes(mapping),
    ]


def _in_file(file: FileLayout) -> list[tuple[str, str]]:
    found = []
    if len(file.delimiter) != 1:
        found.append(("file.delimiter", "is one character"))
    if len(file.quote) > 1:
        found.append(("file.quote", "is one character, or empty for none"))
    try:
        "".encode(file.encoding)
    except LookupError:
        found.append(("file.encoding", f"{file.encoding!r} is not known"))
    if len(set(file.columns)) != len(file.columns) or not file.columns:
        found.append(("file.columns", "names each column once, and at least one"))
    return found


def _in_tenant(tenant: TenantRule | None) -> list[tuple[str, str]]:
    if tenant is None:
        return []
    if (tenant.fixed is None) == (tenant.column is None):
        return [("tenant", "has either fixed or column")]
    slugs = [tenant.fixed, tenant.other, *tenant.values.values()]
    return [
        ("tenant", f"names {slug!r}, which is no short name (a-z, 0-9, -)")
        for slug in slugs
        if slug is not None and not SLUG.fullmatch(slug)
    ]


def _unknown_columns(mapping: Mapping) -> list[tuple[str, str]]:
    known = set(mapping.file.columns)
    return [
        (key, f"names the column {column!r}, which file.columns does not hold")
        for key, column in _column_uses(mapping)
        if column not in known
    ]


def _column_uses(mapping: Mapping) -> list[tuple[str, str]]:
    uses: list[tuple[str, str]] = [("external_id.columns", column) for column in mapping.external_id.columns]
    uses += [("file.optional", column) for column in mapping.file.optional]
    uses += [(f"times.{key}", rule.column or key) for key, rule in mapping.times.items()]
    for key, rule in mapping.times.items():
        uses += [(f"times.{key}.none_unless", column) for column in rule.none_unless]
    for position, outcome in enumerate(mapping.outcome):
        uses += [(f"outcome[{position}].when", column) for column in outcome.when]
    for position, flag in enumerate(mapping.flag):
        uses += [(f"flag[{position}].when", column) for column in flag.when]
        uses += [(f"flag[{position}].value_of", flag.value_of)] if flag.value_of else []
    uses += [(f"durations.{key}", rule.column) for key, rule in mapping.durations.items() if rule.column]
    uses += [("time.date_column", mapping.time.date_column)] if mapping.time.date_column else []
    return uses + _single_uses(mapping)


def _single_uses(mapping: Mapping) -> list[tuple[str, str]]:
    names = ("tenant", "queue", "agent", "priority", "entry_point", "customer_ref", "disposition")
    rules: list[tuple[str, Any]] = [(name, getattr(mapping, name)) for name in names]
    rules += [("channel", mapping.channel), ("direction", mapping.direction)]
    return [(name, rule.column) for name, rule in rules if rule is not None and rule.column]


def _unknown_times(mapping: Mapping) -> list[tuple[str, str]]:
    uses = [("time.order", name) for name in mapping.time.order]
    for key, instant in mapping.instants.items():
        uses += [(f"instants.{key}", name) for name in (*instant.first_of, *instant.last_of)]
    for field, duration in mapping.durations.items():
        uses += [(f"durations.{field}.between", name) for name in duration.between]
    return [
        (key, f"names the time {name!r}, which [times] does not hold")
        for key, name in uses
        if name not in mapping.times
    ]


def _in_instants(mapping: Mapping) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = [
        (f"instants.{key}", "is required") for key in ("arrived_at", "ended_at") if key not in mapping.instants
    ]
    for key, instant in mapping.instants.items():
        if bool(instant.first_of) == bool(instant.last_of):
            found.append((f"instants.{key}", "has either first_of or last_of"))
    for field, duration in mapping.durations.items():
        if (duration.column is None) == (not duration.between):
            found.append((f"durations.{field}", "has either column or between"))
        if duration.between and len(duration.between) != len(("from", "to")):
            found.append((f"durations.{field}.between", "names two times"))
    if mapping.time.date_column is None and any(rule.kind == "time_of_day" for rule in mapping.times.values()):
        found.append(("time.date_column", "is required for times of day"))
    return found


def _in_outcomes(mapping: Mapping) -> list[tuple[str, str]]:
    found = []
    if not mapping.outcome:
        found.append(("outcome", "needs at least one rule"))
    for position, rule in enumerate(mapping.outcome):
        if (rule.result == "excluded") != (rule.exclusion is not None):
            found.append((f"outcome[{position}].exclusion", "is given exactly when the result is excluded"))
    return found
