"""The embedded PostgreSQL: starts where it is told, survives a kill, stops with its last user."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from crewline_infra.embedded import EmbeddedServer

TABLE = "create table kept (n int)"


async def _fetch(url: str, sql: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def test_a_path_with_spaces_and_chinese_characters(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path / "my home 中文")
    url = server.acquire()
    try:
        assert await _fetch(url, "select current_setting('server_encoding')") == "UTF8"
        assert await _fetch(url, "select current_setting('listen_addresses')") == "127.0.0.1"
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(url.replace(url.split(":")[2].split("@")[0], "wrong"))
        assert server.data.stat().st_mode & 0o777 == 0o700
    finally:
        server.release()
    with pytest.raises(ConnectionRefusedError):
        await asyncpg.connect(url, timeout=2)


async def test_the_last_user_stops_it_and_the_data_stay(tmp_path: Path) -> None:
    first, second = EmbeddedServer(tmp_path), EmbeddedServer(tmp_path)
    url = first.acquire()
    assert second.acquire() == url
    await _fetch(url, TABLE)
    first.release()
    assert await _fetch(url, "select count(*) from kept") == 0
    second.release()
    again = first.acquire()
    try:
        assert await _fetch(again, "select count(*) from kept") == 0
    finally:
        first.release()


async def test_a_killed_server_comes_back(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path)
    url = server.acquire()
    await _fetch(url, TABLE)
    os.kill(int((server.data / "postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)
    other = EmbeddedServer(tmp_path)
    again = other.acquire()
    try:
        assert await _fetch(again, "select count(*) from kept") == 0
    finally:
        server.release()
        other.release()


def test_no_parent_folder_is_changed(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    server = EmbeddedServer(closed / "home")
    server.acquire()
    server.release()
    assert closed.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs user namespaces")
def test_works_as_a_plain_user_too(tmp_path: Path) -> None:
    """In a user namespace this process is an ordinary user, and still reaches the test's folder."""
    script = (
        "import os; from pathlib import Path; from crewline_infra.embedded import EmbeddedServer;"
        f"s = EmbeddedServer(Path({str(tmp_path / 'home')!r})); print(os.geteuid(), s.acquire()); s.release()"
    )
    plain_user = ["unshare", "--user", "--map-user=65534", "--map-group=65534", "--"]
    done = subprocess.run([*plain_user, sys.executable, "-c", script], capture_output=True, check=False)
    assert done.stdout.startswith(b"65534 postgresql://"), done.stderr.decode()
