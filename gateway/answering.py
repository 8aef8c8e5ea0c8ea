"""What the gateway itself answers, in the one form that errors have."""

import logging

import grpc
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gateway.transcoding import Problem
from services.common import errors, status, telemetry

log = logging.getLogger(__name__)

KEY_EXPIRES_HEADER = "X-Sedifex-Key-Expires"
"""When the key that was sent stops working: its own end, or that of its overlap once it has been rotated."""


def problem_of(error: errors.SedifexError) -> Problem:
    """The problem that tells a caller of one of our typed errors."""
    found = status.from_error(error)
    code = next(each for each in grpc.StatusCode if each.value[0] == found.code)
    return Problem(code, found.message, list(found.details))


def answer(problem: Problem) -> Response:
    """The answer that tells of a problem; never to be kept by a cache."""
    headers = {"Cache-Control": "no-store"} | problem.response_headers()
    return Response(problem.body(telemetry.request_id()), problem.status, headers, media_type="application/json")


async def tell(_request: Request, error: Exception) -> Response:
    """The answer that tells of what a route has raised."""
    if isinstance(error, Problem):
        return answer(error)
    if not isinstance(error, HTTPException):
        return answer(unexpected(error))
    headers = dict(error.headers or {})
    if error.status_code == 405:
        message = f"This path is served under: {headers.get('Allow', 'GET, HEAD')}."
        return answer(Problem(grpc.StatusCode.UNIMPLEMENTED, message, http_status=405, headers=headers))
    message = "Nothing is served at this path. Compare it with the API's description at /openapi.json."
    return answer(Problem(grpc.StatusCode.NOT_FOUND, message, http_status=error.status_code, headers=headers))


def unexpected(error: Exception) -> Problem:
    """The problem for whatever was not foreseen: what it was stands in the log only."""
    log.error("unexpected error", exc_info=error)
    return Problem(grpc.StatusCode.INTERNAL, "Something went wrong on our side. Report it with the request id.")
