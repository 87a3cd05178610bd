"""The API's documentation: Swagger UI from local files, under a policy of its own."""

from litestar import Response, get

from crewline_web.render import render

# Swagger UI writes style attributes and shows its pictures from data addresses; scripts stay ours alone.
_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


@get("/docs", include_in_schema=False, sync_to_thread=False)
def documentation() -> Response[str]:
    return Response(
        render("shell/docs.html"),
        media_type="text/html",
        headers={"Content-Security-Policy": _POLICY},
    )


ROUTES = [documentation]
