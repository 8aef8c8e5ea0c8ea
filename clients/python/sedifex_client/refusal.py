"""Why a call was refused, in the machine's words."""

from typing import Any

from google.rpc import error_details_pb2, status_pb2

_DETAILS = "grpc-status-details-bin"


def reason_of(error: Any) -> str:
    """The reason that a grpc.RpcError carries, such as "STORE_NOT_FOUND" (docs/errors.md); "" if it has none."""
    status, info = status_pb2.Status(), error_details_pb2.ErrorInfo()
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS:
            status.ParseFromString(value)
    for detail in status.details:
        if detail.Unpack(info):
            return str(info.reason)
    return ""
