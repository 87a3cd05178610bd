"""${message}"""

from crewline_infra.migrate import run

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    run([])  # one DDL statement per element
