"""The door: every call of every service comes through here before its handler runs."""

from collections.abc import Callable, Iterable
from datetime import UTC
from typing import Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from grpc_interceptor.server import AsyncServerInterceptor

from services.common.access import service_identity
from services.common.access.caller import ANONYMOUS, Caller, set_caller
from services.common.access.origin import GATEWAY_HEADER, Origin, lies_within, origin_of, set_origin
from services.common.access.rules import read_rules
from services.common.access.verdicts import Verdicts
from services.common.errors import PermissionDenied, Unauthenticated
from services.common.rpc import INFRASTRUCTURE, proceed

Metadata = Iterable[tuple[str, str | bytes]]

CREDENTIAL_EXPIRES = "sedifex-credential-expires"
"""Trailing metadata: when the API key that was sent stops working by itself, RFC 3339. Absent: it does not."""


class AccessInterceptor(AsyncServerInterceptor):
    """Finds out who is calling and applies the method's rule. Whatever is not allowed by a rule is refused.

    Every refusal is raised, never `context.abort`ed: an abort that is not awaited would let the call go on.
    """

    def __init__(self, services: Iterable[ServiceDescriptor], verdicts: Verdicts, service_secret: str) -> None:
        self._rules = read_rules(services)
        self._verdicts = verdicts
        self._service_secret = service_secret
        self._gateway = service_identity.tokens_for("gateway", service_secret)

    async def intercept(
        self,
        method: Callable[..., Any],
        request_or_iterator: Any,
        context: grpc.aio.ServicerContext[Any, Any],
        method_name: str,
    ) -> Any:
        """Lets the call pass, or raises Unauthenticated, PermissionDenied, InvalidArgument or Unavailable."""
        if not method_name.startswith(INFRASTRUCTURE):
            rule = self._rules.get(method_name)
            if rule is None:
                raise PermissionDenied(f"{method_name} is not served here.")
            metadata = context.invocation_metadata() or ()
            origin = self._origin(context.peer(), metadata)
            set_origin(origin)
            caller = ANONYMOUS if rule.is_public else await self._authenticate(metadata, origin)
            rule.check(caller, request_or_iterator)
            set_caller(caller)
            if caller.is_integration and caller.expire_time is not None:
                # A program that was not told of a rotation learns of it here, while its old secret still works.
                ends = caller.expire_time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
                context.set_trailing_metadata(((CREDENTIAL_EXPIRES, ends),))
        return await proceed(method, request_or_iterator, context)

    def _origin(self, peer: str, metadata: Metadata) -> Origin:
        values = dict(metadata)
        word = values.get(GATEWAY_HEADER)
        vouched = word is not None and service_identity.is_one_of(str(word), self._gateway)
        return origin_of(peer, values, vouched=vouched)

    async def _authenticate(self, metadata: Metadata, origin: Origin) -> Caller:
        token = bearer_token(metadata)
        if token.startswith(service_identity.PREFIX):
            service = service_identity.identify(token, self._service_secret)
            if service is None:
                raise Unauthenticated(
                    "This is no service of ours: its SEDIFEX_SERVICE_SECRET differs.", reason="SERVICE_NOT_ACCEPTED"
                )
            return service
        caller = await self._verdicts.caller(token, origin)
        if caller.networks and not lies_within(origin.address, caller.networks):
            raise PermissionDenied(
                f"This API key may not be used from {origin.address or 'an unknown address'}. "
                "Ask the shop to add that address to what the key allows.",
                reason="ADDRESS_NOT_ALLOWED",
                metadata={"address": origin.address},
            )
        return caller


def bearer_token(metadata: Metadata) -> str:
    """The token of `authorization: Bearer …` (RFC 6750).

    Raises:
        Unauthenticated: there is none, or more than one.
    """
    found = [value for key, value in metadata if key == "authorization"]
    scheme, _, token = str(found[0]).partition(" ") if len(found) == 1 else ("", "", "")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated(
            "Send an API key, once: as the header 'Authorization: Bearer <key>', over REST also as 'X-Api-Key: <key>'.",
            reason="CREDENTIAL_MISSING",
        )
    return token.strip()
