"""Alembic's entry: the connection comes from crewline_infra.migrate, which has taken the owner's role."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection, transactional_ddl=True, transaction_per_migration=True)
with context.begin_transaction():
    context.run_migrations()
