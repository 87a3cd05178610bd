"""The nine service-level formulas of the field, and two further forms of them.

Letters: A answered, B abandoned, F flowed out, C callback requests, O = A + B + F + C offered;
t: within T (wait <= T), s: short (wait < s). Short and in-time abandons are nested sets, so the
abandons that are both number min(Bs, Bt).
"""

from collections.abc import Callable, Sequence

from crewline_infra.errors import Invalid
from crewline_infra.i18n import mark as _
from crewline_reporting.metrics.formulas import Metric, Parts
from crewline_reporting.metrics.rules import Tally
from crewline_reporting.metrics.texts import BY_QUEUE_ENTRY

DEFAULT_VARIANT = "V4"


def _variant(
    variant: str,
    *,
    title: str,
    definition: str,
    numerator: str,
    denominator: str,
    example: str,
    used_by: str,
    parts: Callable[[Tally], Parts],
) -> Metric:
    return Metric(
        name=f"service_level.{variant.lower()}",
        version=1,
        title=title,
        definition=definition,
        unit="percent",
        numerator=numerator,
        denominator=denominator,
        interval_rule=BY_QUEUE_ENTRY,
        example=example,
        used_by=used_by,
        parts=parts,
    )


SERVICE_LEVELS: dict[str, Metric] = {
    "V1": _variant(
        "V1",
        title=_("Service level V1: answered only"),
        definition=_("Share of the answered contacts that were answered within T; abandons do not count."),
        numerator="At",
        denominator="A",
        example=_("70 / 80 = 87.50 %"),
        used_by="Asterisk SL, VICIdial TMR, Wazo, Aircall",
        parts=lambda t: (t.answered_in_time, t.answered),
    ),
    "V2": _variant(
        "V2",
        title=_("Service level V2: early abandons count as met"),
        definition=_("Answered or abandoned within T, of all answered and abandoned contacts."),
        numerator="At + Bt",
        denominator="A + B",
        example=_("(70 + 10) / (80 + 17) = 82.47 %"),
        used_by="Asterisk SL2, Cisco",
        parts=lambda t: (t.answered_in_time + t.abandoned_in_time, t.answered + t.abandoned),
    ),
    "V3": _variant(
        "V3",
        title=_("Service level V3: every abandon counts as missed"),
        definition=_("Answered within T, of all answered and abandoned contacts."),
        numerator="At",
        denominator="A + B",
        example=_("70 / (80 + 17) = 72.16 %"),
        used_by="Genesys, Cisco",
        parts=lambda t: (t.answered_in_time, t.answered + t.abandoned),
    ),
    "V4": _variant(
        "V4",
        title=_("Service level V4: short abandons left out"),
        definition=_("Answered within T, of answered and abandoned contacts without the short abandons."),
        numerator="At",
        denominator="A + B - Bs",
        example=_("70 / (80 + 17 - 4) = 75.27 %"),
        used_by="Genesys",
        parts=lambda t: (t.answered_in_time, t.answered + t.abandoned - t.short_abandoned),
    ),
    "V5": _variant(
        "V5",
        title=_("Service level V5: early abandons left out"),
        definition=_("Answered within T, of the offered contacts without those abandoned within T."),
        numerator="At",
        denominator="O - Bt",
        example=_("70 / (100 - 10) = 77.78 %"),
        used_by="Cisco, CxEngage",
        parts=lambda t: (t.answered_in_time, t.offered - t.abandoned_in_time),
    ),
    "V6": _variant(
        "V6",
        title=_("Service level V6: only late abandons count as missed"),
        definition=_("Answered within T, of the answered contacts and those abandoned after T."),
        numerator="At",
        denominator="A + B - Bt",
        example=_("70 / (80 + 17 - 10) = 80.46 %"),
        used_by="XCALLY",
        parts=lambda t: (t.answered_in_time, t.answered + t.abandoned - t.abandoned_in_time),
    ),
    "V7": _variant(
        "V7",
        title=_("Service level V7: flow-outs count as missed"),
        definition=_("Answered within T, of all answered, abandoned and flowed-out contacts."),
        numerator="At",
        denominator="A + B + F",
        example=_("70 / (80 + 17 + 3) = 70.00 %"),
        used_by="Vonage, Genesys",
        parts=lambda t: (t.answered_in_time, t.answered + t.abandoned + t.flowed_out),
    ),
    "V8": _variant(
        "V8",
        title=_("Service level V8: left the queue in time"),
        definition=_("Answered, abandoned or turned into a callback within T, of all offered contacts."),
        numerator="At + Bt + Ct",
        denominator="O",
        example=_("(70 + 10 + 0) / 100 = 80.00 %"),
        used_by="Amazon Connect",
        parts=lambda t: (t.answered_in_time + t.abandoned_in_time + t.callback_in_time, t.offered),
    ),
    "V9": _variant(
        "V9",
        title=_("Service level V9: opening hours only"),
        definition=_("Answered or abandoned within T, of those that came in opening hours."),
        numerator="At + Bt",
        denominator="A + B",
        example=_("(68 + 9) / (76 + 15) = 84.62 %"),
        used_by="Talkdesk, Aircall",
        parts=lambda t: (
            t.open_answered_in_time + t.open_abandoned_in_time,
            t.open_answered + t.open_abandoned,
        ),
    ),
    "V4T": _variant(
        "V4T",
        title=_("Service level V4, flow-outs counted as missed"),
        definition=_("Answered within T, of the offered contacts without the short abandons."),
        numerator="At",
        denominator="O - Bs",
        example=_("70 / (100 - 4) = 72.92 %"),
        used_by="Talkdesk contacts, Cisco without short calls",
        parts=lambda t: (t.answered_in_time, t.offered - t.short_abandoned),
    ),
    "V8S": _variant(
        "V8S",
        title=_("Service level V8 without short abandons"),
        definition=_("Answered or abandoned within T, of the offered, short abandons left out of both."),
        numerator="At + Bt - Bs",
        denominator="O - Bs",
        example=_("(70 + 10 - 4) / (100 - 4) = 79.17 %"),
        used_by="Cisco without short calls",
        parts=lambda t: (
            t.answered_in_time + t.abandoned_in_time - min(t.short_abandoned, t.abandoned_in_time),
            t.offered - t.short_abandoned,
        ),
    ),
}

NINE = ("V1", "V2", "V3", "V4", "V5", "V6", "V7", "V8", "V9")


def service_levels(variants: Sequence[str]) -> list[Metric]:
    """The metrics of variant names; 'all' means the nine. Raises `Invalid` for an unknown name."""
    names = NINE if [v.lower() for v in variants] == ["all"] else [v.upper() for v in variants]
    for name in names:
        if name not in SERVICE_LEVELS:
            raise Invalid(
                f"{name!r} is no service-level variant; use {', '.join(SERVICE_LEVELS)} or all.",
                field="variant",
            )
    return [SERVICE_LEVELS[name] for name in names]
