"""Texts in three languages: i18n.py extract | compile | check | prune.

One catalogue file per area (locales/LANGUAGE/AREA.po), so that areas grow side by side; `compile` merges them.
`extract` adds what the sources say and the catalogues lack, `prune` drops what no source says any more;
`check` fails on missing, fuzzy or contradicting texts.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parents[2]
LOCALES = ROOT / "platform" / "crewline_web" / "locales"
LANGUAGES = ("zh_Hans", "zh_Hant")
SOURCES = ("platform", "tenants", "billing", "reporting", "infra/crewline_infra")
KEYWORDS: dict[str, Any] = {"_": None, "gettext": None, "mark": None, "ngettext": (1, 2)}
WEB_AREAS = ("portal", "desk", "floor", "office", "finance")
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|\{\w+\}")

Key = str | tuple[str, str]


def main(arguments: list[str]) -> int:
    commands = {"extract": extract, "compile": compile_all, "check": check, "prune": prune}
    if len(arguments) != 1 or arguments[0] not in commands:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    return commands[arguments[0]]()


def extract() -> int:
    texts = source_texts()
    for language in LANGUAGES:
        known = {key for _area, key, _message in entries(language)}
        for area in sorted(set(texts.values())):
            new = [key for key, home in texts.items() if home == area and key not in known]
            if new:
                _add(language, area, new)
    return 0


def compile_all() -> int:
    for language in LANGUAGES:
        merged = Catalog(locale=language, domain="crewline")
        for _area, key, message in entries(language):
            if message.string and not message.fuzzy:
                merged.add(key, message.string)
        target = LOCALES / language / "LC_MESSAGES" / "crewline.mo"
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            write_mo(file, merged)
    return 0


def prune() -> int:
    texts = source_texts()
    for language in LANGUAGES:
        for path in sorted((LOCALES / language).glob("*.po")):
            with path.open("rb") as file:
                catalog = read_po(file, locale=language, domain=path.stem)
            kept = Catalog(locale=language, domain=path.stem, fuzzy=False)
            for message in catalog:
                if message.id and _key(message.id) in texts:
                    kept.add(message.id, message.string)
            if len(kept) != len(catalog):
                write_catalogue(path, kept)
    return 0


def check() -> int:
    problems = [problem for language in LANGUAGES for problem in complaints(language)]
    for problem in problems:
        sys.stderr.write(problem + "\n")
    return 1 if problems else 0


def complaints(language: str) -> Iterator[str]:
    """One sentence for each text that a reader of `language` would miss or get wrong."""
    texts = source_texts()
    found: dict[Key, Message] = {}
    for area, key, message in entries(language):
        where = f"{language}/{area}.po: {_shown(key)}"
        if message.fuzzy:
            yield f"{where}: fuzzy"
        earlier = found.get(key)
        if earlier is not None and earlier.string != message.string:
            yield f"{where}: translated twice, differently"
        if message.string and _placeholders(key) != _placeholders(message.string):
            yield f"{where}: other placeholders than the English text"
        found[key] = message
    for key, area in texts.items():
        if key not in found or not _complete(found[key]):
            yield f"{language}/{area}.po: {_shown(key)}: missing"


def entries(language: str) -> Iterator[tuple[str, Key, Message]]:
    for path in sorted((LOCALES / language).glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale=language):
                if message.id:
                    yield path.stem, _key(message.id), message


def source_texts() -> dict[Key, str]:
    """Every text that people can see, and the area whose catalogue it belongs to."""
    texts: dict[Key, str] = {}
    for source in SOURCES:
        for path in sorted((ROOT / source).rglob("*")):
            if path.suffix not in {".py", ".html"} or not path.is_file():
                continue
            for key in _texts_of(path):
                texts.setdefault(key, area_of(path.relative_to(ROOT).parts))
    return texts


def area_of(parts: tuple[str, ...]) -> str:
    if parts[:2] == ("platform", "crewline_web"):
        return parts[2] if parts[2] in WEB_AREAS else "shell"
    if parts[:2] == ("platform", "crewline_floor"):
        return "floor"
    if parts[0] == "reporting":
        return "metrics"
    if parts[0] == "billing":
        return "finance"
    return "errors"


def _texts_of(path: Path) -> Iterator[Key]:
    html = path.suffix == ".html"
    method = "jinja2.ext:babel_extract" if html else "python"
    options = {"extensions": "jinja2.ext.do", "newstyle_gettext": "true"} if html else {}
    for _line, message, _comments, _context in extract_from_file(method, path, keywords=KEYWORDS, options=options):
        yield _key(message)


def _add(language: str, area: str, keys: list[Key]) -> None:
    path = LOCALES / language / f"{area}.po"
    path.parent.mkdir(parents=True, exist_ok=True)
    catalog = Catalog(locale=language, domain=area, fuzzy=False)
    if path.exists():
        with path.open("rb") as file:
            catalog = read_po(file, locale=language, domain=area)
    for key in keys:
        catalog.add(key)
    catalog.fuzzy = False
    write_catalogue(path, catalog)


def write_catalogue(path: Path, catalog: Catalog) -> None:
    """Sorted and without dates or line numbers, so that two builders' additions merge."""
    catalog.header_comment = f"# Texts of {path.stem}."
    with path.open("wb") as file:
        write_po(file, catalog, omit_header=True, sort_output=True, no_location=True, width=100)


def _key(message: object) -> Key:
    if isinstance(message, (list, tuple)):
        return (str(message[0]), str(message[1]))
    return str(message)


def _complete(message: Message) -> bool:
    strings = [message.string] if isinstance(message.string, str) else list(message.string or ())
    return all(strings) and bool(strings)


def _placeholders(text: object) -> set[str]:
    parts = text if isinstance(text, (list, tuple)) else [text]
    return {found for part in parts for found in PLACEHOLDER.findall(str(part))}


def _shown(key: Key) -> str:
    return repr(key if isinstance(key, str) else key[0])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
