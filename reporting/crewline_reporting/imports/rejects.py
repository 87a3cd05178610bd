"""The list of rows that were not imported: line, what became of it, why, and the row itself."""

import csv
import os
import threading
from pathlib import Path
from typing import Any, Self

from crewline_infra.errors import Invalid

COLUMNS = ("file", "line", "result", "reason", "row")
_FIRST_LINE = (",".join(COLUMNS) + "\n").encode()


class Rejects:
    """A CSV file, made when there is something to list; only its owner may read it (rows name customers)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.written = 0
        self.file = ""
        self._stream: Any = None
        self._writer: Any = None
        self._lock = threading.Lock()

    def begin(self, source: Path) -> None:
        """Rows that follow are of this file. Raises `Invalid` when the list would overwrite it."""
        if self.path.exists() and source.exists() and self.path.samefile(source):
            raise Invalid(f"{self.path} is the file to be imported; name another file for the rejects.")
        if self.path.is_dir():
            raise Invalid(f"{self.path} is a folder; name a file for the rejects.")
        self.file = source.name

    def add(self, line: int, result: str, reason: str, row: str) -> None:
        with self._lock:
            if self._writer is None:
                self._open()
            self.written += 1
            self._writer.writerow((self.file, line, result, reason, row))

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
        elif self._is_list():
            self.path.unlink()  # of an earlier run of the same name: this one rejected nothing

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """After a failure the list of an earlier run is kept."""
        if kind is None or self._stream is not None:
            self.close()

    def _is_list(self) -> bool:
        """Whether a list of ours lies there; any other file is left alone."""
        if not self.path.is_file():
            return False
        with self.path.open("rb") as file:
            return file.readline(len(_FIRST_LINE)) == _FIRST_LINE

    def _open(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        except OSError as problem:
            raise Invalid(f"The rejects cannot be written to {self.path}: {problem.strerror}.") from problem
        self._stream = os.fdopen(descriptor, "w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._stream, lineterminator="\n")
        self._writer.writerow(COLUMNS)
