"""The past of the demonstration: published months where they lie beside the checkout, else a generated history."""

import asyncio
import os
from datetime import date
from pathlib import Path

from crewline_app.commands.imports import mapping_text
from crewline_app.demo import store
from crewline_app.history import append_history
from crewline_infra.clock import Clock
from crewline_infra.db import Database
from crewline_infra.secrets import secret_file
from crewline_infra.settings import Settings
from crewline_infra.tenancy import Context, Role
from crewline_reporting.generator.files import write_lines
from crewline_reporting.generator.history import HistoryOrder, lines
from crewline_reporting.imports.jobs import import_file
from crewline_reporting.imports.mapping import load_mapping
from crewline_reporting.imports.model import ImportOrder
from crewline_reporting.imports.reader import inspect
from crewline_reporting.imports.rejects import Rejects

MAPPING = "anonymous_bank"
FIRST_MONTH = date(1999, 1, 1)
SCALE = 1.0
_CHECKOUT = Path(__file__).resolve().parents[3]


def published_files(settings: Settings) -> list[Path]:
    """The monthly files of the published history, none in CI; CREWLINE_REAL_DATA names another folder."""
    folder = settings.real_data or _CHECKOUT.parent / "shared" / "data" / MAPPING
    if os.environ.get("CI") or not folder.is_dir():
        return []
    return sorted(path for pattern in ("*_1999.txt.gz", "*_1999.txt") for path in folder.glob(pattern))


async def seed_history(database: Database, settings: Settings, clock: Clock, *, months: int) -> int:
    """Import what was not imported before; returns how many contacts were new."""
    files = published_files(settings) if months else []
    if not files and months:
        files = [await asyncio.to_thread(_generated, settings, months)]
    return sum([await _imported(database, settings, clock, path) for path in files])


def _generated(settings: Settings, months: int) -> Path:
    path = settings.home / "demo" / f"history-{FIRST_MONTH:%Y-%m}-{months}.txt.gz"
    if not path.exists():
        write_lines(lines(HistoryOrder(FIRST_MONTH, months, seed=1, scale=SCALE)), path, lambda rows: None)
    return path


async def _imported(database: Database, settings: Settings, clock: Clock, path: Path) -> int:
    mapping = load_mapping(mapping_text(MAPPING), MAPPING)
    facts = await asyncio.to_thread(inspect, path, mapping.file)
    async with database.transaction(Context(Role.WORKER)) as tx:
        if await store.finished_import(tx, facts.digest):
            return 0
    key = secret_file(settings.secrets_folder, "alias.key")
    with Rejects(settings.home / "imports" / f"{path.name}.rejects.csv") as rejects:
        summary = await import_file(
            database,
            clock,
            ImportOrder(path=path, mapping=mapping, alias_key=key),
            facts,
            append=append_history,
            rejects=rejects,
            progress=lambda done, of: None,
        )
    return summary.imported
