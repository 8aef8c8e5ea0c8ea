"""Ids and resource names.

An id is a prefix that tells what it names and a ULID, whose order is the order of making: "prod_01JD…". A resource name
(AIP-122) is the path to a thing: "stores/st_makola/products/prod_01JD…".
"""

from ulid import ULID


def new_id(prefix: str) -> str:
    """A fresh id: `prefix`, "_" and 26 characters of Crockford's base 32 (48 bits of time, 80 random)."""
    return f"{prefix}_{ULID()}"


def ids_of(name: str) -> tuple[str, ...]:
    """The ids in a resource name, outermost first: "stores/a/keys/b" -> ("a", "b").

    The name must have been validated; the rules in proto/ do so for every request.
    """
    return tuple(name.split("/")[1::2])
