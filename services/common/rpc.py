"""What all interceptors share."""

from collections.abc import Callable
from typing import Any

# What load balancers and operators' tools call. They are not ours, so they carry no rule, and tell nothing of any shop.
INFRASTRUCTURE = ("/grpc.health.v1.Health/", "/grpc.reflection.v1alpha.ServerReflection/")


async def proceed(method: Callable[..., Any], request_or_iterator: Any, context: Any) -> Any:
    """Goes on to the next interceptor or the handler; answers with its response, or with its stream of them."""
    response = method(request_or_iterator, context)
    return response if hasattr(response, "__aiter__") else await response
