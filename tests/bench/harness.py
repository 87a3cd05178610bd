"""The stage of a measurement: a server, migrated databases, and ratios against a ceiling of the same run."""

import shutil
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import asyncpg

from crewline_infra.db import Database
from crewline_infra.embedded import EmbeddedServer
from crewline_infra.migrate import Logins, login_url, migrate

LOGINS = Logins(web="bench-web-password", worker="bench-worker-password")


@dataclass(frozen=True)
class Ratio:
    """`value` is product / ceiling of one run; `at_least` or `at_most` is the named limit."""

    what: str
    value: float
    product: str
    ceiling: str
    at_least: float | None = None
    at_most: float | None = None

    @property
    def reached(self) -> bool:
        return (self.at_least is None or self.value >= self.at_least) and (
            self.at_most is None or self.value <= self.at_most
        )

    def line(self, name: str) -> str:
        limit = f"≥ {self.at_least}" if self.at_least is not None else f"≤ {self.at_most}"
        verdict = "reached" if self.reached else "NOT REACHED"
        return (
            f"{name}: {self.what}: {self.value:.3f} (limit {limit}, {verdict}); "
            f"product {self.product}, ceiling {self.ceiling}"
        )


@dataclass(frozen=True)
class Bench:
    """`size` shrinks a full size for a smoke run."""

    admin_url: str
    home: Path
    smoke: bool

    def size(self, full: int) -> int:
        return max(full // 100, 1) if self.smoke else full

    async def new_database(self) -> str:
        """A migrated database of its own; returns the administrator's address."""
        name = f"bench_{uuid4().hex[:12]}"
        admin = await asyncpg.connect(self.admin_url)
        await admin.execute(f'create database "{name}"')
        await admin.close()
        url = self.admin_url.rpartition("/")[0] + f"/{name}"
        await migrate(url, LOGINS)
        return url

    def open(self, url: str, login: str = "worker", pool_size: int = 4) -> Database:
        password = LOGINS.worker if login == "worker" else LOGINS.web
        return Database(login_url(url, login, password), pool_size=pool_size)


def median(values: list[float]) -> float:
    return statistics.median(values)


def percentile(values: list[float], share: float) -> float:
    """The nearest-rank percentile: `share` 0.99 of 200 values is the 198th."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * round(share * 1000) // 1000) - 1)]


@contextmanager
def running_bench(*, smoke: bool) -> Iterator[Bench]:
    home = Path(tempfile.mkdtemp(prefix="crewline-bench-"))
    home.chmod(0o755)
    server = EmbeddedServer(home)
    try:
        yield Bench(server.acquire(), home, smoke)
    finally:
        server.release()
        shutil.rmtree(home, ignore_errors=True)
