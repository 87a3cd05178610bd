"""A large file is parsed by a process of its own: the same batches, the same account, and an end that is noticed."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from crewline_infra.errors import Invalid
from crewline_reporting.imports import apart
from crewline_reporting.imports.batches import Batch, Batches
from crewline_reporting.imports.model import Summary
from crewline_reporting.imports.reader import inspect
from crewline_reporting.imports.rejects import Rejects
from tests.reporting.imports.conftest import Import
from tests.reporting.imports.rows import bank, history, line, order
from tests.reporting.imports.test_import import sample

pytestmark = pytest.mark.skipif(apart.sys.platform != "linux", reason="only Linux parses in another process")
FIRST = sample(1)[0]
OTHER = "\t".join([*FIRST.split("\t")[:-1], "SOMEBODY"])
ODD = [OTHER, "torn", line(type="AA", call_id="7"), line(call_id="8", date="990230"), FIRST, FIRST]


def parsed(kind: Any, path: Path, rejects: Path) -> tuple[list[Batch], Summary, str]:
    found: list[Batch] = []
    summary = Summary(path.name)
    with Rejects(rejects) as listed:
        source = kind(order(path), inspect(path, bank().file), summary, listed)
        while (step := source.step()) is not None:
            found += step
        if kind is apart.ParserProcess:
            source.end()
    return found, summary, rejects.read_text(encoding="utf-8")


def drain(parser: apart.ParserProcess) -> None:
    while parser.step() is not None:
        pass


def test_another_process_parses_the_same(tmp_path: Path) -> None:
    path = history(tmp_path / "a.txt", [*sample(100), *ODD, *sample(5_000)[100:]])
    here = parsed(Batches, path, tmp_path / "here.csv")
    there = parsed(apart.ParserProcess, path, tmp_path / "there.csv")
    assert there == here
    assert here[1].rejected == 2
    assert any(batch.repeats for batch in here[0])
    assert any(batch.again for batch in here[0])


def test_a_parser_that_is_ended_from_outside_is_noticed(tmp_path: Path) -> None:
    path = history(tmp_path / "a.txt", sample(50_000))
    with Rejects(tmp_path / "rejects.csv") as rejects:
        facts = inspect(path, bank().file)
        with apart.ParserProcess(order(path), facts, Summary(path.name), rejects) as parser:
            parser.end()
            with pytest.raises(Invalid, match="was ended; repeat"):
                drain(parser)


async def test_an_import_through_another_process_is_whole(
    run: Import, admin: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(apart, "pays", lambda facts: True)
    path = history(tmp_path / "a.txt", [*sample(200), *ODD])
    summary = await run(order(path))
    assert (summary.rows, summary.rejected, summary.known, summary.conflicts) == (206, 2, 2, 1)
    assert summary.imported == await admin.fetchval("select count(*) from record") == 201
    assert (await run(order(path))).imported == 0


async def test_an_import_that_fails_ends_the_other_process(
    run: Import, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ended: list[apart.ParserProcess] = []
    monkeypatch.setattr(apart, "pays", lambda facts: True)
    end = apart.ParserProcess.end
    monkeypatch.setattr(apart.ParserProcess, "end", lambda parser: (ended.append(parser), end(parser)))

    async def broken(*_: object) -> Any:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await run(order(history(tmp_path / "a.txt", sample(20_000))), append=broken)
    assert len(ended) == 1


PAYS = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from dataclasses import replace
from crewline_reporting.imports import apart
from crewline_reporting.imports.reader import inspect
from tests.reporting.imports.rows import bank

small = inspect(Path(sys.argv[1]), bank().file)
large = replace(small, lines=apart.WORTH_LINES)
print(apart.pays(small), apart.pays(large))
with ThreadPoolExecutor(1) as other:
    other.submit(len, "").result()
    print(apart.pays(large))
"""


def test_only_a_large_file_in_a_process_without_other_threads_is_worth_it(tmp_path: Path) -> None:
    """In a process of its own: the one that runs the tests may have threads of others."""
    file = history(tmp_path / "a.txt", sample(1))
    done = subprocess.run([sys.executable, "-c", PAYS, str(file)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True", "False"]
