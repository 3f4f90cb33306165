"""Every error over HTTP has one shape: `{"error": {"kind", "what", "where", "hint", "reason"}}`.

What does not belong here: what any one process refuses and why.
"""

import logging
from http import HTTPStatus

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import BODY_MAX_BYTES

log = logging.getLogger(__name__)

STATUS: dict[Kind, int] = {
    Kind.BAD_INPUT: 400,
    Kind.UNAUTHENTICATED: 401,
    Kind.DENIED: 403,
    Kind.NOT_FOUND: 404,
    Kind.CONFLICT: 409,
    Kind.LIMIT: 429,
    Kind.UNAVAILABLE: 503,
    Kind.CORRUPT: 500,
}
_KIND_OF_STATUS: dict[int, Kind] = {
    401: Kind.UNAUTHENTICATED,
    403: Kind.DENIED,
    404: Kind.NOT_FOUND,
    405: Kind.BAD_INPUT,
    409: Kind.CONFLICT,
    413: Kind.LIMIT,
    429: Kind.LIMIT,
    503: Kind.UNAVAILABLE,
}


class ErrorDetail(BaseModel):
    """What went wrong, where, and what to do; `reason` is a decision's code when one was taken."""

    kind: str
    what: str
    where: str = ""
    hint: str = ""
    reason: str = ""


class ErrorBody(BaseModel):
    error: ErrorDetail


class ReasonedError(SerambiError):
    """A refusal with a code that a program can read, such as `out_of_hours`."""

    def __init__(
        self, kind: Kind, what: str, reason: str, *, where: str = "", hint: str = ""
    ) -> None:
        super().__init__(kind, what, where=where, hint=hint)
        self.reason = reason


def error_response(error: SerambiError, status: int | None = None) -> JSONResponse:
    """The answer for `error`, with its kind's status unless `status` says otherwise."""
    reason = error.reason if isinstance(error, ReasonedError) else ""
    detail = ErrorDetail(
        kind=error.kind, what=error.what, where=error.where, hint=error.hint, reason=reason
    )
    code = STATUS[error.kind] if status is None else status
    return JSONResponse(ErrorBody(error=detail).model_dump(), status_code=code)


def install_errors(app: FastAPI) -> None:
    """Give `app` the one shape for its own errors, the framework's and unforeseen ones."""
    app.add_exception_handler(SerambiError, _known)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _plain)
    app.add_exception_handler(Exception, _unforeseen)


async def _known(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, SerambiError):
        raise error
    return error_response(error)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    # The values are left out: a password must not come back in an error.
    told = [
        f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
        for problem in error.errors()[:5]
    ]
    wrong = SerambiError(
        Kind.BAD_INPUT,
        "the request does not have the expected form: " + "; ".join(told),
        where=request.url.path,
        hint="/openapi.json describes it",
    )
    return error_response(wrong, 422)


async def _plain(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    kind = _KIND_OF_STATUS.get(error.status_code, Kind.BAD_INPUT)
    what = {
        404: "there is nothing at this address",
        405: f"{request.method} is not possible at this address",
    }.get(error.status_code, HTTPStatus(error.status_code).phrase.lower())
    response = error_response(
        SerambiError(kind, what, where=request.url.path, hint="/openapi.json lists the addresses"),
        error.status_code,
    )
    for name, value in (error.headers or {}).items():
        response.headers[name] = value
    return response


async def _unforeseen(request: Request, error: Exception) -> JSONResponse:
    log.error("%s %s failed: %s", request.method, request.url.path, type(error).__name__)
    detail = ErrorDetail(
        kind="internal",
        what="an unforeseen error stopped this request",
        where=request.url.path,
        hint="try again; if it stays, the process's log says more",
    )
    return JSONResponse(ErrorBody(error=detail).model_dump(), status_code=500)


class BodyLimit:
    """ASGI: a request body beyond `max_bytes` is answered with 413 and read no further."""

    def __init__(self, app: ASGIApp, max_bytes: int = BODY_MAX_BYTES) -> None:
        self.app = app
        self.max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        declared = next((v for k, v in scope["headers"] if k == b"content-length"), b"0")
        if not declared.isdigit() or int(declared) > self.max_bytes:
            await self._refuse(scope, receive, send)
            return
        size_bytes = 0
        started = False

        async def counted() -> Message:
            nonlocal size_bytes
            message = await receive()
            if message["type"] == "http.request":
                size_bytes += len(message.get("body", b""))
                if size_bytes > self.max_bytes:
                    raise _TooLarge
            return message

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, counted, watched)
        except _TooLarge:
            if not started:
                await self._refuse(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        error = SerambiError(
            Kind.LIMIT,
            f"the request body is larger than the {self.max_bytes} bytes allowed",
            where=scope["path"],
        )
        await error_response(error, 413)(scope, receive, send)


# Not an Exception: the framework between here and the reader must not turn it into a 500 or a 400.
class _TooLarge(BaseException):
    pass
