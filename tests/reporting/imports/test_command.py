"""The command: summaries, exit codes and one sentence for what it cannot use."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import rich_click as click
from click.testing import CliRunner, Result

from crewline_app.commands.generate import generate
from crewline_app.commands.imports import import_
from crewline_infra.errors import Invalid
from tests.reporting.imports.rows import history, line


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CREWLINE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def call(command: click.Command, *arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments), catch_exceptions=True)


def refused(*arguments: str) -> str:
    result = call(import_, "contacts", *arguments)
    assert isinstance(result.exception, Invalid), result.output
    return result.exception.message


def test_a_dry_run_reads_and_counts_and_changes_nothing(home: Path, tmp_path: Path) -> None:
    rows = [line(), line(call_id="2", outcome="HANG", ser_time="0", server="NO_SERVER"), "broken"]
    path = history(tmp_path / "march.txt", rows)
    result = call(
        import_, "contacts", str(path), "--mapping", "anonymous_bank", "--dry-run", "--format", "json",
        "--rejects", str(tmp_path / "list.csv"),
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    (summary,) = json.loads(result.output)
    assert (summary["rows"], summary["imported"], summary["rejected"]) == (3, 2, 1)
    assert summary["outcomes"] == {"answered": 1, "abandoned": 1}
    assert (tmp_path / "list.csv").read_text(encoding="utf-8").splitlines()[1].startswith("march.txt,4,rejected,")
    assert not (home / "pg").exists()


def test_a_mapping_of_ones_own_layout_needs_a_tenant(home: Path, tmp_path: Path) -> None:
    path = history(tmp_path / "march.txt", [line()])
    assert refused(str(path)).startswith("Say whose contacts these are")
    assert "names the tenant itself" in refused(str(path), "--mapping", "anonymous_bank", "--tenant", "ps")


def test_the_default_layout_reads_its_own_columns(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text(
        "external_id,outcome,arrived_at,answered_at,ended_at,queue,wait_ms,talk_ms,agent\n"
        "c-1,answered,2026-03-02T09:00:00+08:00,2026-03-02T09:00:12+08:00,2026-03-02T09:02:00+08:00,Main,12000,108000,Ann\n"
        "c-2,abandoned,2026-03-02 09:00:00,,2026-03-02 09:00:30,Main,30000,,\n"
        "c-3,bored,2026-03-02 09:00:00,,2026-03-02 09:00:30,Main,30000,,\n",
        encoding="utf-8",
    )
    result = call(import_, "contacts", str(path), "--tenant", "aster", "--dry-run", "--format", "json")
    (summary,) = json.loads(result.output)
    assert (summary["imported"], summary["rejected"]) == (2, 1)
    assert summary["outcomes"] == {"answered": 1, "abandoned": 1}


def test_all_files_are_looked_through_before_the_first_is_imported(home: Path, tmp_path: Path) -> None:
    good = history(tmp_path / "a.txt", [line()])
    sentence = refused(str(good), str(tmp_path / "missing.txt"), "--mapping", "anonymous_bank")
    assert sentence == f"There is no file {tmp_path / 'missing.txt'}."
    assert not (home / "pg").exists()


def test_bad_input_is_one_sentence_and_exit_code_2(home: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "crewline_app", "import", "contacts", str(tmp_path), "--mapping", "anonymous_bank"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == f"crewline: {tmp_path} is a folder; name a file.\n"
    assert done.stdout == ""


def test_a_generated_history_is_imported_by_the_shipped_mapping(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "history.txt.gz"
    made = call(
        generate, "history", "--months", "1", "--scale", "0.02", "--output", str(path), "--format", "json"
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    (written,) = json.loads(made.output)
    result = call(import_, "contacts", str(path), "--mapping", "anonymous_bank", "--dry-run", "--format", "json")
    (summary,) = json.loads(result.output)
    assert summary["imported"] == written["rows"] > 300


@pytest.mark.parametrize(
    "arguments",
    [("--start", "1999-13"), ("--start", "now"), ("--scale", "0"), ("--scale", "nan")],
)
def test_impossible_orders_of_a_history(home: Path, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    result = call(generate, "history", "--output", str(tmp_path / "h.txt"), *arguments)
    assert isinstance(result.exception, Invalid)
    assert not (tmp_path / "h.txt").exists()
