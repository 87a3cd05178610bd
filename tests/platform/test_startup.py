"""No process of an installation begins while a wall between tenants has a hole, or with another version's schema."""

import asyncio
import socket
from pathlib import Path

import asyncpg
import click
import pytest
from click.testing import CliRunner

from crewline_app.commands.dispatcher import dispatcher, simulate
from crewline_app.commands.serve import serve
from crewline_app.commands.worker import worker
from crewline_infra import log
from crewline_infra.errors import Unavailable


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


async def refusal(command: click.Command, *arguments: str) -> str:
    answer = await asyncio.to_thread(CliRunner().invoke, command, arguments)
    assert isinstance(answer.exception, Unavailable), answer.output
    return answer.exception.message


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        pytest.param(serve, ("--port", free_port()), id="serve"),
        pytest.param(worker, (), id="worker"),
        pytest.param(worker, ("--retry-parked",), id="worker --retry-parked"),
        pytest.param(dispatcher, (), id="dispatcher"),
        pytest.param(simulate, (), id="simulate"),
    ],
)
async def test_a_process_refuses_to_start(  # noqa: PLR0917 - fixtures
    command: click.Command,
    arguments: tuple[str, ...],
    admin: asyncpg.Connection,
    admin_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CREWLINE_HOME", str(tmp_path))
    monkeypatch.setenv("CREWLINE_DATABASE_URL", admin_url)
    monkeypatch.setattr(log, "configure", lambda *_: None)  # the log is the whole test process's
    await admin.execute("alter table customer no force row level security")
    assert "customer" in await refusal(command, *arguments)
    await admin.execute("update alembic_version set version_num = '0001'")
    assert "crewline migrate" in await refusal(command, *arguments)
