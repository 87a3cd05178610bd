"""The desk over the API. Every address names the agent's own leg; anybody else's is not there."""

from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import get, post, put
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody
from litestar.response import Stream

from crewline_floor.board.hub import STREAM_HEADERS, Hub, hub_of, with_retry
from crewline_floor.desk import service
from crewline_floor.desk.model import DeskView, InHand
from crewline_infra.clock import Clock
from crewline_infra.db import Database
from crewline_infra.errors import CrewlineError, NotFound
from crewline_infra.tenancy import Context, Role
from crewline_tenants.people.access import (
    Body,
    Db,
    Now,
    Permission,
    Principal,
    Who,
    leg_access,
    operator_access,
)

POLL_S = 5.0


class DeskOut(msgspec.Struct, frozen=True, kw_only=True):
    """`contacts` are those of the live legs, offers included."""

    desk: DeskView
    contacts: list[InHand]


class PresenceIn(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`state`: available, paused (with a `reason`) or offline."""

    state: str
    reason: str | None = None


class NoteIn(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    note: Annotated[str, msgspec.Meta(max_length=service.NOTE_MAX)]


class StepIn(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`values` by field id."""

    step: str
    values: dict[str, Any] = msgspec.field(default_factory=dict)


class StepOut(msgspec.Struct, frozen=True, kw_only=True):
    """`faults` by field id; when there are any, nothing was saved."""

    faults: dict[str, str]
    contact: InHand


class FinishIn(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    disposition_id: UUID | None = None
    note: Annotated[str, msgspec.Meta(max_length=service.NOTE_MAX)] | None = None


def agent_of(principal: Principal) -> UUID:
    """`Forbidden` for staff who are not agents, `NotFound` for people of tenants."""
    operator_access(principal, Permission.DESK_USE)
    if principal.agent_id is None:
        raise NotFound
    return principal.agent_id


def floor_context(principal: Principal) -> Context:
    """Acts on the floor: they name the agent, who is this principal and nobody else."""
    return Context(Role.DISPATCH, actor_id=agent_of(principal), request_id=principal.request_id)


async def read_desk(db: Database, principal: Principal, clock: Clock) -> DeskOut:
    """The desk with its contacts; one that ends meanwhile is left out."""
    agent_id, now = agent_of(principal), clock.now()
    async with db.transaction(floor_context(principal)) as tx:
        desk = await service.desk(tx, agent_id, at=now)
    contacts = []
    for slot in desk.slots:
        try:
            contacts.append(await read_contact(db, principal, slot.tenant_id, slot.leg_id, clock=clock))
        except CrewlineError as gone:
            if gone.code not in {"not_found", "assignment_ended"}:
                raise
    return DeskOut(desk=desk, contacts=contacts)


async def read_contact(db: Database, principal: Principal, tenant_id: UUID, leg_id: UUID, *, clock: Clock) -> InHand:
    """In the agent's own context: the database checks the live leg."""
    async with db.transaction(leg_access(principal, tenant_id, leg_id)) as tx:
        return await service.in_hand(tx, tenant_id, leg_id, at=clock.now())


async def tenant_of(db: Database, principal: Principal, leg_id: UUID) -> UUID:
    """Whose contact the agent's own leg is; `NotFound` for any other leg."""
    async with db.transaction(floor_context(principal)) as tx:
        return (await service.slot(tx, agent_of(principal), leg_id)).tenant_id


@get("/api/v1/desk", summary="My desk: state, contacts in hand, my day")
async def get_desk(principal: Who, db: Db, clock: Now) -> DeskOut:
    return await read_desk(db, principal, clock)


@put("/api/v1/desk/presence", summary="Go available, pause with a reason, or log out")
async def put_presence(data: JSONBody[PresenceIn], principal: Who, db: Db, clock: Now) -> DeskOut:
    async with db.transaction(floor_context(principal)) as tx:
        await service.set_presence(tx, agent_of(principal), data.state, data.reason, at=clock.now())
    return await read_desk(db, principal, clock)


@get("/api/v1/desk/legs/{leg_id:uuid}", summary="One contact in hand")
async def get_leg(leg_id: FromPath[UUID], principal: Who, db: Db, clock: Now) -> InHand:
    tenant_id = await tenant_of(db, principal, leg_id)
    return await read_contact(db, principal, tenant_id, leg_id, clock=clock)


@post("/api/v1/desk/legs/{leg_id:uuid}/{deed:str}", status_code=200, summary="accept, refuse, hold, resume or release")
async def post_deed(leg_id: FromPath[UUID], deed: FromPath[str], principal: Who, db: Db, clock: Now) -> DeskOut:
    async with db.transaction(floor_context(principal)) as tx:
        await service.act(tx, agent_of(principal), leg_id, deed, at=clock.now())
    return await read_desk(db, principal, clock)


@put("/api/v1/desk/legs/{leg_id:uuid}/note", status_code=204, summary="Save the draft of the note")
async def put_note(leg_id: FromPath[UUID], data: JSONBody[NoteIn], principal: Who, db: Db, clock: Now) -> None:
    tenant_id = await tenant_of(db, principal, leg_id)
    async with db.transaction(leg_access(principal, tenant_id, leg_id)) as tx:
        await service.save_note(tx, tenant_id, leg_id, data.note, at=clock.now())


@put("/api/v1/desk/legs/{leg_id:uuid}/script", summary="Answer the script's present step")
async def put_step(leg_id: FromPath[UUID], data: JSONBody[StepIn], principal: Who, db: Db, clock: Now) -> StepOut:
    tenant_id = await tenant_of(db, principal, leg_id)
    async with db.transaction(leg_access(principal, tenant_id, leg_id)) as tx:
        outcome = await service.answer_step(tx, tenant_id, leg_id, data.step, data.values, at=clock.now())
        contact = await service.in_hand(tx, tenant_id, leg_id, at=clock.now())
    return StepOut(faults=outcome.faults, contact=contact)


@post("/api/v1/desk/legs/{leg_id:uuid}/script/back", status_code=200, summary="Open the script's last step again")
async def post_back(leg_id: FromPath[UUID], principal: Who, db: Db, clock: Now) -> InHand:
    tenant_id = await tenant_of(db, principal, leg_id)
    async with db.transaction(leg_access(principal, tenant_id, leg_id)) as tx:
        await service.step_back(tx, tenant_id, leg_id, at=clock.now())
        return await service.in_hand(tx, tenant_id, leg_id, at=clock.now())


@post("/api/v1/desk/legs/{leg_id:uuid}/finish", status_code=200, summary="Close with a result")
async def post_finish(leg_id: FromPath[UUID], data: JSONBody[FinishIn], principal: Who, db: Db, clock: Now) -> DeskOut:
    async with db.transaction(floor_context(principal)) as tx:
        await service.finish(
            tx, agent_of(principal), leg_id, disposition_id=data.disposition_id, note=data.note, at=clock.now()
        )
    return await read_desk(db, principal, clock)


@get("/api/v1/desk/stream", summary="My desk as server-sent events", media_type="text/event-stream")
async def stream_desk(principal: Who, db: Db, clock: Now, state: State) -> Stream:
    """Event `desk` carries the same document as the snapshot, at once and on each change."""
    agent_of(principal)
    frames = with_retry(desk_frames(hub_of(state), db, principal, clock))
    return Stream(frames, media_type="text/event-stream", headers=STREAM_HEADERS)


async def desk_frames(hub: Hub, db: Database, principal: Principal, clock: Clock) -> AsyncIterator[bytes]:
    """Read on each hint and every few seconds; send when something changed, else a comment."""
    agent_id, sent = agent_of(principal), b""
    while not hub.closing:
        out = await read_desk(db, principal, clock)
        told = msgspec.json.encode(_timeless(out))
        if told != sent:
            sent = told
            yield b"event: desk\ndata: " + msgspec.json.encode(out) + b"\n\n"
        else:
            yield b": keep\n\n"
        await hub.agent_changed(agent_id, POLL_S)
    yield b"event: shutdown\nretry: 1000\ndata: {}\n\n"


def _timeless(out: DeskOut) -> DeskOut:
    """Without the figures that run on by themselves: they alone are no news."""
    desk = msgspec.structs.replace(out.desk, at=None, day=None)
    return DeskOut(desk=desk, contacts=[msgspec.structs.replace(c, waited_ms=0) for c in out.contacts])


ROUTES = [stream_desk, get_desk, put_presence, get_leg, put_note, put_step, post_back, post_finish, post_deed]
