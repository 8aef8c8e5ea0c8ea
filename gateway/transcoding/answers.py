"""Answers to requests that may carry a condition (RFC 9110, 13).

`Ask` sends a message to the service, with the credential and within the deadline of the request that is answered. What
the service refuses is raised as a Problem.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from .conditions import require_match
from .endpoint import Endpoint
from .entity_tags import is_complete, names, names_any
from .errors import Problem, failed_condition, internal_problem
from .rendered import Rendered, RenderedAnswers

log = logging.getLogger(__name__)

Ask = Callable[[Message], Awaitable[Any]]

_LONGEST_CONDITION = 1_000
"""Characters. A condition that is left out costs a body, never a wrong answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """JSON, or None: the caller has it already. `etag` is a complete entity tag, empty where there is none."""

    content: bytes | None
    etag: str = ""


async def answer_write(endpoint: Endpoint, message: Message, if_match: str | None, ask: Ask) -> Answer:
    """Answer a method that writes, under If-Match where it was sent.

    Raises InvalidRequestError, see `conditions.require_match`; Problem (412) where the resource is another by now.
    """
    is_conditional = if_match is not None and require_match(endpoint.binding.if_match, message, if_match)
    try:
        response = await ask(message)
    except Problem as problem:
        if is_conditional:
            raise failed_condition(problem) from problem.__cause__
        raise
    return Answer(endpoint.render(response), endpoint.etag(response))


async def answer_read(endpoint: Endpoint, message: Message, if_none_match: str, ask: Ask) -> Answer:
    """Answer a method that reads and whose service judges no conditions: what it answers may have an etag."""
    response = await ask(message)
    etag = endpoint.etag(response)
    if endpoint.binding.may_be_unchanged and names(if_none_match, etag):
        return Answer(None, etag)
    return Answer(endpoint.render(response), etag)


async def answer_conditional(
    endpoint: Endpoint, message: Any, if_none_match: str, ask: Ask, memory: RenderedAnswers
) -> Answer:
    """Answer a method whose service judges conditions, out of memory where it says that nothing has changed.

    The service is asked each time, as this caller: it alone knows who may see what, and as of when. An etag that it
    gives must tell apart all that it answers to one request, to whomever, as RFC 9110, 8.8.3 has it.
    """
    wanted = if_none_match if len(if_none_match) <= _LONGEST_CONDITION else ""
    request = endpoint.key(message)
    kept = memory.find(request)  # held here: others may drive it out of the memory during the call
    message.if_none_match = _condition(wanted, kept)
    response = await ask(message)
    if response.not_modified:
        if is_complete(response.etag) and names(wanted, response.etag):
            return Answer(None, response.etag)
        if kept is not None and kept.etag == response.etag:
            return Answer(kept.content, kept.etag)
        response = await _ask_anew(endpoint, message, ask)
    content, etag = endpoint.render(response), endpoint.etag(response)
    if etag:
        memory.keep(request, Rendered(etag, content))
    return Answer(content, etag)


def _condition(wanted: str, kept: Rendered | None) -> str:
    """What to ask the service: the caller's own condition and ours, or the caller's alone where both are too much."""
    if kept is None or names_any(wanted):  # which says all already
        return wanted
    both = f"{wanted}, {kept.etag}" if wanted else kept.etag
    return both if len(both) <= _LONGEST_CONDITION else wanted


async def _ask_anew(endpoint: Endpoint, message: Any, ask: Ask) -> Any:
    """Ask without a condition, after a service has said "not modified" of what nobody had named."""
    log.warning("%s answered not_modified under an etag that it was not asked about; asking again", endpoint)
    message.if_none_match = ""
    response = await ask(message)
    if response.not_modified:
        log.error("%s answered not_modified to a request without a condition", endpoint)
        raise internal_problem()
    return response
