"""crewline generate history: a call history with real patterns and no real caller."""

import re
import sys
from datetime import date
from pathlib import Path

import rich_click as click

from crewline_app.commands.output import emit, format_option
from crewline_infra.errors import Invalid
from crewline_reporting.generator.files import write_lines
from crewline_reporting.generator.history import HistoryOrder, lines

MONTHS_MAX = 1200
SCALE_MAX = 10_000
COLUMNS = ("file", "rows", "months", "seed", "scale")


@click.group()
def generate() -> None:
    """Make data for demonstrations and measurements."""


@generate.command()
@click.option("--months", type=click.IntRange(1, MONTHS_MAX), default=3, show_default=True)
@click.option("--start", default="1999-01", show_default=True, metavar="YYYY-MM", help="The first month.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same file.")
@click.option("--scale", type=float, default=1.0, show_default=True, help="Times the calls of the measured centre.")
@click.option("--output", required=True, type=click.Path(path_type=Path), help="The file; gzip when it ends in .gz.")
@format_option
def history(*, months: int, start: str, seed: int, scale: float, output: Path, output_format: str) -> None:
    """Write a history in the layout that the mapping anonymous_bank reads: about 34,000 calls a month at scale 1."""
    if not 0 < scale <= SCALE_MAX:
        raise Invalid(f"--scale is a number above 0 and up to {SCALE_MAX}.")
    if output.is_dir():
        raise Invalid(f"{output} is a folder; name a file.")
    order = HistoryOrder(_month(start), months, seed, scale)
    rows = write_lines(lines(order), output, _progress)
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
    made = {"file": str(output), "rows": rows, "months": months, "seed": seed, "scale": str(scale)}
    emit([made], COLUMNS, output_format)


def _month(text: str) -> date:
    match = re.fullmatch(r"(\d{4})-(0[1-9]|1[0-2])", text)
    if match is None or int(match[1]) not in range(1970, 2070):
        raise Invalid(f"{text!r} is no month; write it as 1999-03.")
    return date(int(match[1]), int(match[2]), 1)


def _progress(rows: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{rows:,} rows\x1b[K")
        sys.stderr.flush()


COMMANDS = [generate]
