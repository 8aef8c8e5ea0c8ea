"""How Sedifex's services prove to each other who they are.

A service's token is its name and a MAC of it under the common service secret, so a token that leaks names its owner and
does not give away the secret. It is checked without a look-up.
"""

import hashlib
import hmac

from sedifex.access.v1 import access_pb2

from services.common.access.caller import Caller

PREFIX = "sdfx_svc_"
NAMES = frozenset({"keys", "catalog", "webhooks", "gateway"})


def token_for(service: str, secret: str) -> str:
    """The token of the service of this name."""
    mac = hmac.new(secret.encode(), f"sedifex service {service}".encode(), hashlib.sha256)
    return f"{PREFIX}{service}_{mac.hexdigest()}"


def identify(token: str, secret: str) -> Caller | None:
    """The service whose token this is; None if it is nobody's."""
    name = token.removeprefix(PREFIX).partition("_")[0]
    if name in NAMES and hmac.compare_digest(token.encode(), token_for(name, secret).encode()):
        return Caller(f"services/{name}", access_pb2.AUDIENCE_SERVICE)
    return None
