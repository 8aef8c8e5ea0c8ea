"""All page families, in the order in which navigation shows them. To add one, write its module and list it here."""

from gateway.admin import beginning, imports, members, products, sign_in, stores
from gateway.admin.family import Family

FAMILIES: tuple[Family, ...] = (
    beginning.family,
    sign_in.family,
    stores.family,
    # A shop's pages
    beginning.home,
    products.family,
    imports.family,
    members.family,
)
