"""All page families, in the order in which navigation shows them. To add one, write its module and list it here."""

from gateway.admin import beginning, members, sign_in, stores, webhooks
from gateway.admin.family import Family

FAMILIES: tuple[Family, ...] = (
    beginning.family,
    sign_in.family,
    stores.family,
    # A shop's pages
    beginning.home,
    webhooks.family,
    members.family,
)
