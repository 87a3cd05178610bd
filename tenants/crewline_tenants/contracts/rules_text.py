"""YAML or JSON text to plain data, without the traps of either: no floats, doubled keys, aliases, tags or odd words."""

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from crewline_infra.errors import Invalid
from crewline_tenants.contracts.rules_types import Inexact

SIZE_MAX = 256 * 1024
YAML_SIZE_MAX = 2 * 1024 * 1024
DEPTH_MAX = 30
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_UNFIT_KEY = re.compile("[\x00-\x1f\x7f\ud800-\udfff\u2028\u2029`]")
_INTEGER = re.compile(r"^[-+]?(0|[1-9][0-9]{0,30})$")
_FLOAT = re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?|\.inf|\.nan)$", re.I)
_WORDS: dict[str, Any] = {"": None, "~": None, "null": None, "true": True, "false": False}
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml where the wheel has it


def load(text: str, *, size_max: int = SIZE_MAX) -> Any:
    """Plain data (dict, list, str, int, bool, None) of a JSON document (it begins with a brace) or a YAML one.

    Dates stay text. Raises `Invalid` naming the line or the path.
    """
    if _UNSTORABLE.search(text):
        raise Invalid("The text has a character that cannot be stored; it should be plain UTF-8.")
    size = len(text.encode())
    if size > size_max:
        raise Invalid(f"The document is larger than {size_max // 1024} KiB.")
    is_json = text.lstrip()[:1] in ("{", "[")
    if size > YAML_SIZE_MAX and not is_json:
        raise Invalid(f"A YAML document may have {YAML_SIZE_MAX // 1024} KiB; write it as JSON.")
    data = _from_json(text) if is_json else _from_yaml(text)
    for path, value in _leaves(data, ""):
        _refuse(path, value)
    return data


def _refuse(path: str, value: Any) -> None:
    if isinstance(value, Inexact):
        raise Invalid(
            f'{path}: floats are not exact: write the number as text ("{value}") or as an integer.',
            field=path,
        )
    if isinstance(value, str) and _UNSTORABLE.search(value):
        raise Invalid(f"{path}: this text has a character that cannot be stored.", field=path)


def _leaves(data: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(data, dict):
        for key, value in data.items():
            if _UNFIT_KEY.search(key):
                raise Invalid(f"{path or 'document'}: a key has a character that no setting has.")
            yield from _leaves(value, f"{path}.{key}" if path else key)
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _leaves(value, f"{path}[{index}]")
    else:
        yield path or "document", data


def _from_json(text: str) -> Any:
    try:
        return json.loads(text, parse_float=Inexact, parse_constant=Inexact, object_pairs_hook=_unique)
    except json.JSONDecodeError as problem:
        raise Invalid(f"line {problem.lineno}: this is no JSON: {problem.msg}.") from problem
    except (RecursionError, ValueError) as problem:
        raise Invalid("The JSON is nested too deeply or holds a number too long.") from problem


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise Invalid(f"The key {key!r} appears twice in the same object.")
        found[key] = value
    return found


def _from_yaml(text: str) -> Any:
    try:
        events = yaml.parse(text, Loader=_LOADER)
        next(events)  # the stream
        first = next(events)
        if not isinstance(first, yaml.DocumentStartEvent):
            raise Invalid("The document is empty.")
        data = _node(next(events), events, 0)
        next(events)  # the document's end
        if not isinstance(next(events), yaml.StreamEndEvent):
            raise Invalid("The file holds more than one YAML document.")
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        reason = getattr(problem, "problem", None) or "it cannot be read"
        raise Invalid(f"{where}this is no YAML: {reason}.") from problem
    return data


def _node(event: Any, events: Any, depth: int) -> Any:
    line = event.start_mark.line + 1
    if isinstance(event, yaml.AliasEvent) or event.anchor:
        raise Invalid(f"line {line}: anchors and aliases are not part of the language.")
    if event.tag:
        raise Invalid(f"line {line}: tags ({event.tag}) are not part of the language.")
    if depth > DEPTH_MAX:
        raise Invalid(f"line {line}: nested more than {DEPTH_MAX} levels deep.")
    if isinstance(event, yaml.ScalarEvent):
        return event.value if event.style else _scalar(event.value)
    if isinstance(event, yaml.SequenceStartEvent):
        return _sequence(events, depth)
    return _mapping(events, depth)


def _sequence(events: Any, depth: int) -> list[Any]:
    found = []
    while not isinstance(event := next(events), yaml.SequenceEndEvent):
        found.append(_node(event, events, depth + 1))
    return found


def _mapping(events: Any, depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        line = event.start_mark.line + 1
        if not isinstance(event, yaml.ScalarEvent):
            raise Invalid(f"line {line}: a key must be plain text.")
        key = event.value
        if key in found:
            raise Invalid(f"line {line}: the key {key!r} appears twice.")
        found[key] = _node(next(events), events, depth + 1)
    return found


def _scalar(word: str) -> Any:
    """A plain (unquoted) word. `yes`, `no`, `on` and dates stay text, unlike in YAML 1.1."""
    if word in _WORDS:
        return _WORDS[word]
    if _INTEGER.match(word):
        return int(word)
    return Inexact(word) if _FLOAT.match(word) else word
