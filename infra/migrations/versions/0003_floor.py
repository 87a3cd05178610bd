"""Tenant-owned tables of the live floor: queues, scripts, customers, contacts, legs and the outbox."""

from crewline_infra.migrate import run
from crewline_infra.policies import tenant_owned

revision = "0003"
down_revision = "0002"

TABLES = {
    "queue": """
create table queue (
  tenant_id uuid not null, id uuid not null,
  slug text not null check (slug ~ '^[a-z0-9][a-z0-9-]{0,39}$'), name text not null,
  pool_id uuid, script_id uuid,
  threshold_ms integer not null default 20000 check (threshold_ms > 0),
  short_abandon_ms integer not null default 5000 check (short_abandon_ms >= 0),
  target numeric(5, 4) not null default 0.8 check (target between 0 and 1),
  ring_timeout_ms integer not null default 20000 check (ring_timeout_ms > 0),
  wrap_up_limit_ms integer not null default 60000 check (wrap_up_limit_ms >= 0),
  policy jsonb not null default '{}',
  state text not null default 'open' check (state in ('open', 'closed')),
  created_at timestamptz not null,
  primary key (tenant_id, id), unique (tenant_id, slug)
)""",
    "queue_skill": """
create table queue_skill (
  tenant_id uuid not null, queue_id uuid not null, skill_id uuid not null,
  level smallint not null default 1 check (level between 1 and 5),
  primary key (tenant_id, queue_id, skill_id)
)""",
    "entry_point": """
create table entry_point (
  tenant_id uuid not null, id uuid not null,
  kind text not null check (kind in ('number', 'mailbox', 'chat', 'form', 'sms')),
  address text not null, name text not null, queue_id uuid not null, menu jsonb,
  created_at timestamptz not null,
  primary key (tenant_id, id), unique (tenant_id, kind, address)
)""",
    "customer": """
create table customer (
  tenant_id uuid not null, id uuid not null,
  name text, phone text, external_ref text,
  tier text not null default 'standard', facts jsonb not null default '{}',
  created_at timestamptz not null,
  primary key (tenant_id, id), unique (tenant_id, external_ref)
)""",
    "script": """
create table script (
  tenant_id uuid not null, id uuid not null, slug text not null, name text not null,
  primary key (tenant_id, id), unique (tenant_id, slug)
)""",
    "script_version": """
create table script_version (
  tenant_id uuid not null, id uuid not null, script_id uuid not null, version integer not null check (version > 0),
  document jsonb not null, hash text not null, published_at timestamptz not null, published_by uuid,
  primary key (tenant_id, id), unique (tenant_id, script_id, version)
)""",
    "disposition": """
create table disposition (
  tenant_id uuid not null, id uuid not null, parent_id uuid,
  code text not null, label text not null, label_zh_hans text, label_zh_hant text,
  outcome text not null default 'resolved'
    check (outcome in ('resolved', 'sale', 'appointment', 'follow_up', 'refused', 'other')),
  position integer not null default 0, active boolean not null default true,
  primary key (tenant_id, id), unique (tenant_id, code)
)""",
    "contact": """
create table contact (
  tenant_id uuid not null, id uuid not null,
  channel text not null check (channel in ('voice', 'callback', 'email', 'chat', 'sms', 'social', 'fax', 'form')),
  direction text not null default 'inbound' check (direction in ('inbound', 'outbound')),
  engine text not null, external_id text not null,
  entry_point_id uuid, queue_id uuid, pool_id uuid, customer_id uuid,
  from_address text, priority integer not null default 0, tier text not null default 'standard',
  state text not null
    check (state in ('menu', 'queued', 'offered', 'talking', 'held', 'wrapping', 'closed')),
  outcome text check (outcome in ('answered', 'abandoned', 'flowed_out', 'callback', 'menu_ended', 'excluded')),
  disposition_id uuid, script_version_id uuid, note text,
  arrived_at timestamptz not null, queued_at timestamptz, offered_at timestamptz, answered_at timestamptz,
  held_at timestamptz, hold_ms bigint not null default 0, ring_ms bigint not null default 0,
  ended_at timestamptz, wrapped_at timestamptz,
  revision integer not null default 1,
  primary key (tenant_id, id), unique (tenant_id, engine, external_id)
)""",
    "leg": """
create table leg (
  tenant_id uuid not null, id uuid not null, contact_id uuid not null, agent_id uuid not null,
  pool_id uuid not null, slot smallint not null,
  offered_at timestamptz not null, expires_at timestamptz not null,
  answered_at timestamptz, held_at timestamptz, hold_ms bigint not null default 0,
  released_at timestamptz, wrap_until timestamptz, ended_at timestamptz,
  outcome text check (outcome in ('handled', 'no_answer', 'refused', 'caller_gone', 'lost')),
  primary key (tenant_id, id)
)""",
    "routing_decision": """
create table routing_decision (
  tenant_id uuid not null, id uuid not null, contact_id uuid not null, leg_id uuid not null,
  pool_id uuid not null, epoch bigint not null, decided_at timestamptz not null,
  rule text not null, reason jsonb not null, own jsonb not null,
  primary key (tenant_id, id)
)""",
    "script_run": """
create table script_run (
  tenant_id uuid not null, contact_id uuid not null, script_version_id uuid not null,
  step text, answers jsonb not null default '{}', path jsonb not null default '[]',
  updated_at timestamptz not null, finished_at timestamptz,
  primary key (tenant_id, contact_id)
)""",
    "outbox": """
create table outbox (
  tenant_id uuid not null, id uuid not null, xid xid8 not null default pg_current_xact_id(),
  type text not null, key text not null, payload jsonb not null, created_at timestamptz not null,
  primary key (tenant_id, id)
)""",
    "audit_entry": """
create table audit_entry (
  tenant_id uuid not null, id uuid not null, at timestamptz not null,
  actor_id uuid, action text not null, subject text, detail jsonb not null default '{}', request_id text,
  primary key (tenant_id, id)
)""",
}

INDEXES = [
    "create index contact_open on contact (tenant_id, pool_id, queued_at) where state <> 'closed'",
    "create index contact_by_arrival on contact (tenant_id, arrived_at)",
    "create index contact_by_customer on contact (tenant_id, customer_id) where customer_id is not null",
    "create index leg_by_contact on leg (tenant_id, contact_id)",
    "create index leg_live on leg (tenant_id, agent_id) where ended_at is null",
    "create index routing_decision_by_contact on routing_decision (tenant_id, contact_id)",
    "create index outbox_in_order on outbox (tenant_id, xid, id)",
    "create index audit_entry_by_time on audit_entry (tenant_id, at)",
    "create index customer_by_phone on customer (tenant_id, phone)",
]

ALL = "select, insert, update, delete"
EDIT = "select, insert, update"
READ = "select"
BACKGROUND = frozenset({"dispatch"})
OWN_SIDE = "select (tenant_id, id, contact_id, leg_id, decided_at, own)"
OWN_CONTACT = "contact_id = app.contact()"

GUARDS: dict[str, tuple[dict[str, str], str | None]] = {
    "queue": (
        {
            "tenant": READ,
            "agent": READ,
            "ops": ALL,
            "finance": READ,
            "worker": "select, insert",
            "dispatch": READ,
        },
        None,
    ),
    "queue_skill": ({"tenant": READ, "ops": ALL, "worker": READ, "dispatch": READ}, None),
    "entry_point": (
        {"tenant": READ, "agent": READ, "ops": ALL, "worker": READ, "dispatch": READ},
        None,
    ),
    "customer": (
        {"tenant": READ, "agent": READ, "ops": EDIT, "dispatch": READ},
        "id = app.customer()",
    ),
    "script": (
        {"tenant": READ, "agent": READ, "ops": EDIT, "worker": READ, "dispatch": READ},
        None,
    ),
    "script_version": (
        {"tenant": READ, "agent": READ, "ops": "select, insert", "worker": READ, "dispatch": READ},
        None,
    ),
    "disposition": (
        {"tenant": READ, "agent": READ, "ops": EDIT, "worker": READ, "dispatch": READ},
        None,
    ),
    "contact": (
        {"tenant": READ, "agent": "select, update", "ops": READ, "worker": READ, "dispatch": EDIT},
        "id = app.contact() or customer_id = app.customer()",
    ),
    "leg": (
        {"tenant": READ, "agent": "select, update", "ops": READ, "worker": READ, "dispatch": EDIT},
        "agent_id = app.actor() or contact_id = app.contact()",
    ),
    # `reason` holds the whole pool, other tenants included; `own` the tenant's side of it alone
    "routing_decision": (
        {"tenant": OWN_SIDE, "agent": OWN_SIDE, "ops": READ, "worker": READ, "dispatch": "select, insert"},
        OWN_CONTACT,
    ),
    "script_run": (
        {"tenant": READ, "agent": EDIT, "ops": READ, "worker": READ},
        OWN_CONTACT,
    ),
    "outbox": (
        {
            "agent": "insert",
            "ops": "insert",
            "finance": "insert",
            "worker": "select, insert, delete",
            "dispatch": "select, insert",
        },
        None,
    ),
    "audit_entry": (
        {
            "tenant": "select, insert",
            "agent": "insert",
            "ops": "select, insert",
            "finance": "select, insert",
            "worker": "select, insert",
        },
        None,
    ),
}

FOREIGN_KEYS = [
    "alter table queue add foreign key (tenant_id) references tenant (id)",
    "alter table queue add foreign key (tenant_id, script_id) references script (tenant_id, id)",
    "alter table queue_skill add foreign key (tenant_id, queue_id) references queue (tenant_id, id)",
    "alter table entry_point add foreign key (tenant_id, queue_id) references queue (tenant_id, id)",
    "alter table customer add foreign key (tenant_id) references tenant (id)",
    "alter table script add foreign key (tenant_id) references tenant (id)",
    "alter table script_version add foreign key (tenant_id, script_id) references script (tenant_id, id)",
    "alter table disposition add foreign key (tenant_id) references tenant (id)",
    "alter table disposition add foreign key (tenant_id, parent_id) references disposition (tenant_id, id)",
    "alter table contact add foreign key (tenant_id) references tenant (id)",
    "alter table contact add foreign key (tenant_id, queue_id) references queue (tenant_id, id)",
    "alter table contact add foreign key (tenant_id, entry_point_id) references entry_point (tenant_id, id)",
    "alter table contact add foreign key (tenant_id, customer_id) references customer (tenant_id, id)",
    "alter table contact add foreign key (tenant_id, disposition_id) references disposition (tenant_id, id)",
    "alter table contact add foreign key (tenant_id, script_version_id) references script_version (tenant_id, id)",
    "alter table leg add foreign key (tenant_id, contact_id) references contact (tenant_id, id)",
    "alter table routing_decision add foreign key (tenant_id, contact_id) references contact (tenant_id, id)",
    "alter table routing_decision add foreign key (tenant_id, leg_id) references leg (tenant_id, id)",
    "alter table script_run add foreign key (tenant_id, contact_id) references contact (tenant_id, id)",
    "alter table script_run add foreign key (tenant_id, script_version_id) references script_version (tenant_id, id)",
    "alter table outbox add foreign key (tenant_id) references tenant (id)",
    "alter table audit_entry add foreign key (tenant_id) references tenant (id)",
]


def upgrade() -> None:
    run(list(TABLES.values()))
    run(INDEXES)
    run(FOREIGN_KEYS)
    for table, (grants, agent_sees) in GUARDS.items():
        run(list(tenant_owned(table, grants, agent_sees=agent_sees, everywhere=BACKGROUND)))
