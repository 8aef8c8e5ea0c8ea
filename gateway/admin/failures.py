"""Failures as people read them: what happened, one remedy, and the id by which support finds it."""

from dataclasses import dataclass

import grpc

from gateway.transcoding import Problem
from gateway.transcoding.errors import problem_from_rpc
from services.common.status import info_of


@dataclass(eq=False)
class Refused(Exception):
    """A page that cannot be shown, or a form that was not taken. All of it is read by the member."""

    status: int
    title: str
    message: str
    remedy: str
    link: tuple[str, str] | None = None
    """A way on: what the button says, and where it leads. None: to the beginning."""
    retry_after: str | None = None


_AWAY = (
    503,
    "Not available just now",
    "A part of Sedifex cannot be reached just now. What you sent may not have been done.",
    "Wait a few seconds, then reload the page to see how things stand.",
)
_NOT_NOW = (409, "This cannot be done now", "", "Reload the page to see how things stand.")
_OF_CALLS = {
    grpc.StatusCode.PERMISSION_DENIED: (403, "This is not allowed", "", "Ask an owner of the shop."),
    grpc.StatusCode.UNAVAILABLE: _AWAY,
    grpc.StatusCode.DEADLINE_EXCEEDED: _AWAY,
    grpc.StatusCode.RESOURCE_EXHAUSTED: (429, "Too much at once", "", "Wait a little, then try again."),
    grpc.StatusCode.INVALID_ARGUMENT: (
        400,
        "This address cannot be read",
        "",
        "Go back to the list.",
    ),
    grpc.StatusCode.FAILED_PRECONDITION: _NOT_NOW,
    grpc.StatusCode.ABORTED: _NOT_NOW,
    grpc.StatusCode.ALREADY_EXISTS: _NOT_NOW,
}
"""Status, title, message (empty: the service's own) and remedy of each code that a member can do something about."""


class SignedOut(Exception):
    """Nobody is signed in, or the session has ended."""


def not_found(what: str = "page") -> Refused:
    """There is no such thing."""
    return Refused(
        404,
        f"This {what} is not here",
        "The address may be mistyped, or what it led to has been removed.",
        "Go back to the shop and look for it there.",
    )


def no_such_method() -> Refused:
    """An address that was opened in another way than it is meant for."""
    return Refused(405, "This address takes no such request", "It is only used by a form.", "Open the page again.")


def role_too_low(needed: str) -> Refused:
    """The member's role in the shop does not allow this."""
    article = "an" if needed[0] in "AO" else "a"
    return Refused(
        403,
        "Your role does not allow this",
        f"It takes {article} {needed.lower()} of the shop.",
        "Ask an owner of the shop to do it, or to change your role under Members.",
    )


def not_this_shop() -> Refused:
    """The same whether or not the shop exists."""
    return Refused(
        403,
        "You do not belong to this shop",
        "Your account does not reach it. Perhaps you were removed, or the address is of another shop.",
        "Choose one of your shops, or ask an owner for an invitation.",
        ("Your shops", "/admin/stores"),
    )


def suspended() -> Refused:
    """Nobody reaches the shop for now."""
    return Refused(
        403,
        "This shop is suspended",
        "Sedifex has stopped all access to it for now: no key works and no page opens.",
        "Its owner can ask Sedifex's support why.",
        ("Your shops", "/admin/stores"),
    )


def stale_form() -> Refused:
    """A form that was not sent by a page of ours, or by one of another session."""
    return Refused(
        403,
        "This form can no longer be used",
        "It was opened in another session, or did not come from this site. Nothing was changed.",
        "Go back, reload the page, and send it again.",
    )


def unexpected() -> Refused:
    """A fault of ours."""
    return Refused(
        500,
        "Something went wrong on our side",
        "It is in our log under the request id below.",
        "Try again. If it stays, tell Sedifex's support the request id.",
    )


def of_call(error: grpc.aio.AioRpcError) -> Refused:
    """What a page shows of a call that failed.

    Raises:
        SignedOut: the session has ended.
    """
    code = error.code()
    if code is grpc.StatusCode.UNAUTHENTICATED:
        raise SignedOut from None
    if code is grpc.StatusCode.NOT_FOUND:
        return not_found()
    if info_of(error).reason == "STORE_SUSPENDED":
        return suspended()
    if code not in _OF_CALLS:
        return unexpected()
    status, title, message, remedy = _OF_CALLS[code]
    problem = problem_from_rpc(error)
    retry_after = problem.response_headers().get("Retry-After", "5" if status == 503 else None)
    return Refused(status, title, message or problem.message, remedy, retry_after=retry_after)


def of_problem(problem: Problem) -> Refused:
    """What a page shows of a body that could not be read."""
    return Refused(problem.status, "This could not be taken in", problem.message, "Go back and try again.")
