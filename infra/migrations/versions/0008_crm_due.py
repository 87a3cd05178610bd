"""What is due for a CRM, by time; the operator's administrators may replay for a tenant."""

from crewline_infra.migrate import run

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    run(
        [
            "create index crm_delivery_by_due on crm_delivery (tenant_id, endpoint_id, due_at) where state = 'pending'",
            "create index crm_delivery_by_state on crm_delivery (tenant_id, state, created_at)",
            "grant insert, update on crm_delivery to crewline_ops",
        ]
    )
