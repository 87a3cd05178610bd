"""A table as a CSV file that the browser saves."""

from litestar import Response

from crewline_reporting.exports.table import Table, csv_text


def csv_file(table: Table, name: str) -> Response[bytes]:
    """`name` is plain ASCII without quotes."""
    content = "".join(csv_text(table)).encode()
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, media_type="text/csv; charset=utf-8", headers=headers)
