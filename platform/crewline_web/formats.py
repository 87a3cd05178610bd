"""How figures, durations, instants and money are written, in the language of the request."""

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_skeleton, get_timezone_location
from babel.numbers import format_currency, format_decimal

from crewline_infra.i18n import current_locale
from crewline_infra.i18n import gettext as _
from crewline_infra.money import minor_places

NOTHING = "—"
_LOCALES = {
    "en": Locale("en"),
    "zh_Hans": Locale("zh", "CN", "Hans"),
    "zh_Hant": Locale("zh", "TW", "Hant"),
}


def babel_locale() -> Locale:
    return _LOCALES[current_locale()]


def number(value: int | float | Decimal | None, places: int | None = None) -> str:
    """With thousands separators; `places` fixes the decimals."""
    if value is None:
        return NOTHING
    pattern = "#,##0" if not places else "#,##0." + "0" * places
    return format_decimal(value, format=pattern, locale=babel_locale())


def percent_value(ratio: float | Decimal | None, places: int = 1) -> str:
    """0.8143 as 81.4, for places that print the sign themselves."""
    return NOTHING if ratio is None else number(Decimal(str(ratio)) * 100, places)


def percent(ratio: float | Decimal | None, places: int = 1) -> str:
    return NOTHING if ratio is None else percent_value(ratio, places) + "%"


def money(amount: Decimal | None, currency: str, places: int | None = None) -> str:
    """Sign and digits of the currency; `places` keeps more digits than it has (unit prices)."""
    if amount is None:
        return NOTHING
    digits = minor_places(currency) if places is None else places
    pattern = "¤#,##0" if digits == 0 else "¤#,##0." + "0" * digits
    return format_currency(amount, currency, format=pattern, locale=babel_locale(), currency_digits=False)


def quantity_places(value: Decimal) -> int:
    """Decimals that a quantity really has, six at most: 12, 395.62."""
    exponent = value.normalize().as_tuple().exponent
    return min(6, max(0, -exponent)) if isinstance(exponent, int) else 0


def clock(ms: int | float | None) -> str:
    """A duration as m:ss or h:mm:ss, rounded half up to the second."""
    if ms is None:
        return NOTHING
    total = int(Decimal(str(ms)) / 1000 + Decimal("0.5"))
    hours, rest = divmod(total, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def precise(ms: int | None) -> str:
    """A duration to the millisecond: 1:18.790."""
    if ms is None:
        return NOTHING
    seconds, milli = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
    return f"{hours}:{text}.{milli:03}" if hours else f"{text}.{milli:03}"


def seconds(ms: int | float | Decimal | None, places: int = 0) -> str:
    """Milliseconds as a number of seconds, without the unit."""
    return NOTHING if ms is None else number(Decimal(str(ms)) / 1000, places)


def day(value: date, *, weekday: bool = True) -> str:
    """Thursday 19 November 2026 · 2026年11月19日星期四."""
    if current_locale() == "en":
        return value.strftime("%A ") + day(value, weekday=False) if weekday else _english(value)
    return format_date(value, "full" if weekday else "long", locale=babel_locale())


def _english(value: date) -> str:
    return f"{value.day} {value.strftime('%B %Y')}"


def short_day(value: date) -> str:
    """19 Nov · 11月19日."""
    if current_locale() == "en":
        return f"{value.day} {value.strftime('%b')}"
    return str(format_skeleton("MMMd", value, locale=babel_locale()))


def month(value: date) -> str:
    if current_locale() == "en":
        return value.strftime("%B %Y")
    return str(format_skeleton("yMMMM", value, locale=babel_locale()))


def time(value: datetime | None, zone: str, *, ms: bool = False, seconds: bool = True) -> str:
    """The local time of day of an instant."""
    if value is None:
        return NOTHING
    local = value.astimezone(ZoneInfo(zone))
    text = local.strftime("%H:%M:%S" if seconds else "%H:%M")
    return f"{text}.{local.microsecond // 1000:03}" if ms else text


def instant(value: datetime | None, zone: str) -> str:
    """Local date and time, sortable: 1999-03-01 09:30:12."""
    if value is None:
        return NOTHING
    return value.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S")


def zone_label(zone: str, at: datetime) -> str:
    """A place and its offset at an instant: Shanghai, UTC+8."""
    offset = at.astimezone(ZoneInfo(zone)).utcoffset()
    minutes = int(offset.total_seconds()) // 60 if offset is not None else 0
    hours, rest = divmod(abs(minutes), 60)
    sign = "−" if minutes < 0 else "+"
    shown = f"UTC{sign}{hours}" + (f":{rest:02}" if rest else "")
    if zone in {"UTC", "Etc/UTC"}:
        return "UTC"
    place = get_timezone_location(zone, locale=babel_locale(), return_city=True)
    return _("%(place)s, %(offset)s") % {"place": place, "offset": shown}


FILTERS = {
    "number": number,
    "percent": percent,
    "percent_value": percent_value,
    "money": money,
    "clock": clock,
    "precise": precise,
    "seconds": seconds,
    "day": day,
    "short_day": short_day,
    "month": month,
    "time": time,
    "instant": instant,
    "zone_label": zone_label,
}
