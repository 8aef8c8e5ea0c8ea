"""All page families, in the order in which navigation shows them. To add one, write its module and list it here."""

from gateway.admin import (
    account,
    audit,
    beginning,
    imports,
    keys,
    members,
    overview,
    products,
    rotation,
    sign_in,
    stores,
    webhooks,
    wordpress,
)
from gateway.admin.family import Family

FAMILIES: tuple[Family, ...] = (
    beginning.family,
    sign_in.family,
    stores.family,
    account.family,
    # A shop's pages
    overview.family,
    products.family,
    imports.family,
    keys.family,
    rotation.family,
    webhooks.family,
    wordpress.family,
    members.family,
    audit.family,
)
