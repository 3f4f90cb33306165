"""An empty application with what all HTTP processes share."""

from fastapi import FastAPI
from starlette.types import ASGIApp

from serambi.web.errors import BodyLimit, ErrorBody, install_errors
from serambi.web.headers import SecurityHeaders


class App(FastAPI):
    """FastAPI whose every answer, the one for an unforeseen error too, carries our headers."""

    def build_middleware_stack(self) -> ASGIApp:
        return SecurityHeaders(BodyLimit(super().build_middleware_stack()))


def new_app(title: str, version: str) -> App:
    """Errors, headers and the body limit installed; no documentation pages, they load foreign code.

    `/openapi.json` describes the routes that the caller adds.
    """
    app = App(
        title=title,
        version=version,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses={"4XX": {"model": ErrorBody}},
    )
    install_errors(app)
    return app
