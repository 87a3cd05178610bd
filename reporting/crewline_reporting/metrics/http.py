"""The catalogue of metrics over the API."""

import msgspec
from litestar import get

from crewline_infra.i18n import gettext as _
from crewline_reporting.metrics.catalogue import CATALOGUE
from crewline_reporting.metrics.formulas import SHOWN_PLACES, Metric
from crewline_tenants.people.access import Who


class MetricOut(msgspec.Struct, kw_only=True, frozen=True):
    """`key` pins name and version; `decimals` are those of shown values; texts are in the request's language."""

    key: str
    name: str
    version: int
    short: str
    title: str
    definition: str
    unit: str
    decimals: int
    numerator: str
    denominator: str
    interval_rule: str
    example: str
    used_by: str


@get("/api/v1/metrics", summary="List every metric with its definition")
async def list_metrics(principal: Who) -> list[MetricOut]:
    """Definitions are the same for everybody: any person who is logged in may read them."""
    return [described(metric) for metric in CATALOGUE.values()]


ROUTES = [list_metrics]


def described(metric: Metric) -> MetricOut:
    """The definition as it is shown beside a number."""
    return MetricOut(
        key=metric.key,
        name=metric.name,
        version=metric.version,
        short=metric.short,
        title=_(metric.title),
        definition=_(metric.definition),
        unit=metric.unit,
        decimals=SHOWN_PLACES[metric.unit],
        numerator=_translated(metric.numerator),
        denominator=_translated(metric.denominator),
        interval_rule=_(metric.interval_rule),
        example=_(metric.example),
        used_by=metric.used_by,
    )


def _translated(text: str) -> str:
    """gettext answers an empty text with the catalogue's own header."""
    return _(text) if text else ""
