"""All page families, in the order in which navigation shows them. To add one, write its module and list it here."""

from gateway.admin import account, audit, beginning, keys, members, rotation, sign_in, stores, webhooks
from gateway.admin.family import Family

FAMILIES: tuple[Family, ...] = (
    beginning.family,
    sign_in.family,
    stores.family,
    account.family,
    # A shop's pages
    beginning.home,
    keys.family,
    rotation.family,
    webhooks.family,
    members.family,
    audit.family,
)
