"""REST for gRPC services by their `google.api.http` annotations, over descriptors alone.

    transcoder = Transcoder([(service_descriptor, channel)], metadata=choose_metadata)
    app = Starlette(routes=[Mount("/", transcoder)])

The mapping is the one that google/api/http.proto describes; JSON is ProtoJSON; errors follow AIP-193,
conditional requests RFC 9110, 13. The package knows no service, and needs grpc.aio, protobuf, googleapis-common-protos
and starlette.
"""

from .bindings import Binding, BindingError
from .encode import EncodeError, Encoder
from .errors import Problem
from .headers import IF_NONE_MATCH_PARAMETER
from .incoming import TIMEOUT_HEADER
from .invalid import InvalidRequestError
from .openapi import document
from .router import RouteConflictError
from .template import TemplateError
from .transcoder import ROUTE, Options, Transcoder

__all__ = [
    "IF_NONE_MATCH_PARAMETER",
    "ROUTE",
    "TIMEOUT_HEADER",
    "Binding",
    "BindingError",
    "EncodeError",
    "Encoder",
    "InvalidRequestError",
    "Options",
    "Problem",
    "RouteConflictError",
    "TemplateError",
    "Transcoder",
    "document",
]
