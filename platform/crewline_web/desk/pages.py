"""The agent's desk: one page that draws itself anew, and plain forms for everything on it."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect

from crewline_floor.desk import service
from crewline_floor.desk.http import agent_of, floor_context, read_desk, tenant_of
from crewline_infra.clock import Clock
from crewline_infra.db import Database
from crewline_infra.errors import Conflict, Invalid, NotFound
from crewline_infra.i18n import gettext as _
from crewline_tenants.people.access import AnyRequest, Db, Now, Principal, Who, leg_access
from crewline_web.desk.view import Desk, Faults, desk_view
from crewline_web.render import fragment, page

PART_HEADER = "x-desk-part"
_UNPROCESSABLE, _CONFLICT = 422, 409

Leg = Annotated[UUID | None, QueryParameter(name="leg", required=False)]
Deed = Callable[[], Awaitable[Faults | None]]


@get("/desk", include_in_schema=False)
async def desk_page(request: AnyRequest, principal: Who, db: Db, clock: Now, leg: Leg = None) -> Response[str]:
    desk = await _desk(db, principal, clock, leg, Faults())
    return _page(request, principal, desk, clock.now())


@get("/desk/part", include_in_schema=False)
async def desk_part(request: AnyRequest, principal: Who, db: Db, clock: Now, leg: Leg = None) -> Response[str]:
    """The parts of the page that change, with the keys by which the browser knows which ones did."""
    desk = await _desk(db, principal, clock, leg, Faults())
    return fragment(request, "desk/parts.html", desk=desk, principal=principal, now=clock.now())


@post("/desk/presence", include_in_schema=False)
async def set_presence(request: AnyRequest, principal: Who, db: Db, clock: Now) -> Response[Any]:
    form = await request.form()

    async def deed() -> None:
        async with db.transaction(floor_context(principal)) as tx:
            reason = str(form.get("reason", "")) or None
            await service.set_presence(tx, agent_of(principal), str(form.get("state", "")), reason, at=clock.now())

    return await _after(request, principal, db, clock, leg_id=None, deed=deed)


@post("/desk/legs/{leg_id:uuid}/act/{deed:str}", include_in_schema=False)
async def act(
    request: AnyRequest, principal: Who, db: Db, clock: Now, *, leg_id: FromPath[UUID], deed: FromPath[str]
) -> Response[Any]:
    """accept, refuse, hold, resume, release."""

    async def doing() -> None:
        async with db.transaction(floor_context(principal)) as tx:
            await service.act(tx, agent_of(principal), leg_id, deed, at=clock.now())

    return await _after(request, principal, db, clock, leg_id=leg_id, deed=doing)


@post("/desk/legs/{leg_id:uuid}/note", status_code=204, include_in_schema=False)
async def save_note(request: AnyRequest, principal: Who, db: Db, clock: Now, leg_id: FromPath[UUID]) -> None:
    """The draft, saved while the agent types."""
    form = await request.form()
    tenant_id = await tenant_of(db, principal, leg_id)
    async with db.transaction(leg_access(principal, tenant_id, leg_id)) as tx:
        await service.save_note(tx, tenant_id, leg_id, str(form.get("note", "")), at=clock.now())


@post("/desk/legs/{leg_id:uuid}/script", include_in_schema=False)
async def answer_step(request: AnyRequest, principal: Who, db: Db, clock: Now, leg_id: FromPath[UUID]) -> Response[Any]:
    form = await request.form()
    values = {name[2:].removesuffix("[]"): _value(form, name) for name in dict.fromkeys(form) if name.startswith("f.")}

    async def deed() -> Faults | None:
        tenant_id = await tenant_of(db, principal, leg_id)
        async with db.transaction(leg_access(principal, tenant_id, leg_id)) as tx:
            step = str(form.get("step", ""))
            outcome = await service.answer_step(tx, tenant_id, leg_id, step, values, at=clock.now())
        return Faults(leg_id, outcome.faults, values) if outcome.faults else None

    return await _after(request, principal, db, clock, leg_id=leg_id, deed=deed)


@post("/desk/legs/{leg_id:uuid}/back", include_in_schema=False)
async def step_back(request: AnyRequest, principal: Who, db: Db, clock: Now, leg_id: FromPath[UUID]) -> Response[Any]:
    async def deed() -> None:
        tenant_id = await tenant_of(db, principal, leg_id)
        async with db.transaction(leg_access(principal, tenant_id, leg_id)) as tx:
            await service.step_back(tx, tenant_id, leg_id, at=clock.now())

    return await _after(request, principal, db, clock, leg_id=leg_id, deed=deed)


@post("/desk/legs/{leg_id:uuid}/finish", include_in_schema=False)
async def finish(request: AnyRequest, principal: Who, db: Db, clock: Now, leg_id: FromPath[UUID]) -> Response[Any]:
    form = await request.form()
    values = {"disposition_id": str(form.get("disposition_id", "")), "note": str(form.get("note", ""))}

    async def deed() -> Faults | None:
        try:
            chosen = UUID(values["disposition_id"])
        except ValueError:
            return Faults(leg_id, {"disposition_id": _("Choose a result first.")}, values)
        async with db.transaction(floor_context(principal)) as tx:
            await service.finish(
                tx, agent_of(principal), leg_id, disposition_id=chosen, note=values["note"], at=clock.now()
            )
        return None

    return await _after(request, principal, db, clock, leg_id=leg_id, deed=deed)


ROUTES = [desk_page, desk_part, set_presence, act, save_note, answer_step, step_back, finish]


async def _after(
    request: AnyRequest, principal: Principal, db: Database, clock: Clock, *, leg_id: UUID | None, deed: Deed
) -> Response[Any]:
    """Do it, then answer: the changed parts to the page's own script, the way back to a plain form."""
    status, faults = 200, Faults()
    agent_of(principal)
    try:
        faults = await deed() or faults
        status = _UNPROCESSABLE if faults.texts else status
    except Invalid as problem:
        status, faults = problem.status, Faults(leg_id, {problem.field or "": problem.message}, None, problem.message)
    except Conflict as problem:
        status, faults = _CONFLICT, Faults(notice=problem.message)
    except NotFound:
        status, faults = _CONFLICT, Faults(notice=_("This contact is no longer yours."))
    parts = request.headers.get(PART_HEADER) is not None
    if status == 200 and not parts:  # noqa: PLR2004 - the one good answer
        return Redirect("/desk", status_code=303)
    desk = await _desk(db, principal, clock, leg_id, faults)
    if parts:
        return fragment(
            request, "desk/parts.html", status=status, desk=desk, principal=principal, now=clock.now(), here="/desk"
        )
    return _page(request, principal, desk, clock.now(), status)


async def _desk(db: Database, principal: Principal, clock: Clock, leg_id: UUID | None, faults: Faults) -> Desk:
    return desk_view(await read_desk(db, principal, clock), leg_id, faults, clock.now())


def _page(request: AnyRequest, principal: Principal, desk: Desk, now: datetime, status: int = 200) -> Response[str]:
    return page(
        request,
        "desk/desk.html",
        principal=principal,
        active="desk",
        status=status,
        desk=desk,
        now=now,
        here="/desk",
    )


def _value(form: Any, name: str) -> Any:
    """A list for fields that take several answers (their name ends in []), else the text."""
    if name.endswith("[]"):
        return [text for text in form.getall(name) if text]
    return str(form.get(name, ""))
