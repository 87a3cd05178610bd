"""The first steps on an installation of one's own, and the sentences for what cannot work."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest
from click.testing import CliRunner

from crewline_app.commands.dispatcher import read_patterns
from crewline_app.commands.files import BYTES_MAX, read_text
from crewline_app.commands.people import people
from crewline_app.commands.tenant import tenant
from crewline_app.startup import ensure_port_free
from crewline_app.wiring import ensure_installed, migrate_database
from crewline_infra.clock import SystemClock
from crewline_infra.db import Database
from crewline_infra.errors import Conflict, CrewlineError, Invalid, Unavailable
from crewline_infra.migrate import login_url
from crewline_infra.secrets import secret_file
from crewline_infra.settings import Settings, load_settings
from crewline_infra.tenancy import Context, Role
from crewline_tenants.people.login import log_in

CREWLINE = [sys.executable, "-P", "-m", "crewline_app"]
SHOP = ["add", "shop", "--name", "Shop", "--time-zone", "Asia/Shanghai", "--currency", "CNY"]


@pytest.fixture
async def home(tmp_path: Path, admin_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CREWLINE_HOME", str(tmp_path))
    monkeypatch.setenv("CREWLINE_DATABASE_URL", admin_url)
    await migrate_database(Settings(home=tmp_path, database_url=admin_url))
    return tmp_path


def answer(command, *arguments: str, typed: str = ""):
    return CliRunner().invoke(command, [*arguments, "--format", "json"], input=typed)


def test_the_first_administrator_can_log_in(home: Path, admin_url: str) -> None:
    made = answer(people, "add", "--email", "Ada@Example.com", "--role", "admin")
    assert made.exit_code == 0, made.output
    (person,) = json.loads(made.output)
    assert (person["login"], person["role"], person["tenant"]) == ("ada@example.com", "admin", None)
    asyncio.run(_enter(admin_url, person["login"], person["password"]))
    again = answer(people, "add", "--email", "ada@example.com", "--role", "admin")
    assert isinstance(again.exception, Conflict)
    (listed,) = json.loads(answer(people, "list").output)
    assert (listed["login"], listed["roles"]) == ("ada@example.com", ["admin"])


def test_a_key_acts_for_somebody_who_is_there(home: Path) -> None:
    assert isinstance(answer(people, "key", "--email", "ada@example.com", "--label", "x").exception, Invalid)
    answer(people, "add", "--email", "ada@example.com", "--role", "admin")
    (made,) = json.loads(answer(people, "key", "--email", "Ada@example.com", "--label", "warehouse").output)
    assert made["key"].startswith("crw_")


async def _enter(url: str, login: str, password: str) -> None:
    settings = load_settings()
    database = Database(login_url(url, "web", secret_file(settings.secrets_folder, "pg_web").hex()), pool_size=2)
    about = {"address": "127.0.0.1", "user_agent": "", "previous_token": None, "request_id": ""}
    await log_in(database, SystemClock(), login, password, **about)
    await database.close()


def test_a_tenant_and_its_manager(home: Path) -> None:
    assert answer(tenant, *SHOP).exit_code == 0
    assert isinstance(answer(tenant, *SHOP).exception, Conflict)
    (row,) = json.loads(answer(tenant, "list").output)
    assert (row["slug"], row["currency"]) == ("shop", "CNY")
    given = ["--email", "m@shop.example", "--role", "manager", "--tenant", "shop", "--password-stdin"]
    made = answer(people, "add", *given, typed="a password of mine\n")
    assert json.loads(made.output)[0]["password"] is None
    assert json.loads(answer(people, "list").output) == [], "an outsider to the operator's staff"
    (listed,) = json.loads(answer(people, "list", "--tenant", "shop").output)
    assert listed["login"] == "m@shop.example"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--email", "nobody", "--role", "admin"],
        ["--email", "a@b.example", "--role", "manager"],
        ["--email", "a@b.example", "--role", "admin", "--tenant", "shop"],
        ["--email", "a@b.example", "--role", "viewer", "--tenant", "nowhere"],
        ["--email", "a@b.example", "--role", "admin", "--password-stdin"],
    ],
)
def test_people_who_cannot_be_added(home: Path, arguments: list[str]) -> None:
    assert isinstance(answer(people, "add", *arguments, typed="short\n").exception, Invalid)
    assert json.loads(answer(people, "list").output) == []


@pytest.mark.parametrize(
    "change", [("Shop", 1), ("Mars/Olympus", 5), ("yuan", 7), ("", 3)], ids=["short name", "zone", "currency", "name"]
)
def test_tenants_that_cannot_be_added(home: Path, change: tuple[str, int]) -> None:
    arguments = list(SHOP)
    arguments[change[1]] = change[0]
    assert isinstance(answer(tenant, *arguments).exception, Invalid)
    assert json.loads(answer(tenant, "list").output) == []


def test_a_command_in_the_wrong_folder_begins_no_installation(tmp_path: Path) -> None:
    environment = {**os.environ, "CREWLINE_HOME": str(tmp_path / "none"), "CREWLINE_DATABASE_URL": ""}
    for arguments in (["bill", "list", "--tenant", "ps"], ["statement", "key"], ["serve", "--port", "1024"]):
        done = subprocess.run([*CREWLINE, *arguments], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 2, done.stderr
        assert "There is no installation in" in done.stderr
        assert done.stderr.count("\n") == 1
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "abc"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "xml"),
        ("PUBLIC_URL", "crewline.example"),
        ("DATABASE_URL", "garbage"),
        ("DATABASE_URL", "mysql://a@b/c"),
        ("DATABASE_URL", "postgresql://a@b:port/c"),
        ("DATABASE_URL", "postgresql://a@b"),
        ("DATABASE_URL", "http://[::1"),
    ],
)
def test_settings_that_cannot_be_used_are_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"CREWLINE_{name}", value)
    with pytest.raises(Invalid, match=f"^CREWLINE_{name} cannot be used: [^\n]+\\.$"):
        load_settings()


def test_settings_in_capitals_and_a_public_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREWLINE_LOG_LEVEL", "WARNING")
    monkeypatch.setenv("CREWLINE_PUBLIC_URL", "https://calls.example/")
    assert (load_settings().log_level, load_settings().base_url) == ("warning", "https://calls.example")


def test_a_busy_port_and_an_address_that_is_not_ours() -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        with pytest.raises(Conflict, match="is in use"):
            ensure_port_free("127.0.0.1", busy.getsockname()[1], "the web process", "CREWLINE_PORT")
    with pytest.raises(Invalid, match=r"The web process cannot listen on '192\.0\.2\.1': .*CREWLINE_HOST"):
        ensure_port_free("192.0.2.1", 8420, "the web process", "CREWLINE_PORT")


def test_secrets_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "damaged").write_text("not hexadecimal")
    for folder, name in ((tmp_path / "file", "key"), (tmp_path, "damaged")):
        with pytest.raises(Unavailable, match=name):
            secret_file(folder, name)
    with pytest.raises(Unavailable, match="no installation"):
        ensure_installed(Settings(home=tmp_path / "file", database_url=None))


@pytest.mark.parametrize("content", [b"[" * 100_000, b"\x00", b"\xff\xfe", b"[]", b""])
def test_patterns_that_cannot_be_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "patterns").write_bytes(content)
    with pytest.raises(CrewlineError):
        read_patterns(tmp_path / "patterns")


def test_a_file_too_large_to_be_meant_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(BYTES_MAX * 100)
    with pytest.raises(Invalid, match="too large"):
        read_text(str(tmp_path / "huge"))


async def test_a_database_that_is_away_is_out_of_reach_and_comes_back(server, database: Database, admin) -> None:
    async def works() -> bool:
        async with database.transaction(Context(Role.AUTH)) as tx:
            return await tx.value("select 1") == 1

    assert await works()
    name = await admin.fetchval("select current_database()")
    other = await asyncpg.connect(server.admin_url)
    await other.execute(f'alter database "{name}" with allow_connections false')
    await other.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and application_name = 'crewline'",
        name,
    )
    with pytest.raises(Unavailable):
        await works()
    await other.execute(f'alter database "{name}" with allow_connections true')
    await other.close()
    assert await works()


async def test_a_login_without_rights_is_told_which_it_needs(tmp_path: Path, admin, admin_url: str) -> None:
    name = f"weak_{tmp_path.parent.name}".replace("-", "_")
    await admin.execute(f"create role {name} login password 'weak'")
    address = f"postgresql://{name}:weak@{admin_url.partition('@')[2]}"
    try:
        with pytest.raises(Unavailable, match="CREATEROLE"):
            await migrate_database(Settings(home=tmp_path, database_url=address))
    finally:
        await admin.execute(f"drop role {name}")
