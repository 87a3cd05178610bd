"""The job queue in its own schema, rotation of webhook secrets, and events that could not be handled."""

from pgqueuer.adapters.persistence import schema_ddl
from pgqueuer.domain.schema.declaration import target
from pgqueuer.domain.settings import DBSettings

from crewline_infra.migrate import run
from crewline_infra.policies import tenant_owned

revision = "0007"
down_revision = "0006"

QUEUE = DBSettings(db_schema="jobs")

EVENT_PARKED = """
create table event_parked (
  tenant_id uuid not null, consumer text not null, event_id uuid not null,
  type text not null, key text not null, reason text not null, parked_at timestamptz not null,
  primary key (tenant_id, consumer, event_id)
)"""

ROTATION = [
    "alter table crm_endpoint add column old_secret bytea",
    "alter table crm_endpoint add column old_secret_until timestamptz",
]

ENQUEUERS = "crewline_ops, crewline_finance, crewline_worker"
GRANTS = [
    f"grant usage on schema jobs to {ENQUEUERS}",
    f"grant select, insert on jobs.pgqueuer, jobs.pgqueuer_log to {ENQUEUERS}",
    f"grant usage, select on all sequences in schema jobs to {ENQUEUERS}",
    "grant select, insert, update, delete on all tables in schema jobs to crewline_worker",
    "revoke all on all functions in schema jobs from public",
]


def queue_statements() -> list[str]:
    """What the queue's library declares, one statement each."""
    schema = target(QUEUE)
    return [
        *(schema_ddl.render_enum(entry, QUEUE) for entry in schema.enums),
        *(schema_ddl.render_table(entry, QUEUE) for entry in schema.tables),
        *(schema_ddl.render_index(entry, QUEUE) for entry in schema.indexes),
        *(schema_ddl.render_function(entry, QUEUE) for entry in schema.functions),
        *(schema_ddl.render_trigger(entry, QUEUE) for entry in schema.triggers),
    ]


def upgrade() -> None:
    run(queue_statements())
    run(GRANTS)
    run([EVENT_PARKED, *ROTATION])
    run(["alter table event_parked add foreign key (tenant_id) references tenant (id)"])
    run(
        list(
            tenant_owned(
                "event_parked",
                {"ops": "select", "worker": "select, insert, delete", "dispatch": "select"},
                everywhere=frozenset({"dispatch"}),
            )
        )
    )
