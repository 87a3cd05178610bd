"""Language, theme and density of the person at the browser: cookies first, then its own wish."""

from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from litestar.datastructures import Cookie
from litestar.types import Scope

LANGUAGE_COOKIE, THEME_COOKIE, DENSITY_COOKIE = (
    "crewline_lang",
    "crewline_theme",
    "crewline_density",
)
ONE_YEAR_S = 365 * 86_400

LANGUAGES = {"en": "English", "zh_Hans": "简体中文", "zh_Hant": "繁體中文"}
HTML_LANG = {"en": "en", "zh_Hans": "zh-CN", "zh_Hant": "zh-TW"}
THEMES = ("auto", "light", "dark")
DENSITIES = ("comfortable", "compact")
SCOPE_KEY = "crewline_prefs"


@dataclass(frozen=True, slots=True)
class Prefs:
    language: str = "en"
    theme: str = "auto"
    density: str = "comfortable"

    @property
    def html_lang(self) -> str:
        return HTML_LANG[self.language]


def read_prefs(scope: Scope) -> Prefs:
    """What the request asks for; unknown values fall back without a word."""
    headers = dict(scope["headers"])
    cookies = _cookies(headers.get(b"cookie", b"").decode("latin-1"))
    language = cookies.get(LANGUAGE_COOKIE, "")
    if language not in LANGUAGES:
        language = negotiate(headers.get(b"accept-language", b"").decode("latin-1"))
    theme, density = cookies.get(THEME_COOKIE), cookies.get(DENSITY_COOKIE)
    return Prefs(
        language,
        theme if theme in THEMES else "auto",
        density if density in DENSITIES else "comfortable",
    )


def prefs_of(scope: Scope) -> Prefs:
    found = scope.get(SCOPE_KEY)
    return found if isinstance(found, Prefs) else Prefs()


def negotiate(accept: str) -> str:
    """The best language of an Accept-Language header that we have, by weight; else English."""
    wishes = []
    for position, part in enumerate(accept.split(",")):
        tag, _semicolon, parameters = part.strip().partition(";")
        wishes.append((-_weight(parameters), position, tag.strip().lower()))
    for weight, _position, tag in sorted(wishes):
        if weight < 0 and (language := _language_of(tag)):
            return language
    return "en"


def preference_cookie(key: str, value: str, *, secure: bool) -> Cookie:
    return Cookie(key=key, value=value, max_age=ONE_YEAR_S, path="/", samesite="lax", secure=secure)


def safe_next(target: str | None, fallback: str = "/") -> str:
    """A path of our own site, or the fallback: never another host, never a scheme."""
    if not target or not target.startswith("/") or target[1:2] in {"/", "\\"}:
        return fallback
    if any(not character.isprintable() or character == "\\" for character in target):
        return fallback
    parts = urlsplit(target)
    return fallback if parts.scheme or parts.netloc else target


def _weight(parameters: str) -> float:
    _q, _equals, value = parameters.strip().partition("=")
    try:
        return float(value) if value else 1.0
    except ValueError:
        return 0.0


def _language_of(tag: str) -> str | None:
    if tag == "en" or tag.startswith("en-"):
        return "en"
    if tag == "zh" or tag.startswith("zh-"):
        traditional = {"hant", "tw", "hk", "mo"} & set(tag.split("-"))
        return "zh_Hant" if traditional else "zh_Hans"
    return None


def _cookies(header: str) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(header).items()}
    except CookieError:
        return {}
