"""A generated history on disk: plain, or gzip when the name ends in .gz; complete or not there at all."""

import gzip
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import islice
from pathlib import Path

from crewline_infra.errors import Invalid

_STEP_LINES = 10_000
_COMPRESSION = 6


def write_lines(lines: Iterable[str], path: Path, progress: Callable[[int], None]) -> int:
    """Write the lines and return how many rows (lines without the header) there are.

    The same lines give the same bytes: no time and no name in the gzip header. Raises `Invalid` when the file cannot
    be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as raw:
            if path.suffix == ".gz":
                with gzip.GzipFile("", "wb", _COMPRESSION, raw, mtime=0) as packed:
                    count = _write(lines, packed.write, progress)
            else:
                count = _write(lines, raw.write, progress)
        temporary.replace(path)
    except OSError as problem:
        raise Invalid(f"{path} cannot be written: {problem.strerror}.") from problem
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    return count


def _write(lines: Iterable[str], write: Callable[[bytes], int], progress: Callable[[int], None]) -> int:
    stream = iter(lines)
    count = -1
    while chunk := list(islice(stream, _STEP_LINES)):
        write(("\n".join(chunk) + "\n").encode())
        count += len(chunk)
        progress(count)
    return max(count, 0)
