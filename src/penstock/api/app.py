"""The HTTP application: its routes, and what they answer when something fails."""

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from penstock.api.webhooks import Hooks, webhooks
from penstock.ports import PortError


def make_app(hooks: Hooks) -> FastAPI:
    """Everything that is served, on the ports that it needs."""
    app = FastAPI(title="Penstock", openapi_url=None, docs_url=None, redoc_url=None)
    app.include_router(webhooks(hooks))
    app.add_api_route("/healthz", healthz)
    app.add_exception_handler(PortError, _unavailable)
    return app


def healthz() -> dict[str, str]:
    """That it answers; whether the forge does is for `penstock status`."""
    return {"status": "ok"}


def _unavailable(_request: Request, failure: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(failure)}, status_code=503)
