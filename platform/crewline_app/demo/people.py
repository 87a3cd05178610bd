"""The demonstration's people: one login per persona, all with the password that `crewline up` prints."""

from datetime import datetime
from uuid import UUID

import msgspec

from crewline_app.demo import store
from crewline_app.demo.scene import Scene
from crewline_infra.db import Tx
from crewline_infra.i18n import mark
from crewline_tenants.people import service as people
from crewline_tenants.people.passwords import hash_password
from crewline_tenants.people.rules import PersonRole

PASSWORD = "crewline-demo"  # noqa: S105 - printed at every start; an installation without --demo has no such people
SHOWN_TENANT = "ps"


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """What `crewline up` prints: who it is, how to log in, where the work begins."""

    who: str
    email: str
    password: str
    path: str


LOGINS = [
    Login(who=mark("administrator"), email="admin@crewline.example", password=PASSWORD, path="/office"),
    Login(who=mark("supervisor"), email="supervisor@crewline.example", password=PASSWORD, path="/floor"),
    Login(who=mark("agent"), email="agent@crewline.example", password=PASSWORD, path="/desk"),
    Login(who=mark("finance"), email="finance@crewline.example", password=PASSWORD, path="/finance"),
    Login(who=mark("tenant's manager"), email=f"manager@{SHOWN_TENANT}.example", password=PASSWORD, path="/portal"),
    Login(who=mark("tenant's viewer"), email=f"viewer@{SHOWN_TENANT}.example", password=PASSWORD, path="/portal"),
]
AGENT_EMAIL = "agent@crewline.example"
AGENT_ALIAS = "Kim A."

_OPERATORS = [
    ("admin@crewline.example", "Alex Admin", PersonRole.ADMIN),
    ("supervisor@crewline.example", "Sam Supervisor", PersonRole.SUPERVISOR),
    (AGENT_EMAIL, "Kim Agent", PersonRole.AGENT),
    ("finance@crewline.example", "Fay Finance", PersonRole.FINANCE),
]


async def seed_people(tx: Tx, scene: Scene, tenants: dict[str, UUID], now: datetime) -> None:
    """Role OPS. Passwords of people who are there already stay as they are."""
    hashed: str | None = None
    wanted = [(email, name, role, None) for email, name, role in _OPERATORS]
    for tenant in scene.tenants:
        tenant_id = tenants[tenant.slug]
        for role in (PersonRole.MANAGER, PersonRole.VIEWER):
            email = f"{role.value}@{tenant.slug}.example"
            wanted.append((email, f"{tenant.name}, {role.value}", role, tenant_id))  # type: ignore[arg-type]  # None above
    for email, name, role, where in wanted:
        if await store.user_id_of(tx, email) is None:
            hashed = hashed or await hash_password(PASSWORD)
            user_id = await people.create_user(tx, login=email, name=name, password_hash=hashed, now=now)
            await people.grant_role(tx, user_id, role, where, now)
