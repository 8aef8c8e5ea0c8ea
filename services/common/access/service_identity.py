"""How Sedifex's services prove to each other who they are.

A service's token is its name and a MAC of it under the common service secret, so a token that leaks names its owner and
does not give away the secret. It is checked without a look-up.

While the secret is being replaced there are several, as one text with commas between them. The first is spoken with,
all are accepted: each process then understands those that have been restarted and those that have yet to be.
"""

import hashlib
import hmac
from collections.abc import Sequence

from sedifex.access.v1 import access_pb2

from services.common.access.caller import Caller

PREFIX = "sdfx_svc_"
NAMES = frozenset({"keys", "catalog", "webhooks", "gateway"})


def secrets_of(setting: str) -> list[str]:
    """The secrets that a setting holds, first the one that is used."""
    return setting.split(",")


def token_for(service: str, setting: str) -> str:
    """The token of the service of this name, under the first secret of the setting."""
    return tokens_for(service, setting)[0]


def tokens_for(service: str, setting: str) -> list[str]:
    """Its tokens under each of them: those that are accepted."""
    return [_token(service, each) for each in secrets_of(setting)]


def is_one_of(token: str, accepted: Sequence[str]) -> bool:
    """Whether a token is among those that are accepted: all are compared, so that the time taken tells nothing."""
    return sum(hmac.compare_digest(token.encode(), each.encode()) for each in accepted) > 0


def identify(token: str, setting: str) -> Caller | None:
    """The service whose token this is; None if it is nobody's."""
    name = token.removeprefix(PREFIX).partition("_")[0]
    if name in NAMES and is_one_of(token, tokens_for(name, setting)):
        return Caller(f"services/{name}", access_pb2.AUDIENCE_SERVICE)
    return None


def _token(service: str, secret: str) -> str:
    mac = hmac.new(secret.encode(), f"sedifex service {service}".encode(), hashlib.sha256)
    return f"{PREFIX}{service}_{mac.hexdigest()}"
