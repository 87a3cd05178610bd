"""Tables as downloads: CSV streamed as it is made, workbooks made in a temporary file first."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, Literal, cast

from litestar.response import Stream

from crewline_infra.errors import Invalid
from crewline_infra.i18n import gettext as _
from crewline_reporting.exports.table import Table, csv_head, csv_line
from crewline_reporting.exports.workbook import Workbook

Format = Literal["json", "csv", "xlsx"]
Pages = Callable[[], AsyncIterator[Sequence[Sequence[Any]]]]
"""Begins to read the rows, some at a time."""
_MEDIA = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_CHUNK = 256 * 1024


def known_format(text: str) -> Format:
    """Raises `Invalid` for a format that no list has."""
    if text not in ("json", "csv", "xlsx"):
        raise Invalid(_("The format is json, csv or xlsx."), field="format")
    return cast(Format, text)


async def table_download(table: Table, name: str, file_format: Format, zone: str) -> Stream:
    """A table that is in memory already; `name` is our own text without an ending, never a person's."""
    rows = list(table.rows)

    async def pages() -> AsyncIterator[Sequence[Sequence[Any]]]:
        yield rows

    return await paged_download(table, pages, name, file_format, zone=zone)


async def paged_download(table: Table, pages: Pages, name: str, file_format: Format, *, zone: str) -> Stream:
    """A long table whose rows are read page by page; those of `table` itself are not asked for.

    A workbook is whole before its first byte is sent, so that what fails says so with its status.
    """
    if file_format == "xlsx":
        return _download(_sent(await _workbook(table, pages, zone)), f"{name}.xlsx", _MEDIA["xlsx"])
    return _download(_lines(table, pages), f"{name}.csv", _MEDIA["csv"])


def _download(content: AsyncIterator[str] | AsyncIterator[bytes], file_name: str, media_type: str) -> Stream:
    return Stream(
        content,
        media_type=media_type,
        headers={
            "content-disposition": f'attachment; filename="{file_name}"',
            "cache-control": "no-store",
            "x-content-type-options": "nosniff",
        },
    )


async def _lines(table: Table, pages: Pages) -> AsyncIterator[str]:
    yield csv_head(table)
    async for rows in pages():
        yield "".join(map(csv_line, rows))


async def _workbook(table: Table, pages: Pages, zone: str) -> tempfile.TemporaryDirectory[str]:
    folder = tempfile.TemporaryDirectory(prefix="crewline-export-")
    try:
        book = Workbook(Path(folder.name) / "table.xlsx", table, zone)
        try:
            async for rows in pages():
                await asyncio.to_thread(book.write, rows)
        finally:
            await asyncio.to_thread(book.close)
    except BaseException:
        folder.cleanup()
        raise
    return folder


async def _sent(folder: tempfile.TemporaryDirectory[str]) -> AsyncIterator[bytes]:
    with folder, (Path(folder.name) / "table.xlsx").open("rb") as file:
        while chunk := await asyncio.to_thread(file.read, _CHUNK):
            yield chunk
