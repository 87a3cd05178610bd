"""The ledger of facts: records, usage rows and the 15-minute roll-up.

In the roll-up, the nil UUID stands for contacts that never had a queue.
No foreign keys to configuration here: facts outlive queues and agents, and bulk loads pay for each check.
"""

from crewline_infra.migrate import run
from crewline_infra.policies import tenant_owned

revision = "0004"
down_revision = "0003"

THRESHOLDS_S = (5, 10, 15, 20, 30, 45, 60, 90, 120)
SHORTS_S = (2, 3, 5, 10)

COUNTERS = [
    "offered",
    "answered",
    "abandoned",
    "flowed_out",
    "callbacks",
    "menu_ended",
    "excluded",
    *(f"answered_le_{s}s" for s in THRESHOLDS_S),
    *(f"abandoned_le_{s}s" for s in THRESHOLDS_S),
    *(f"flowed_out_le_{s}s" for s in THRESHOLDS_S),
    *(f"callbacks_le_{s}s" for s in THRESHOLDS_S),
    *(f"abandoned_lt_{s}s" for s in SHORTS_S),
    "answer_wait_ms",
    "abandon_wait_ms",
    "talk_ms",
    "hold_ms",
    "wrap_ms",
]

TABLES = {
    "record": """
create table record (
  tenant_id uuid not null, contact_id uuid not null, version integer not null check (version > 0),
  source text not null, external_id text not null, content_hash text not null,
  channel text not null, direction text not null, entry_point text, queue_id uuid,
  customer_id uuid, customer_ref text, agent_id uuid, agent_alias text,
  priority integer not null, outcome text not null
    check (outcome in ('answered', 'abandoned', 'flowed_out', 'callback', 'menu_ended', 'excluded')),
  disposition text, script_version_id uuid,
  arrived_at timestamptz not null, queued_at timestamptz, offered_at timestamptz, answered_at timestamptz,
  ended_at timestamptz not null, wrapped_at timestamptz, counted_at timestamptz not null,
  menu_ms bigint not null, wait_ms bigint not null, ring_ms bigint not null,
  talk_ms bigint not null, hold_ms bigint not null, wrap_ms bigint not null,
  in_hours boolean not null, exclusion text, flags text[] not null default '{}',
  current boolean not null default true, recorded_at timestamptz not null,
  primary key (tenant_id, contact_id, version), unique (tenant_id, source, external_id, version),
  check (menu_ms >= 0 and wait_ms >= 0 and ring_ms >= 0 and talk_ms >= 0 and hold_ms >= 0 and wrap_ms >= 0)
)""",
    "record_conflict": """
create table record_conflict (
  tenant_id uuid not null, id uuid not null, source text not null, external_id text not null,
  content_hash text not null, document jsonb not null, at timestamptz not null,
  primary key (tenant_id, id), unique (tenant_id, source, external_id, content_hash)
)""",
    "usage_row": """
create table usage_row (
  tenant_id uuid not null, contact_id uuid not null, version integer not null,
  sign smallint not null check (sign in (1, -1)),
  handled bigint not null, offered bigint not null,
  talk_ms bigint not null, hold_ms bigint not null, wrap_ms bigint not null,
  billed_at timestamptz not null, queue_id uuid, channel text not null,
  invoice_id uuid, recorded_at timestamptz not null,
  primary key (tenant_id, contact_id, version, sign),
  check (handled >= 0 and offered >= 0 and talk_ms >= 0 and hold_ms >= 0 and wrap_ms >= 0)
)""",
    "queue_interval": f"""
create table queue_interval (
  tenant_id uuid not null, queue_id uuid not null, channel text not null, in_hours boolean not null,
  starts_at timestamptz not null,
  {", ".join(f"{name} bigint not null default 0" for name in COUNTERS)},
  longest_wait_ms bigint not null default 0,
  primary key (tenant_id, queue_id, channel, in_hours, starts_at)
)""",
}

INDEXES = [
    "create index record_by_count on record (tenant_id, counted_at, contact_id)",
    "create index record_by_end on record (tenant_id, ended_at)",
    "create index record_by_customer on record (tenant_id, customer_id) where customer_id is not null",
    "create index usage_row_by_time on usage_row (tenant_id, billed_at)",
    "create index queue_interval_by_time on queue_interval (tenant_id, starts_at)",
]

READ = "select"
GUARDS: dict[str, tuple[dict[str, str], str | None]] = {
    "record": (
        {
            "tenant": READ,
            "agent": READ,
            "ops": READ,
            "finance": READ,
            "worker": "select, insert, update (current)",
        },
        "customer_id = app.customer()",
    ),
    "record_conflict": ({"tenant": READ, "ops": READ, "worker": "select, insert"}, None),
    "usage_row": (
        {
            "tenant": READ,
            "ops": READ,
            "finance": "select, update (invoice_id)",
            "worker": "select, insert",
        },
        None,
    ),
    "queue_interval": (
        {
            "tenant": READ,
            "ops": READ,
            "finance": READ,
            "worker": "select, insert, update, delete",
        },
        None,
    ),
}


def upgrade() -> None:
    run(list(TABLES.values()))
    run(INDEXES)
    for table, (grants, agent_sees) in GUARDS.items():
        run(list(tenant_owned(table, grants, agent_sees=agent_sees)))
