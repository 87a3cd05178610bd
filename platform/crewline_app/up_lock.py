"""One `crewline up` per home: a lock that ends with the process that holds it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from crewline_infra.errors import Conflict, Unavailable
from crewline_infra.settings import Settings

_NAME = "up.lock"


@contextmanager
def only_one_here(settings: Settings) -> Iterator[None]:
    """Raises `Conflict` while another one runs on this home."""
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        file = (settings.home / _NAME).open("a+")
    except OSError as problem:
        raise Unavailable(f"{settings.home} cannot be used: {problem.strerror}.") from problem
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip()
            raise Conflict(
                f"Crewline runs on {settings.home} already (process {holder}); stop it or set another CREWLINE_HOME."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def running_here(settings: Settings) -> bool:
    try:
        with (settings.home / _NAME).open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
