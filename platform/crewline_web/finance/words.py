"""The words of contracts and lines on finance's pages."""

from typing import Any

from crewline_infra.i18n import gettext as _
from crewline_infra.i18n import mark
from crewline_infra.money import plain
from crewline_tenants.contracts.rules_price import Flat, Graduated, Package, Percentage, PerUnit, Price, Tier, Volume
from crewline_tenants.contracts.rules_terms import TimeRule

KINDS = {
    "usage": mark("usage"),
    "fixed": mark("fixed"),
    "true_up": mark("true-up"),
    "credit": mark("service-level credit"),
    "correction": mark("correction"),
    "manual": mark("by hand"),
}
PARTS = {"talk": mark("talk"), "hold": mark("hold"), "wrap": mark("wrap-up")}
ROUND = {"up": mark("up"), "nearest": mark("to the nearest"), "down": mark("down")}


def kinds() -> dict[str, str]:
    return {kind: _(word) for kind, word in KINDS.items()}


def price_words(price: Price) -> str:
    """'graduated: 1.92 up to 40,000, then 1.78' and the like, on one line."""
    if isinstance(price, Flat):
        return _("%(amount)s a month") % {"amount": plain(price.amount)}
    if isinstance(price, PerUnit):
        return _("%(amount)s each") % {"amount": plain(price.unit_price)}
    if isinstance(price, Package):
        return _("%(amount)s per %(size)s") % {"amount": plain(price.price), "size": plain(price.size)}
    if isinstance(price, Percentage):
        return _("%(percent)s %% of other items") % {"percent": plain(price.percent)}
    return _tiers(price)


def _tiers(price: Graduated | Volume) -> str:
    words = _("by tier: %(tiers)s") if isinstance(price, Graduated) else _("all at the tier reached: %(tiers)s")
    return words % {"tiers": ", ".join(_tier(tier) for tier in price.tiers)}


def _tier(tier: Tier) -> str:
    if tier.up_to is None:
        return _("then %(amount)s") % {"amount": plain(tier.unit_price)}
    return _("%(amount)s up to %(limit)s") % {"amount": plain(tier.unit_price), "limit": plain(tier.up_to)}


def time_words(rule: TimeRule | None) -> str:
    """What a minute is: 'talk + hold, 6 s up per contact'."""
    if rule is None:
        return "—"
    parts = " + ".join(_(PARTS[part]) for part in rule.include)
    values: dict[str, Any] = {"parts": parts, "seconds": rule.increment_s, "how": _(ROUND[rule.round])}
    if not rule.increment_s:
        return _("%(parts)s, to the millisecond") % values
    if rule.apply == "contact":
        return _("%(parts)s, by %(seconds)s s %(how)s per contact") % values
    return _("%(parts)s, by %(seconds)s s %(how)s on the total") % values
