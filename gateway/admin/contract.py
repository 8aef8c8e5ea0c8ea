"""What a role may do, read from the access rules in the contract: pages show no button that would be refused."""

from typing import TypeAlias

from sedifex.access.v1 import access_pb2
from sedifex.catalog.v1 import catalog_pb2, imports_pb2
from sedifex.keys.v1 import keys_pb2, members_pb2
from sedifex.webhooks.v1 import webhooks_pb2

from services.common.access.rules import read_rules

Role: TypeAlias = access_pb2.Role.ValueType

ROLE_WORDS = {access_pb2.ROLE_STAFF: "Staff", access_pb2.ROLE_ADMIN: "Admin", access_pb2.ROLE_OWNER: "Owner"}

_FILES = (keys_pb2, members_pb2, catalog_pb2, imports_pb2, webhooks_pb2)
_RULES = {
    name.rpartition(".")[2].replace("/", "."): rule
    for name, rule in read_rules(
        service for file in _FILES for service in file.DESCRIPTOR.services_by_name.values()
    ).items()
}


def lowest_role(method: str) -> Role:
    """The lowest role that may call "KeysService.CreateKey".

    Raises:
        LookupError: there is no such method, or it is not for members.
    """
    rule = _RULES[method]
    if access_pb2.AUDIENCE_MEMBER not in rule.audiences:
        raise LookupError(f"{method} is not for members")
    return rule.member_role


def allows(role: Role, method: str) -> bool:
    """Whether a member with this role in a store may call the method there."""
    return role >= lowest_role(method)


def role_word(role: Role) -> str:
    """What people call the role."""
    return ROLE_WORDS.get(role, "No role")
