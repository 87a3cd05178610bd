"""Programs of the operating system that only the tests need: a browser and a second PostgreSQL."""

import os
import pwd
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from steps import SetupError, call

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SERVER_BINARIES = Path("/usr/lib/postgresql/15/bin")


def browser() -> str:
    """Chromium from the operating system's package where it is missing."""
    if not _browser():
        _install("chromium")
    found = _browser()
    if not found:
        raise SetupError("no Chromium was found; install it with the system's package manager.")
    os.environ["CREWLINE_CHROMIUM"] = found
    return found


def second_server() -> str:
    """PostgreSQL 15 of Debian, beside the embedded one; elsewhere the tests on it are left out, loudly."""
    if not SERVER_BINARIES.exists():
        try:
            _install("postgresql-15")
        except SetupError as problem:
            return f"NOT AVAILABLE, its tests will not run: {problem}"
    return str(SERVER_BINARIES)


def _browser() -> str | None:
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def _install(package: str) -> None:
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise SetupError(f"{package} is missing; install it with the system's package manager.")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    call(["apt-get", "update", "-qq"], env=quiet)
    call(["apt-get", "install", "-y", "-qq", "--no-install-recommends", package], env=quiet)


@contextmanager
def running_second_server() -> Iterator[str]:
    """A throw-away PostgreSQL 15 on loopback; yields the administrator's address."""
    home = Path(tempfile.mkdtemp(prefix="crewline-pg15-"))
    user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    run_as = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"] if user else []
    if user:
        os.chown(home, user.pw_uid, user.pw_gid)
    password, port = secrets.token_hex(16), _free_port()
    (home / "password").write_text(password, encoding="ascii")
    data = home / "data"
    try:
        options: list[str | Path] = ["-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256"]
        call([*run_as, SERVER_BINARIES / "initdb", "-D", data, *options, f"--pwfile={home / 'password'}"], cwd=home)
        settings = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        log: list[str | Path] = ["-l", home / "log"]
        call([*run_as, SERVER_BINARIES / "pg_ctl", "-D", data, *log, "-w", "-o", settings, "start"], cwd=home)
        try:
            yield f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres"
        finally:
            call([*run_as, SERVER_BINARIES / "pg_ctl", "-D", data, "-m", "immediate", "stop"], cwd=home)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
