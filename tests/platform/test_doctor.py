"""What `crewline doctor` says of sick installations, and that it changes nothing."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from crewline_app import doctor
from crewline_app.commands.doctor import doctor as command
from crewline_infra.clock import SystemClock
from crewline_infra.settings import Settings


async def found(settings: Settings) -> dict[str, doctor.Finding]:
    return {finding.check: finding for finding in await doctor.examine(settings, SystemClock())}


async def test_an_empty_home_has_no_database_yet_and_stays_empty(tmp_path: Path) -> None:
    home = tmp_path / "none"
    lines = await found(Settings(home=home))
    assert lines["database"].status == "fail"
    assert "crewline up" in lines["database"].fix
    assert not home.exists()


async def test_a_server_that_does_not_answer(tmp_path: Path) -> None:
    lines = await found(Settings(home=tmp_path, database_url="postgresql://nobody@127.0.0.1:1/none"))
    assert lines["database"].status == "fail"
    assert lines["database"].fix


async def test_a_secrets_folder_that_others_may_read(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir(mode=0o755)
    lines = await found(Settings(home=tmp_path))
    assert lines["secrets"].status == "fail"


async def test_a_hole_in_a_wall_is_named(tmp_path: Path, admin, admin_url: str) -> None:
    settings = Settings(home=tmp_path, database_url=admin_url)
    assert (await found(settings))["tenant walls"].status == "ok"
    await admin.execute("alter table customer no force row level security")
    lines = await found(settings)
    assert lines["tenant walls"].status == "fail"
    assert "customer" in lines["tenant walls"].detail


async def test_a_schema_of_another_version(tmp_path: Path, admin, admin_url: str) -> None:
    await admin.execute("update alembic_version set version_num = '0001'")
    lines = await found(Settings(home=tmp_path, database_url=admin_url))
    assert (lines["schema"].status, lines["schema"].fix) == ("fail", "run `crewline migrate`")


async def test_events_from_another_cluster_s_future(tmp_path: Path, admin, admin_url: str) -> None:
    await admin.execute(
        """
        with t as (
          insert into tenant (id, slug, name, time_zone, currency, created_at)
          values (gen_random_uuid(), 'a', 'A', 'UTC', 'EUR', now()) returning id)
        insert into outbox (tenant_id, id, xid, type, key, payload, created_at)
        select id, gen_random_uuid(), '999999999999', 'x', 'x', '{}', now() from t
        """
    )
    lines = await found(Settings(home=tmp_path, database_url=admin_url))
    assert lines["event order"].status == "fail"


def test_a_failed_check_is_exit_code_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREWLINE_HOME", str(tmp_path / "none"))
    monkeypatch.delenv("CREWLINE_DATABASE_URL", raising=False)
    answer = CliRunner().invoke(command, ["--format", "json"])
    assert answer.exit_code == 1
    assert '"fail"' in answer.output
