"""The tables of the operator's pages as files."""

from typing import Annotated

from litestar.params import QueryParameter
from litestar.response import Stream

from crewline_reporting.exports.http import known_format, table_download
from crewline_reporting.exports.table import Table

FileFormat = Annotated[str, QueryParameter(name="format", required=False, description="csv or xlsx")]
ZONE = "UTC"
"""Instants of tables over several tenants; their header block says so."""


async def table_file(table: Table, name: str, wanted: str) -> Stream:
    """`name` is our own text without an ending. Raises `Invalid` for a format that is none."""
    return await table_download(table, name, known_format(wanted), ZONE)
