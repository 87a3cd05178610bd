"""Serves the browser files under their versioned addresses."""

from litestar import Response, get
from litestar.params import FromPath

from crewline_tenants.people.access import AnyRequest
from crewline_web.render import assets

_FOR_EVER = "public, max-age=31536000, immutable"


@get("/static/{version:str}/{file_path:path}", include_in_schema=False)
async def static_file(version: FromPath[str], file_path: FromPath[str], request: AnyRequest) -> Response[bytes]:
    """An old version's address still works (a page left open over an update), but is not kept."""
    accepts_gzip = "gzip" in request.headers.get("accept-encoding", "")
    content, media_type, gzipped = assets().content(file_path.lstrip("/"), gzipped=accepts_gzip)
    headers = {
        "Cache-Control": _FOR_EVER if version == assets().version else "no-cache",
        "Vary": "Accept-Encoding",
    }
    if gzipped:
        headers["Content-Encoding"] = "gzip"
    return Response(content, media_type=media_type, headers=headers)


@get("/favicon.ico", include_in_schema=False)
async def favicon() -> Response[bytes]:
    content, media_type, _gzipped = assets().content("img/mark.svg", gzipped=False)
    return Response(content, media_type=media_type, headers={"Cache-Control": "max-age=86400"})


ROUTES = [static_file, favicon]
