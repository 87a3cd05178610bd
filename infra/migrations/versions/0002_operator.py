"""Operator-wide tables: tenants' registry, people, agents, pools. No tenant's customers, no tenant's figures."""

from crewline_infra.migrate import run
from crewline_infra.policies import operator_wide

revision = "0002"
down_revision = "0001"

TABLES = {
    "tenant": """
create table tenant (
  id uuid primary key,
  slug text not null unique check (slug ~ '^[a-z][a-z0-9-]{0,39}$'),
  name text not null check (length(name) between 1 and 120),
  name_zh_hans text, name_zh_hant text,
  time_zone text not null, currency text not null check (currency ~ '^[A-Z]{3}$'),
  locale text not null default 'en' check (locale in ('en', 'zh_Hans', 'zh_Hant')),
  colour smallint not null default 8 check (colour between 1 and 8),
  state text not null default 'active' check (state in ('active', 'suspended', 'closed')),
  created_at timestamptz not null
)""",
    "app_user": """
create table app_user (
  id uuid primary key,
  email text not null unique check (email = lower(email) and length(email) <= 254),
  name text not null,
  password_hash text,
  locale text check (locale in ('en', 'zh_Hans', 'zh_Hant')),
  theme text not null default 'auto' check (theme in ('auto', 'light', 'dark')),
  state text not null default 'active' check (state in ('active', 'disabled')),
  created_at timestamptz not null
)""",
    "membership": """
create table membership (
  user_id uuid not null,
  role text not null check (role in ('admin', 'supervisor', 'finance', 'agent', 'manager', 'viewer')),
  tenant_id uuid,
  created_at timestamptz not null,
  unique nulls not distinct (user_id, role, tenant_id),
  check ((role in ('manager', 'viewer')) = (tenant_id is not null))
)""",
    "session": """
create table session (
  id_hash bytea primary key,
  user_id uuid not null,
  csrf_token text not null,
  address text not null, user_agent text not null,
  created_at timestamptz not null, seen_at timestamptz not null, expires_at timestamptz not null
)""",
    "login_attempt": """
create table login_attempt (
  id uuid primary key,
  account_hash bytea not null, address text not null,
  succeeded boolean not null, at timestamptz not null
)""",
    "api_key": """
create table api_key (
  id uuid primary key, user_id uuid not null, label text not null,
  key_hash bytea not null unique,
  created_at timestamptz not null, used_at timestamptz, expires_at timestamptz, revoked_at timestamptz
)""",
    "agent": """
create table agent (
  id uuid primary key, user_id uuid unique,
  alias text not null unique check (length(alias) between 1 and 60),
  simulated boolean not null default false,
  state text not null default 'active' check (state in ('active', 'left')),
  created_at timestamptz not null
)""",
    "skill": "create table skill (id uuid primary key, name text not null unique)",
    "agent_skill": """
create table agent_skill (
  agent_id uuid not null, skill_id uuid not null, level smallint not null check (level between 1 and 5),
  primary key (agent_id, skill_id)
)""",
    "agent_certification": """
create table agent_certification (
  agent_id uuid not null, tenant_id uuid not null, since timestamptz not null, until timestamptz,
  primary key (agent_id, tenant_id)
)""",
    "pool": "create table pool (id uuid primary key, slug text not null unique, name text not null)",
    "pool_member": """
create table pool_member (
  pool_id uuid not null, agent_id uuid not null, primary key (pool_id, agent_id)
)""",
    "pool_share": """
create table pool_share (
  pool_id uuid not null, tenant_id uuid not null,
  share numeric(9, 6) not null check (share > 0),
  floor_seats integer not null default 0 check (floor_seats >= 0),
  cap_seats integer check (cap_seats is null or cap_seats >= floor_seats),
  primary key (pool_id, tenant_id)
)""",
    "pool_lease": """
create table pool_lease (
  pool_id uuid primary key, holder text not null, epoch bigint not null, until timestamptz not null
)""",
    "agent_presence": """
create table agent_presence (
  agent_id uuid primary key,
  state text not null check (state in ('offline', 'available', 'paused')),
  reason text, since timestamptz not null, seen_at timestamptz not null
)""",
    "agent_slot": """
create table agent_slot (
  agent_id uuid not null, slot smallint not null,
  pool_id uuid not null, tenant_id uuid not null, contact_id uuid not null, leg_id uuid not null,
  state text not null check (state in ('ringing', 'talking', 'held', 'wrapping')),
  since timestamptz not null,
  primary key (agent_id, slot), unique (leg_id)
)""",
    "agent_state_log": """
create table agent_state_log (
  agent_id uuid not null, started_at timestamptz not null, id uuid not null,
  state text not null, reason text, tenant_id uuid, ended_at timestamptz,
  primary key (agent_id, started_at, id)
)""",
    "entry_address": """
create table entry_address (
  kind text not null check (kind in ('number', 'mailbox', 'chat', 'form', 'sms')),
  address text not null, tenant_id uuid not null, entry_point_id uuid not null,
  primary key (kind, address)
)""",
    "pool_board": """
create table pool_board (
  pool_id uuid primary key, epoch bigint not null, at timestamptz not null, board jsonb not null
)""",
    "invoice_counter": """
create table invoice_counter (issuer text primary key, last_number bigint not null)""",
    "consumer_position": """
create table consumer_position (
  consumer text not null, tenant_id uuid not null, xid xid8 not null, id uuid not null,
  primary key (consumer, tenant_id)
)""",
    "import_run": """
create table import_run (
  id uuid primary key, file_name text not null, file_hash text not null, mapping_hash text not null,
  started_at timestamptz not null, finished_at timestamptz,
  rows_read bigint not null default 0, rows_imported bigint not null default 0, rows_known bigint not null default 0,
  rows_conflicting bigint not null default 0, rows_rejected bigint not null default 0
)""",
    "operator_audit": """
create table operator_audit (
  id uuid primary key, at timestamptz not null, actor_id uuid, action text not null, subject text,
  detail jsonb not null default '{}', request_id text
)""",
}

INDEXES = [
    "create index session_by_user on session (user_id)",
    "create index session_by_expiry on session (expires_at)",
    "create index membership_by_tenant on membership (tenant_id)",
    "create index login_attempt_by_account on login_attempt (account_hash, at)",
    "create index login_attempt_by_address on login_attempt (address, at)",
    "create index pool_member_by_agent on pool_member (agent_id)",
    "create index agent_slot_by_contact on agent_slot (tenant_id, contact_id)",
]

ALL = "select, insert, update, delete"
GRANTS: dict[str, dict[str, str]] = {
    "app_user": {"auth": "select, update", "ops": "select, insert, update"},
    "membership": {"auth": "select", "ops": ALL},
    "session": {"auth": ALL, "worker": "select (id_hash, expires_at), delete"},
    "login_attempt": {"auth": "select, insert", "worker": "select, delete"},
    "api_key": {"auth": "select, insert, update"},
    "agent": {
        "auth": "select",
        "ops": ALL,
        "worker": "select, insert",
        "dispatch": "select",
    },
    "skill": {"ops": ALL, "dispatch": "select", "worker": "select"},
    "agent_skill": {"ops": ALL, "dispatch": "select", "worker": "select"},
    "agent_certification": {"ops": ALL, "dispatch": "select", "worker": "select"},
    "pool": {"ops": ALL, "dispatch": "select", "worker": "select, insert"},
    "pool_member": {"ops": ALL, "dispatch": "select", "worker": "select, insert"},
    "pool_share": {"ops": ALL, "dispatch": "select", "worker": "select, insert"},
    "pool_lease": {"dispatch": "select, insert, update", "ops": "select"},
    "agent_presence": {"ops": "select", "dispatch": "select, insert, update"},
    "agent_slot": {"ops": "select", "dispatch": ALL},
    "agent_state_log": {"dispatch": "select, insert, update"},
    "entry_address": {"ops": ALL, "dispatch": "select"},
    "pool_board": {"ops": "select", "dispatch": "select, insert, update"},
    "invoice_counter": {"finance": "select, insert, update"},
    "consumer_position": {"worker": ALL, "dispatch": "select", "ops": "select"},
    "import_run": {"worker": "select, insert, update", "ops": "select"},
    "operator_audit": {"auth": "insert", "ops": "select, insert", "worker": "insert"},
}

TENANT_REGISTRY = [
    "alter table tenant enable row level security",
    "alter table tenant force row level security",
    *(
        f"create policy tenant_{role} on tenant for all to crewline_{role} "
        f"using (id = app.tenant()) with check (id = app.tenant())"
        for role in ("tenant", "agent")
    ),
    *(
        f"create policy tenant_{role} on tenant for all to crewline_{role} using (true) with check (true)"
        for role in ("ops", "finance", "auth", "worker", "dispatch")
    ),
    *(f"grant select on tenant to crewline_{role}" for role in ("tenant", "agent", "finance", "auth", "dispatch")),
    "grant select, insert, update on tenant to crewline_ops",
    "grant select, insert on tenant to crewline_worker",
]


def upgrade() -> None:
    run(list(TABLES.values()))
    run(INDEXES)
    run(TENANT_REGISTRY)
    for table, grants in GRANTS.items():
        run(list(operator_wide(table, grants)))
    run(
        [
            "alter table membership add foreign key (user_id) references app_user (id)",
            "alter table membership add foreign key (tenant_id) references tenant (id)",
            "alter table session add foreign key (user_id) references app_user (id)",
            "alter table api_key add foreign key (user_id) references app_user (id)",
            "alter table agent add foreign key (user_id) references app_user (id)",
            "alter table agent_skill add foreign key (agent_id) references agent (id)",
            "alter table agent_skill add foreign key (skill_id) references skill (id)",
            "alter table agent_certification add foreign key (agent_id) references agent (id)",
            "alter table agent_certification add foreign key (tenant_id) references tenant (id)",
            "alter table pool_member add foreign key (pool_id) references pool (id)",
            "alter table pool_member add foreign key (agent_id) references agent (id)",
            "alter table pool_share add foreign key (pool_id) references pool (id)",
            "alter table pool_share add foreign key (tenant_id) references tenant (id)",
            "alter table agent_presence add foreign key (agent_id) references agent (id)",
        ]
    )
