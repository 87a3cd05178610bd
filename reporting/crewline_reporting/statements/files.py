"""Statement files: plain or gzip, read line by line within limits."""

import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from crewline_infra.errors import Invalid
from crewline_reporting.statements.chain import LINE_BYTES_MAX

FILE_BYTES_MAX = 16 << 30
_GZIP = b"\x1f\x8b\x08"
DAMAGED = (OSError, EOFError, zlib.error)
"""What `lines` raises in the middle of a file whose compression was damaged or cut off."""


def statement_lines(path: Path) -> Iterator[bytes]:
    """Lines with their line feeds; one beyond the limit comes in pieces, which no reader accepts.

    Raises `Invalid` at once when the file cannot be opened, and one of `DAMAGED` later when it
    cannot be read on.
    """
    try:
        file = path.open("rb")
    except OSError as problem:
        reason = problem.strerror or "unknown reason"
        raise Invalid(f"The file {path} cannot be read: {reason}.") from problem
    return _lines(file)


def lines_of(content: bytes) -> Iterator[bytes]:
    """The same for a statement that is already in memory."""
    return _lines(io.BytesIO(content))


def _lines(file: BinaryIO) -> Iterator[bytes]:
    with file:
        packed = file.read(len(_GZIP)) == _GZIP
        file.seek(0)
        stream: BinaryIO = gzip.GzipFile(fileobj=file) if packed else file  # type: ignore[assignment]  # a stream by behaviour
        total = 0
        while line := stream.readline(LINE_BYTES_MAX + 1):
            total += len(line)
            if total > FILE_BYTES_MAX:
                raise OSError(f"the file holds more than {FILE_BYTES_MAX} bytes")
            yield line
