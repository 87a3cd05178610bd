"""Rows of a plain or gzip text file: looked through once before anything is changed, then streamed."""

import codecs
import csv
import gzip
import hashlib
import io
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from crewline_infra.errors import Invalid
from crewline_reporting.imports.mapping import FileLayout

LINE_BYTES_MAX = 64 * 1024
EXPANSION_MAX = 100
EXPANSION_FREE_BYTES = 64 * 1024 * 1024
_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK = 64 * 1024


Row = tuple[int, list[str], bool]
"""(line of the file on which the row ends, counted from 1; its fields; whether any field holds a blank)"""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What the look through found: `lines` includes the header; `digest` is of the file as it lies there."""

    path: Path
    lines: int
    digest: str
    columns: tuple[str, ...]


def inspect(path: Path, layout: FileLayout) -> FileFacts:
    """Read the whole file once. Raises `Invalid`, in one sentence, for all that would stop an import half-way."""
    _check_file(path)
    try:
        lines = _look_through(path, layout.encoding)
        columns = _columns(path, layout)
        if layout.quote:
            deque(rows(path, layout), maxlen=0)  # a quote that is never closed shows only here
        return FileFacts(path, lines, _digest(path), columns)
    except (EOFError, zlib.error, gzip.BadGzipFile) as problem:
        raise Invalid(f"{path} is a damaged or cut-off gzip file: {problem}.") from problem
    except OSError as problem:
        raise Invalid(f"{path} cannot be read: {problem.strerror or problem}.") from problem


def rows(path: Path, layout: FileLayout) -> Iterator[Row]:
    """The rows after the header; blank lines are no rows."""
    with _opened(path) as raw, io.TextIOWrapper(raw, _encoding(layout.encoding), newline="\n") as text:
        if layout.quote:
            yield from _quoted_rows(text, layout)
        else:
            yield from _plain_rows(text, layout)


def _plain_rows(text: io.TextIOWrapper, layout: FileLayout) -> Iterator[Row]:
    delimiter = layout.delimiter
    for number, line in enumerate(text, 1):
        if number == 1 and layout.header:
            continue
        stripped = line.rstrip("\r\n")
        if stripped and not stripped.isspace():
            yield number, stripped.split(delimiter), " " in stripped


def _quoted_rows(text: io.TextIOWrapper, layout: FileLayout) -> Iterator[Row]:
    reader = csv.reader(text, delimiter=layout.delimiter, quotechar=layout.quote)
    header = layout.header
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as problem:
            raise Invalid(f"{text.name}: line {reader.line_num} is no CSV: {problem}.") from problem
        if header:
            header = False
        elif any(field and not field.isspace() for field in fields):
            yield reader.line_num, fields, True


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise Invalid(f"{path} is a folder; name a file.")
    if not path.exists():
        raise Invalid(f"There is no file {path}.")
    if not path.is_file():
        raise Invalid(f"{path} is no regular file.")
    if path.stat().st_size == 0:
        raise Invalid(f"{path} is empty.")


def _opened(path: Path) -> BinaryIO:
    with path.open("rb") as file:
        compressed = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
    if compressed:
        return gzip.open(path, "rb")  # type: ignore[return-value]  # a readable binary file
    return path.open("rb")


def _encoding(name: str) -> str:
    """UTF-8 with or without a byte order mark."""
    return "utf-8-sig" if codecs.lookup(name).name == "utf-8" else name


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _look_through(path: Path, encoding: str) -> int:
    """Count the lines; refuse what is no text of this encoding, monstrous lines and expanding archives."""
    decoder = codecs.getincrementaldecoder(_encoding(encoding))()
    allowed = max(EXPANSION_FREE_BYTES, path.stat().st_size * EXPANSION_MAX)
    lines = open_line = read = 0
    with _opened(path) as file:
        while chunk := file.read(_CHUNK):
            read += len(chunk)
            if read > allowed:
                raise Invalid(f"{path} expands to more than {EXPANSION_MAX} times its size; it is not imported.")
            text = _decoded(decoder, chunk, path, lines, encoding)
            if "\0" in text:
                line = lines + text.count("\n", 0, text.index("\0")) + 1
                raise Invalid(f"{path} is no text: line {line} holds a NUL character.")
            first = text.find("\n")
            if open_line + (len(text) if first < 0 else first) > LINE_BYTES_MAX:
                raise Invalid(f"{path}: line {lines + 1} is longer than {LINE_BYTES_MAX} characters.")
            open_line = open_line + len(text) if first < 0 else len(text) - text.rfind("\n") - 1
            lines += text.count("\n")
    _decoded(decoder, b"", path, lines, encoding)
    return lines + (open_line > 0)


def _decoded(decoder: codecs.IncrementalDecoder, chunk: bytes, path: Path, lines: int, encoding: str) -> str:
    try:
        return decoder.decode(chunk, final=not chunk)
    except UnicodeError as problem:
        before = problem.object[: problem.start] if isinstance(problem, UnicodeDecodeError) else b""
        line = lines + before.count(b"\n") + 1
        raise Invalid(f"{path} is not {encoding} text: line {line} cannot be read.") from problem


def _columns(path: Path, layout: FileLayout) -> tuple[str, ...]:
    """The file's order of the columns that the mapping knows (unknown ones get a name of their own)."""
    if not layout.header:
        return tuple(layout.columns)
    names = [name.strip() for name in _first_line(path, layout)]
    while names and not names[-1] and len(names) > len(layout.columns):
        names.pop()
    known = {name.casefold(): name for name in layout.columns}
    found = [known.get(name.casefold(), f"\n{position}") for position, name in enumerate(names)]
    missing = [name for name in layout.columns if name not in found and name not in layout.optional]
    if missing:
        raise Invalid(f"{path}: the first line does not name the column {missing[0]!r} that the mapping reads.")
    if len(set(found)) != len(found):
        twice = next(name for name in found if found.count(name) > 1)
        raise Invalid(f"{path}: the first line names the column {twice!r} twice.")
    return tuple(found)


def _first_line(path: Path, layout: FileLayout) -> Sequence[str]:
    with _opened(path) as raw, io.TextIOWrapper(raw, _encoding(layout.encoding), newline="\n") as text:
        line = text.readline(LINE_BYTES_MAX).rstrip("\r\n")
    if layout.quote:
        return next(csv.reader([line], delimiter=layout.delimiter, quotechar=layout.quote), [])
    return line.split(layout.delimiter)
