"""The floor for supervisors: a snapshot, a stream, and steering of agents' states."""

from uuid import UUID

from litestar import get, put
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody
from litestar.response import Stream

from crewline_floor.agents import service as agents
from crewline_floor.agents.service import PresenceView
from crewline_floor.board import service
from crewline_floor.board.hub import STREAM_HEADERS, hub_of, with_retry
from crewline_floor.board.model import FloorBoard
from crewline_floor.routing import service as routing
from crewline_floor.routing.service import Told
from crewline_infra.tenancy import Context, Role
from crewline_tenants.people.access import Body, Db, Now, Permission, Who, operator_access, tenant_access


class AgentStateIn(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    state: str
    reason: str | None = None


@get("/api/v1/floor", summary="The live floor: queues by tenant, agents, pools")
async def get_floor(principal: Who, db: Db) -> FloorBoard:
    async with db.transaction(operator_access(principal, Permission.FLOOR_WATCH)) as tx:
        return await service.read(tx)


@get("/api/v1/floor/stream", summary="The live floor as server-sent events", media_type="text/event-stream")
async def stream_floor(principal: Who, state: State) -> Stream:
    """Event `board` carries the same document as the snapshot; a comment every 15 s keeps it open."""
    operator_access(principal, Permission.FLOOR_WATCH)
    frames = with_retry(hub_of(state).board_frames())
    return Stream(frames, media_type="text/event-stream", headers=STREAM_HEADERS)


@put("/api/v1/floor/agents/{agent_id:uuid}/presence", summary="Change an agent's state")
async def put_agent_presence(
    agent_id: FromPath[UUID], data: JSONBody[AgentStateIn], principal: Who, db: Db, clock: Now
) -> PresenceView:
    """What an agent has in hand stays in hand; the state counts from its end."""
    operator_access(principal, Permission.FLOOR_STEER)
    context = Context(Role.DISPATCH, actor_id=principal.user_id, request_id=principal.request_id)
    async with db.transaction(context) as tx:
        await agents.alias(tx, agent_id)
        changed = await agents.set_presence(tx, agent_id, data.state, data.reason, clock.now())
        await agents.hint(tx, agent_id)
        return changed


@get(
    "/api/v1/tenants/{tenant_id:uuid}/contacts/{contact_id:uuid}/routing",
    summary="Why a contact went to its agent, in sentences",
)
async def get_routing(tenant_id: FromPath[UUID], contact_id: FromPath[UUID], principal: Who, db: Db) -> list[Told]:
    """The operator reads names and values, the tenant its own side; empty for a contact that nobody routed here."""
    context = tenant_access(principal, tenant_id, Permission.RECORD_READ)
    async with db.transaction(context) as tx:
        await routing.require_contact(tx, tenant_id, contact_id)
        if context.role is Role.OPS:
            return await routing.explained(tx, tenant_id, contact_id)
        if context.role is Role.TENANT:
            return await routing.explained_to_tenant(tx, tenant_id, contact_id)
        return []


ROUTES = [get_floor, stream_floor, put_agent_presence, get_routing]
