"""Reports of leaked keys: as clients send them, and what they hear."""

from collections.abc import Sequence

from sedifex.keys.v1 import keys_pb2

from services.keys.barrier import Confirmation
from services.keys.leaks import Ending, Leak


def leaks_of(request: keys_pb2.ReportLeakedKeysRequest) -> list[Leak]:
    """What a client reports."""
    return [Leak(each.token, each.source, each.url) for each in request.leaks]


def endings_message(endings: Sequence[Ending], confirmed: Confirmation) -> keys_pb2.ReportLeakedKeysResponse:
    """What became of what was reported, in its order."""
    results = [
        keys_pb2.ReportLeakedKeysResponse.Result(
            outcome=each.outcome, name=each.name, hint=each.hint, state_before=each.state_before
        )
        for each in endings
    ]
    return keys_pb2.ReportLeakedKeysResponse(
        results=results,
        epoch=confirmed.epoch,
        acknowledged=confirmed.acknowledged,
        lapsed=confirmed.lapsed,
    )
