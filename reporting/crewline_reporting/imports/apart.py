"""Parsing in a process of its own, so that the interpreter's lock holds up nobody who feeds the database.

Worth its start for large files only. What comes back is the same as from `Batches` in this process.
"""

import multiprocessing
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Self

import msgspec

from crewline_infra.errors import Invalid
from crewline_reporting.imports.batches import Batch, Batches
from crewline_reporting.imports.model import ImportOrder, Summary
from crewline_reporting.imports.reader import FileFacts
from crewline_reporting.imports.rejects import Rejects
from crewline_reporting.imports.rules import Draft

WORTH_LINES = 50_000

Refusal = tuple[int, str, str, str]
"""Line, result, reason, row: what `Rejects.add` takes."""


class _Parcel(msgspec.Struct, array_like=True, gc=False):
    tenant: str
    drafts: list[Draft]
    lines: list[int]
    again: list[tuple[int, Draft]]
    repeats: list[tuple[int, Draft]]

    def batch(self) -> Batch:
        drafts = {draft.external_id: draft for draft in self.drafts}
        return Batch(self.tenant, drafts, self.lines, self.again, self.repeats)


class _Step(msgspec.Struct, array_like=True, gc=False):
    """What a step of `Batches` found; `problem` ends the run with a sentence, `end` without one."""

    rows: int = 0
    rejected: int = 0
    flags: dict[str, int] = {}
    refusals: list[Refusal] = []
    parcels: list[_Parcel] = []
    problem: str = ""
    end: bool = False


class _Noted:
    """Stands in for `Rejects` in the other process: the list itself is written in this one."""

    def __init__(self) -> None:
        self.refusals: list[Refusal] = []

    def add(self, line: int, result: str, reason: str, row: str) -> None:
        self.refusals.append((line, result, reason, row))


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Step).decode


def pays(facts: FileFacts) -> bool:
    """Only Linux copies a process cheaply, and only one without other threads at work is copied safely.

    Those of the event loop's own pool may be there: they wait for work that only this run could give them.
    """
    busy = [one for one in threading.enumerate() if not one.name.startswith("asyncio_")]
    return facts.lines >= WORTH_LINES and sys.platform == "linux" and busy == [threading.main_thread()]


class ParserProcess:
    """`Batches` of another process. `step` blocks: call it from a thread."""

    def __init__(self, order: ImportOrder, facts: FileFacts, summary: Summary, rejects: Rejects) -> None:
        self._summary = summary
        self._rejects = rejects
        context = multiprocessing.get_context("fork")
        self._channel, theirs = context.Pipe(duplex=False)
        self._process = context.Process(target=_parse, args=(theirs, self._channel, order, facts), daemon=True)
        self._process.start()
        theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Stop the other process; a `step` that still waits for it then fails."""
        self._process.kill()
        self._process.join()

    def step(self) -> list[Batch] | None:
        """Like `Batches.step`. Raises `Invalid` when the other process was ended from outside."""
        try:
            found = _decode(self._channel.recv_bytes())
        except (EOFError, OSError):
            raise Invalid("The process that parses the file was ended; repeat the import.") from None
        if found.problem:
            raise Invalid(found.problem)
        summary = self._summary
        summary.rows += found.rows
        summary.rejected += found.rejected
        summary.flags.update(found.flags)
        for refusal in found.refusals:
            self._rejects.add(*refusal)
        return None if found.end else [parcel.batch() for parcel in found.parcels]


def _parse(channel: Connection, unused: Connection, order: ImportOrder, facts: FileFacts) -> None:
    """What the other process does. Ctrl-C is the first process's to handle: it ends this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    unused.close()
    try:
        for found in _steps(order, facts):
            channel.send_bytes(_encode(found))
    except BrokenPipeError:
        return
    except Invalid as problem:
        channel.send_bytes(_encode(_Step(problem=problem.message)))


def _steps(order: ImportOrder, facts: FileFacts) -> Iterator[_Step]:
    summary, noted = Summary(order.path.name), _Noted()
    batches = Batches(order, facts, summary, noted)
    before = 0, 0
    while (found := batches.step()) is not None:
        rows, rejected = summary.rows - before[0], summary.rejected - before[1]
        before = summary.rows, summary.rejected
        yield _Step(rows, rejected, dict(summary.flags), noted.refusals, [_parcel(batch) for batch in found])
        summary.flags, noted.refusals = Counter(), []
    yield _Step(end=True)


def _parcel(batch: Batch) -> _Parcel:
    return _Parcel(batch.tenant, list(batch.drafts.values()), batch.lines, batch.again, batch.repeats)
