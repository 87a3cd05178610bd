"""Contracts, billing periods, invoices and statements."""

from crewline_infra.migrate import run
from crewline_infra.policies import tenant_owned

revision = "0005"
down_revision = "0004"

TABLES = {
    "contract": """
create table contract (
  tenant_id uuid not null, id uuid not null, version integer not null check (version > 0),
  name text not null, document jsonb not null, source_text text not null, hash text not null,
  effective_from date not null, created_at timestamptz not null, created_by uuid,
  primary key (tenant_id, id), unique (tenant_id, version), unique (tenant_id, hash)
)""",
    "billing_period": """
create table billing_period (
  tenant_id uuid not null, label text not null check (label ~ '^[0-9]{4}-[0-9]{2}$'),
  starts_at timestamptz not null, ends_at timestamptz not null, zone text not null,
  state text not null default 'open' check (state in ('open', 'closed')), closed_at timestamptz,
  primary key (tenant_id, label), check (starts_at < ends_at)
)""",
    "invoice": """
create table invoice (
  tenant_id uuid not null, id uuid not null, period text not null, number text,
  contract_id uuid not null, contract_hash text not null,
  state text not null check (state in ('draft', 'reviewed', 'issued', 'paid', 'uncollectible', 'void')),
  currency text not null, net numeric not null, tax numeric not null, total numeric not null,
  document jsonb not null, hash text not null,
  created_at timestamptz not null, created_by uuid, issued_at timestamptz, issued_by uuid,
  primary key (tenant_id, id), unique (tenant_id, number), check (total = net + tax)
)""",
    "invoice_line": """
create table invoice_line (
  tenant_id uuid not null, invoice_id uuid not null, position integer not null check (position > 0),
  kind text not null check (kind in ('usage', 'fixed', 'true_up', 'credit', 'correction', 'manual')),
  item_id text not null, label text not null, meter text,
  quantity numeric not null, unit text not null, amount numeric not null, tax_code text,
  arithmetic jsonb not null, original_period text,
  primary key (tenant_id, invoice_id, position)
)""",
    "statement": """
create table statement (
  tenant_id uuid not null, id uuid not null, invoice_id uuid not null, period text not null,
  file_name text not null, file_hash text not null, line_count bigint not null, chain_head text not null,
  key_id text not null, created_at timestamptz not null,
  primary key (tenant_id, id), unique (tenant_id, invoice_id)
)""",
}

INDEXES = [
    "create unique index invoice_live_per_period on invoice (tenant_id, period) "
    "where state in ('draft', 'reviewed', 'issued', 'paid', 'uncollectible')",
]

READ = "select"
GUARDS = {
    "contract": {
        "tenant": READ,
        "ops": "select, insert",
        "finance": "select, insert",
        "worker": READ,
    },
    "billing_period": {
        "tenant": READ,
        "ops": READ,
        "finance": "select, insert, update",
        "worker": READ,
    },
    "invoice": {
        "tenant": READ,
        "ops": READ,
        "finance": "select, insert, update",
        "worker": "select",
    },
    "invoice_line": {
        "tenant": READ,
        "ops": READ,
        "finance": "select, insert, delete",
        "worker": READ,
    },
    "statement": {
        "tenant": READ,
        "ops": READ,
        "finance": "select, insert",
    },
}

FOREIGN_KEYS = [
    "alter table contract add foreign key (tenant_id) references tenant (id)",
    "alter table billing_period add foreign key (tenant_id) references tenant (id)",
    "alter table invoice add foreign key (tenant_id, period) references billing_period (tenant_id, label)",
    "alter table invoice add foreign key (tenant_id, contract_id) references contract (tenant_id, id)",
    "alter table invoice_line add foreign key (tenant_id, invoice_id) references invoice (tenant_id, id)",
    "alter table statement add foreign key (tenant_id, invoice_id) references invoice (tenant_id, id)",
]


def upgrade() -> None:
    run(list(TABLES.values()))
    run(INDEXES)
    run(FOREIGN_KEYS)
    for table, grants in GUARDS.items():
        run(list(tenant_owned(table, grants)))
