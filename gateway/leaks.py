"""Reports of leaked tokens in the format of GitHub's secret scanning partner programme.

GitHub finds tokens of ours in what people publish and posts them here, signed. The answer tells it which were real:
https://docs.github.com/code-security/secret-scanning/secret-scanning-partnership-program/secret-scanning-partner-program
"""

import asyncio
import base64
import binascii
import hashlib
import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

import grpc
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from sedifex.keys.v1 import keys_pb2, keys_pb2_grpc
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from gateway.transcoding import Problem
from gateway.transcoding.incoming import ClientGoneError, read_body
from services.common.clients import service_channel
from services.common.settings import GatewaySettings, PublicKey

log = logging.getLogger(__name__)

PATH = "/v1/leakedKeys:github"
KEY_HEADER = "Github-Public-Key-Identifier"
SIGNATURE_HEADER = "Github-Public-Key-Signature"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

BODY_WITHIN_S = 5.0
ANSWER_WITHIN_S = 20.0
"""From when the body is there. GitHub waits for 30 in all."""
MAX_MATCHES = 1_000
BATCH = 100
"""As many as ReportLeakedKeys takes."""
MAX_TOKEN = 256
MAX_SOURCE = 200
MAX_URL = 2_000
MAX_SIGNATURE = 200
"""Characters; that of a P-256 key has at most 96 in base 64."""

Outcome = keys_pb2.ReportLeakedKeysResponse.Outcome
Leak = keys_pb2.ReportLeakedKeysRequest.Leak


class Match(BaseModel):
    """What GitHub has found, and where; it may leave the last two empty."""

    token: str = Field(repr=False)
    type: str
    url: str | None = None
    source: str | None = None

    def leak(self) -> Leak:
        """The same as the Keys service takes it."""
        source = f"github {self.source or ''}".strip()
        return Leak(token=self.token, source=source[:MAX_SOURCE], url=(self.url or "")[:MAX_URL])

    def feedback(self, *, is_ours: bool) -> dict[str, str]:
        """What GitHub is told of it, the token as its hash."""
        digest = hashlib.sha256(self.token.encode()).hexdigest()
        label = "true_positive" if is_ours else "false_positive"
        return {"token_hash": digest, "token_type": self.type, "label": label}


_matches = TypeAdapter(list[Match])


@asynccontextmanager
async def routes(settings: GatewaySettings) -> AsyncIterator[list[BaseRoute]]:
    """The routes by which leaks are reported, while the context lasts; none unless GitHub's keys are set."""
    if not settings.gateway_github_keys:
        yield []
        return
    secret = settings.service_secret.get_secret_value()
    async with service_channel(settings.keys_address, "gateway", secret, settings.tls) as channel:
        receiver = _Receiver(
            keys_pb2_grpc.KeysServiceStub(channel), settings.gateway_github_keys, settings.gateway_max_body_bytes
        )
        # Every method, or others would fall through to the API's 404.
        yield [Route(PATH, receiver.receive, methods=METHODS)]


class _Receiver:
    """Takes reports that one of these keys has signed."""

    def __init__(
        self, keys: "keys_pb2_grpc.KeysServiceAsyncStub", signers: Iterable[PublicKey], max_body_bytes: int
    ) -> None:
        self._keys = keys
        self._signers = {each.identifier: load_pem_public_key(each.key.encode()) for each in signers}
        self._max_body_bytes = max_body_bytes

    async def receive(self, request: Request) -> Response:
        """Serves one report.

        Raises:
            Problem: it is not GitHub's, or cannot be read: then nothing is revoked. Or not all of it could be done.
        """
        if request.method != "POST":
            raise Problem(
                grpc.StatusCode.UNIMPLEMENTED,
                "This path is served under: POST.",
                http_status=405,
                headers={"Allow": "POST"},
            )
        signer = self._signer(request)
        try:
            body = await read_body(request, self._max_body_bytes, BODY_WITHIN_S)
        except ClientGoneError:
            raise Problem(grpc.StatusCode.CANCELLED, "The client has gone.") from None
        # Before anything is read into it: the body as it came, byte for byte.
        _check_signature(signer, request, body)
        matches = _read(body)
        genuine = await self._report(matches)
        feedback = [each.feedback(is_ours=each.token in genuine) for each in matches]
        return JSONResponse(feedback, headers={"Cache-Control": "no-store"})

    def _signer(self, request: Request) -> EllipticCurvePublicKey:
        signer = self._signers.get(request.headers.get(KEY_HEADER, ""))
        if not isinstance(signer, EllipticCurvePublicKey):
            raise _refused(f"{KEY_HEADER} names none of the keys that are known here.")
        return signer

    async def _report(self, matches: Sequence[Match]) -> set[str]:
        """Has everything revoked that is ours; answers the tokens that were."""
        leaks = [each.leak() for each in matches if 0 < len(each.token) <= MAX_TOKEN]
        genuine = set()
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                for start in range(0, len(leaks), BATCH):
                    batch = leaks[start : start + BATCH]
                    answer = await self._keys.ReportLeakedKeys(keys_pb2.ReportLeakedKeysRequest(leaks=batch))
                    for leak, result in zip(batch, answer.results, strict=True):
                        if result.outcome != Outcome.OUTCOME_NOT_OURS:
                            genuine.add(leak.token)
        except (grpc.aio.AioRpcError, TimeoutError) as failure:
            code = failure.code().name if isinstance(failure, grpc.aio.AioRpcError) else "TIMEOUT"
            log.warning("a leak report could not be dealt with", extra={"code": code, "count": len(matches)})
            message = "Not all of it could be dealt with just now. Send it again; what was revoked stays so."
            raise Problem(grpc.StatusCode.UNAVAILABLE, message) from None
        return genuine


def _check_signature(signer: EllipticCurvePublicKey, request: Request, body: bytes) -> None:
    try:
        signature = base64.b64decode(request.headers.get(SIGNATURE_HEADER, "")[:MAX_SIGNATURE], validate=True)
        signer.verify(signature, body, ECDSA(SHA256()))
    except (InvalidSignature, binascii.Error, ValueError):
        raise _refused(f"{SIGNATURE_HEADER} is not this body's signature by that key.") from None


def _read(body: bytes) -> list[Match]:
    try:
        matches = _matches.validate_json(body)
    except ValidationError:
        # What pydantic has to say would hold what it read.
        message = 'The body must be a JSON list of {"token","type","url","source"}.'
        raise Problem(grpc.StatusCode.INVALID_ARGUMENT, message) from None
    if len(matches) > MAX_MATCHES:
        message = f"Send at most {MAX_MATCHES} matches at a time."
        raise Problem(grpc.StatusCode.INVALID_ARGUMENT, message, http_status=413)
    return matches


def _refused(message: str) -> Problem:
    log.warning("a leak report was refused", extra={"cause": message})
    return Problem(grpc.StatusCode.PERMISSION_DENIED, f"{message} Nothing was revoked.")
