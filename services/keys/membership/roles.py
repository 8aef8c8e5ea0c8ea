"""Roles, as the contract and as the database name them."""

from sedifex.access.v1 import access_pb2

OWNER = "owner"

ROLES: dict[str, access_pb2.Role.ValueType] = {
    "staff": access_pb2.ROLE_STAFF,
    "admin": access_pb2.ROLE_ADMIN,
    OWNER: access_pb2.ROLE_OWNER,
}
NAMES = {role: name for name, role in ROLES.items()}
