"""Plain data to the typed language and back; errors as `path: what is wrong`."""

import re
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

from crewline_infra.errors import Invalid
from crewline_infra.money import plain
from crewline_tenants.contracts.rules_terms import Contract
from crewline_tenants.contracts.rules_types import Number, number

T = TypeVar("T")
_AT = re.compile(r"^(?P<what>.*?)(?: - at `(?P<path>.*)`)?$", re.S)
_FIELD = re.compile(r"Object (?P<kind>contains unknown|missing required) field `(?P<name>.*)`")
_PATTERNS = {"currency": "expected three capital letters, such as EUR"}
SCHEMA_ID = "https://crewline.invalid/contract.schema.json"


def convert(data: Any, kind: type[T] | Any, *, at: str = "") -> T:
    """Raises `Invalid` with the path below `at`."""
    try:
        result: T = msgspec.convert(data, kind, dec_hook=number)
    except msgspec.ValidationError as problem:
        path, what = _located("".join(sign if sign.isprintable() else "?" for sign in str(problem)))
        path = ".".join(part for part in (at, path) if part).replace(".[", "[")
        raise Invalid(f"{path or 'document'}: {what}.", field=path or None) from problem
    return result


def to_plain(value: Any) -> Any:
    """The typed value as plain JSON data: numbers as text, dates as text, every default written out."""
    return _flattened(msgspec.structs.asdict(value)) | _tag(value)


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a contract, for editors."""
    schema: dict[str, Any] = msgspec.json.schema(Contract, schema_hook=_number_schema)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "Crewline contract",
        **_texts(schema),
    }


def _tag(value: Any) -> dict[str, str]:
    config = value.__struct_config__
    return {config.tag_field: config.tag} if config.tag is not None else {}


def _flattened(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return to_plain(value)
    if isinstance(value, dict):
        return {key: _flattened(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_flattened(item) for item in value]
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, date):
        return value.isoformat()
    return value.value if hasattr(value, "value") else value


def _located(message: str) -> tuple[str, str]:
    match = _AT.match(message)
    what, path = (match["what"], match["path"] or "$") if match else (message, "$")
    path = path.removeprefix("$").removeprefix(".")
    field = _FIELD.match(what)
    if field:
        path = f"{path}.{field['name']}" if path else field["name"]
        unknown = field["kind"].startswith("contains")
        return path, "there is no such setting" if unknown else "this setting is missing"
    return path, _with_choices(what[:1].lower() + what[1:], path)


def _with_choices(what: str, path: str) -> str:
    if " matching regex " in what:
        return _PATTERNS.get(path.rpartition(".")[2], "expected lower-case letters, digits, - and _")
    if not what.startswith("invalid "):
        return what.replace("`", "")
    name = re.sub(r"\[[^]]*\]", "", path.rpartition(".")[2])
    choices = _choices().get(name)
    return f"{what}; allowed: {', '.join(choices)}" if choices else what


@lru_cache(maxsize=1)
def _choices() -> dict[str, tuple[str, ...]]:
    """Allowed words by the setting's name, read from the published schema."""
    found: dict[str, dict[str, None]] = {}
    for definition in json_schema()["$defs"].values():
        for name, shape in definition.get("properties", {}).items():
            for part in (shape, shape.get("items", {}), *shape.get("anyOf", ())):
                found.setdefault(name, {}).update({str(word): None for word in part.get("enum", ())})
    return {name: tuple(words) for name, words in found.items() if words}


def _number_schema(kind: type) -> dict[str, Any]:
    if not issubclass(kind, Number):
        raise NotImplementedError(kind)
    return {
        "anyOf": [
            {"type": "integer", "minimum": 1 if kind.above else 0},
            {"type": "string", "pattern": r"^(0|[1-9][0-9]{0,14})(\.[0-9]{1,12})?$"},
        ],
        "description": (kind.__doc__ or "").strip(),
    }


def _texts(value: Any) -> Any:
    """Defaults that are Decimals or enum members, as the JSON they are written as."""
    if isinstance(value, dict):
        return {key: _texts(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_texts(item) for item in value]
    return _flattened(value)
