"""The entering function: every transaction takes its role, tenant, actor and assignment here."""

from crewline_infra.migrate import run

revision = "0001"
down_revision = None

SETTING = """
create function app.{name}() returns uuid language sql stable parallel safe
as $$ select nullif(current_setting('app.{setting}', true), '')::uuid $$
"""

ENTER = """
create function app.enter(p_role text, p_tenant uuid, p_actor uuid, p_assignment uuid, p_request text)
returns void language plpgsql as $$
declare
  v_contact uuid;
  v_customer uuid;
begin
  execute format('set local app.tenant_id = %L', coalesce(p_tenant::text, ''));
  execute format('set local app.actor_id = %L', coalesce(p_actor::text, ''));
  execute format('set local app.contact_id = %L', '');
  execute format('set local app.customer_id = %L', '');
  execute format('set local app.request_id = %L', left(coalesce(p_request, ''), 64));
  perform set_config('role', p_role, true);
  if p_role = 'crewline_agent' then
    select contact_id into v_contact from leg
     where tenant_id = p_tenant and id = p_assignment and agent_id = p_actor and ended_at is null
       for share;
    if v_contact is null then
      raise exception 'the assignment is not live' using errcode = 'CL001';
    end if;
    execute format('set local app.contact_id = %L', v_contact);
    select customer_id into v_customer from contact where tenant_id = p_tenant and id = v_contact;
    execute format('set local app.customer_id = %L', coalesce(v_customer::text, ''));
  end if;
end $$
"""

SETTINGS = {
    "tenant": "tenant_id",
    "actor": "actor_id",
    "contact": "contact_id",
    "customer": "customer_id",
}


def upgrade() -> None:
    run(
        [SETTING.format(name=name, setting=setting) for name, setting in SETTINGS.items()]
        + [
            ENTER,
            "revoke all on all functions in schema app from public",
            "grant execute on all functions in schema app to crewline_tenant, crewline_agent, "
            "crewline_ops, crewline_finance, crewline_auth, crewline_worker, crewline_dispatch",
        ]
    )
