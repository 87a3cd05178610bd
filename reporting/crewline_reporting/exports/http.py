"""Tables as downloads."""

from collections.abc import AsyncIterator

from litestar.response import Stream


def csv_download(text: AsyncIterator[str], file_name: str) -> Stream:
    """Streamed as it is made; `file_name` is our own text, never a person's."""
    return Stream(
        text,
        media_type="text/csv; charset=utf-8",
        headers={
            "content-disposition": f'attachment; filename="{file_name}"',
            "cache-control": "no-store",
            "x-content-type-options": "nosniff",
        },
    )
