"""What flows to each tenant's CRM, and the jobs of the worker."""

from crewline_infra.migrate import run
from crewline_infra.policies import operator_wide, tenant_owned

revision = "0006"
down_revision = "0005"

TABLES = {
    "crm_endpoint": """
create table crm_endpoint (
  tenant_id uuid not null, id uuid not null, url text not null, secret bytea not null,
  state text not null default 'active' check (state in ('active', 'paused', 'disabled')),
  reason text, failing_since timestamptz, opens_at timestamptz, failures integer not null default 0,
  created_at timestamptz not null, updated_at timestamptz not null,
  primary key (tenant_id, id)
)""",
    "crm_delivery": """
create table crm_delivery (
  tenant_id uuid not null, id uuid not null, endpoint_id uuid not null,
  lane text not null, position bigint not null generated always as identity,
  type text not null, contact_id uuid, record_version integer, payload jsonb not null,
  state text not null default 'pending' check (state in ('pending', 'delivered', 'dead')),
  attempts integer not null default 0, due_at timestamptz not null, leased_until timestamptz, leased_by text,
  last_status integer, last_error text, created_at timestamptz not null, delivered_at timestamptz,
  primary key (tenant_id, id)
)""",
    "crm_attempt": """
create table crm_attempt (
  tenant_id uuid not null, delivery_id uuid not null, attempt integer not null,
  at timestamptz not null, status integer, error text, duration_ms integer not null,
  primary key (tenant_id, delivery_id, attempt)
)""",
}

JOB_RUN = """
create table job_run (
  id uuid primary key, kind text not null, tenant_id uuid, effect_key text not null unique,
  state text not null check (state in ('waiting', 'running', 'done', 'held', 'cancelled')),
  starts integer not null default 0, owner_id uuid, input jsonb not null default '{}', result jsonb,
  progress numeric(5, 4) not null default 0, message text,
  created_at timestamptz not null, started_at timestamptz, finished_at timestamptz
)"""

INDEXES = [
    "create index crm_delivery_due on crm_delivery (tenant_id, endpoint_id, lane, position) where state = 'pending'",
    "create index crm_delivery_by_contact on crm_delivery (tenant_id, contact_id)",
    "create unique index crm_delivery_once on crm_delivery (tenant_id, endpoint_id, contact_id, record_version) "
    "where contact_id is not null",
    "create index crm_delivery_by_time on crm_delivery (tenant_id, created_at)",
]

GUARDS = {
    "crm_endpoint": {
        "tenant": "select, insert, update",
        "ops": "select, insert, update",
        "worker": "select, insert, update",
        "dispatch": "select",
    },
    "crm_delivery": {
        "tenant": "select, update, insert",
        "ops": "select",
        "worker": "select, insert, update, delete",
        "dispatch": "select",
    },
    "crm_attempt": {"tenant": "select", "ops": "select", "worker": "select, insert, delete"},
}

FOREIGN_KEYS = [
    "alter table crm_endpoint add foreign key (tenant_id) references tenant (id)",
    "alter table crm_delivery add foreign key (tenant_id, endpoint_id) references crm_endpoint (tenant_id, id)",
    "alter table crm_attempt add foreign key (tenant_id, delivery_id) references crm_delivery (tenant_id, id)",
]


def upgrade() -> None:
    run([*TABLES.values(), JOB_RUN])
    run(INDEXES)
    run(FOREIGN_KEYS)
    for table, grants in GUARDS.items():
        run(list(tenant_owned(table, grants, everywhere=frozenset({"dispatch"}))))
    run(
        list(
            operator_wide(
                "job_run",
                {
                    "ops": "select, insert, update",
                    "finance": "select, insert",
                    "worker": "select, insert, update, delete",
                },
            )
        )
    )
