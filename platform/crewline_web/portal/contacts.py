"""The contacts behind a figure: the list that every number opens into."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath

from crewline_infra.errors import Invalid
from crewline_infra.i18n import gettext as _
from crewline_infra.periods import local_date
from crewline_reporting.intervals import service as intervals
from crewline_reporting.records import service
from crewline_reporting.records.http import cursor, known_outcomes, read_cursor
from crewline_reporting.records.model import ContactFilter
from crewline_reporting.records.rules import OUTCOMES
from crewline_reporting.reports import rules as reports
from crewline_reporting.reports.http import known_channel
from crewline_tenants.people.access import AnyRequest, Db, Now, Permission, Who
from crewline_web.portal.contact_query import ContactQuery
from crewline_web.portal.promise import Promise, read_promise
from crewline_web.portal.scope import Scope, portal_context, read_scope
from crewline_web.portal.words import CHANNEL_NAMES, OUTCOME_NAMES, outcome_state
from crewline_web.render import fragment, page

PAGE_SIZE = 50
Choices = list[tuple[str, str, bool]]


@get("/portal/{slug:str}/contacts", include_in_schema=False)
async def contacts_page(request: AnyRequest, slug: FromPath[str], principal: Who, db: Db, clock: Now) -> Response[str]:
    """Keyset pages; `count` is over all of them, and equals the figure that led here."""
    context = await portal_context(db, principal, slug, Permission.RECORD_READ)
    async with db.transaction(context) as tx:
        scope = await read_scope(tx, clock)
        wanted = ContactQuery.read(request.query_params, scope.today.isoformat())
        conditions = _conditions(scope, wanted)
        found = await service.list_contacts(
            tx, scope.tenant.id, conditions, after=read_cursor(wanted.after or None), limit=PAGE_SIZE
        )
        count = await service.count_contacts(tx, scope.tenant.id, conditions)
        extent = None if count else await intervals.extent(tx, scope.tenant.id)
        day = local_date(conditions.from_at, scope.tenant.time_zone)
        promise = await read_promise(tx, scope.tenant.id, day, scope.queues)
    values: dict[str, Any] = {
        "scope": scope,
        "contacts": found.contacts,
        "threshold_ms": _late_after(wanted, promise),
        "outcome_state": outcome_state,
        "more": wanted.to_query(after=cursor(found.next_after)) if found.next_after else "",
    }
    if request.headers.get("hx-request-type") == "partial":
        return fragment(request, "portal/contacts_more.html", **values)
    zone = scope.tenant.time_zone
    return page(
        request,
        "portal/contacts.html",
        principal=principal,
        tenant=scope.tenant,
        active="contacts",
        now=clock.now(),
        wanted=wanted,
        starts_at=conditions.from_at,
        ends_at=conditions.to_at,
        count=count,
        waits=_waits(wanted),
        choices=_choices(scope, wanted),
        last_day=local_date(extent[1], zone) if extent else None,
        export=f"/api/v1/tenants/{scope.tenant.id}/contacts?{wanted.to_query(after='')}",
        **values,
    )


ROUTES = [contacts_page]


def _conditions(scope: Scope, wanted: ContactQuery) -> ContactFilter:
    zone = scope.tenant.time_zone
    starts_at = reports.moment(wanted.first, zone, end=False)
    ends_at = reports.moment(wanted.last, zone, end=True)
    if ends_at <= starts_at:
        raise Invalid(_("The range ends before it begins."), field="to")
    return ContactFilter(
        from_at=starts_at,
        to_at=ends_at,
        queue_id=_queue_id(scope, wanted.queue),
        outcomes=known_outcomes(wanted.outcome or None),
        channel=known_channel(wanted.channel or None),
        wait_at_most_ms=_ms(wanted.within, "within"),
        wait_over_ms=_ms(wanted.over, "over"),
        wait_under_ms=_ms(wanted.under, "under"),
        not_within_ms=_ms(wanted.not_within, "not_within"),
        in_hours=_hours(wanted.in_hours),
    )


def _hours(text: str) -> bool | None:
    if text not in ("", "true", "false"):
        raise Invalid(_("Opening hours are true or false."), field="in_hours")
    return text == "true" if text else None


def _late_after(wanted: ContactQuery, promise: Promise) -> int:
    """The limit that led here, else the one that was promised."""
    limit = _ms(wanted.not_within or wanted.over or wanted.within, "over")
    return promise.thresholds.threshold_ms if limit is None else limit


def _queue_id(scope: Scope, slug: str) -> UUID | None:
    if not slug:
        return None
    found = next((queue.id for queue in scope.queues if queue.slug == slug), None)
    if found is None:
        raise Invalid(_("There is no such queue."), field="queue")
    return found


def _ms(text: str, field: str) -> int | None:
    return reports.milliseconds(text, field) if text else None


def _waits(wanted: ContactQuery) -> list[str]:
    """The limits on waiting, as sentences for a chip."""
    texts = {
        "within": _("%(seconds)s s or less"),
        "over": _("more than %(seconds)s s"),
        "under": _("less than %(seconds)s s"),
        "not_within": _("not answered within %(seconds)s s"),
    }
    limits: Mapping[str, str] = {
        "within": wanted.within,
        "over": wanted.over,
        "under": wanted.under,
        "not_within": wanted.not_within,
    }
    return [texts[name] % {"seconds": value} for name, value in limits.items() if value]


def _choices(scope: Scope, wanted: ContactQuery) -> dict[str, Choices]:
    def here(**changes: str) -> str:
        return "?" + wanted.to_query(after="", **changes)

    return {
        "outcome": [
            (here(outcome=""), _("All results"), not wanted.outcome),
            *((here(outcome=name), _(OUTCOME_NAMES[name]), wanted.outcome == name) for name in sorted(OUTCOMES)),
        ],
        "queue": [
            (here(queue=""), _("All queues"), not wanted.queue),
            *((here(queue=q.slug), q.name, wanted.queue == q.slug) for q in scope.queues),
        ],
        "channel": [
            (here(channel=""), _("All channels"), not wanted.channel),
            *((here(channel=n), _(CHANNEL_NAMES[n]), wanted.channel == n) for n in CHANNEL_NAMES),
        ],
    }
