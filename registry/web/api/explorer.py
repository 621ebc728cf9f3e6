"""The API's description as pages that can be read and tried: /api/v1/docs."""

from __future__ import annotations

from pathlib import Path

import fastapi_offline
from fastapi import APIRouter
from starlette.responses import FileResponse, HTMLResponse, Response

_ASSETS = Path(fastapi_offline.__file__).parent / "static"
_SERVED = ("swagger-ui-bundle.js", "swagger-ui.css")
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>API · Vitrine</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
<style>body { margin: 0 } .swagger-ui .topbar { display: none }</style>
</head>
<body>
<div id="api"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
_START = """const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();
SwaggerUIBundle({
  url: "openapi.json", dom_id: "#api", deepLinking: true, tryItOutEnabled: true,
  defaultModelsExpandDepth: -1, validatorUrl: null,
});
"""

router = APIRouter(prefix="/docs", tags=["docs"], include_in_schema=False)


@router.get("")
async def _page() -> HTMLResponse:
    """All operations; those who paste a token can try them."""
    return HTMLResponse(_PAGE)


@router.get("/start.js")
async def _start() -> Response:
    """A file of its own: the content policy refuses scripts within pages."""
    return Response(_START, media_type="text/javascript")


@router.get("/{name}")
async def _asset(name: str) -> Response:
    """Swagger UI's script and style, from this server: nothing is loaded from elsewhere."""
    if name not in _SERVED:
        return Response(status_code=404)
    return FileResponse(_ASSETS / name, headers={"cache-control": "public, max-age=86400"})
