"""Texts for people in the language of the request; English is the source text."""

import gettext as _gettext
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path

LOCALES = ("en", "zh_Hans", "zh_Hant")
_locale: ContextVar[str] = ContextVar("crewline_locale", default="en")
_folder = Path(__file__).resolve().parent  # replaced by use_catalogues() at start-up


def use_catalogues(folder: Path) -> None:
    """Say where the compiled catalogues lie (the pages' package owns them)."""
    global _folder  # noqa: PLW0603 - set once at start-up
    _folder = folder
    _catalogue.cache_clear()


def current_locale() -> str:
    return _locale.get()


@contextmanager
def locale(name: str) -> Iterator[None]:
    token = _locale.set(name if name in LOCALES else "en")
    try:
        yield
    finally:
        _locale.reset(token)


def set_locale(name: str) -> None:
    """For the rest of this request's context."""
    _locale.set(name if name in LOCALES else "en")


def gettext(message: str) -> str:
    return _catalogue(_locale.get()).gettext(message)


def ngettext(singular: str, plural: str, n: int) -> str:
    return _catalogue(_locale.get()).ngettext(singular, plural, n)


def mark(message: str) -> str:
    """Mark a text for the catalogues; translate it later with `gettext` where it is shown."""
    return message


@lru_cache(maxsize=8)
def _catalogue(name: str) -> _gettext.NullTranslations:
    if name == "en":
        return _gettext.NullTranslations()
    return _gettext.translation("crewline", _folder, languages=[name], fallback=True)
