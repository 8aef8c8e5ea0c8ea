"""What the world outside the shop sees of a product, and so what is told when it changes.

Integrations see a product while it is published, meant for websites and not deleted. Events speak of that same view:
one who follows the events and one who reads the list come to know the same things.
"""

from services.catalog.queries import Product


def is_visible(product: Product | None) -> bool:
    """Whether integrations see the product."""
    return (
        product is not None
        and product.delete_time is None
        and product.status == "published"
        and product.website_visible
    )


def event_type(before: Product | None, after: Product | None) -> str | None:
    """The event that tells of a change, in the eyes of integrations; None if they see none.

    `before` and `after` differ in something that a reader could see.
    """
    match is_visible(before), is_visible(after):
        case False, True:
            return "product.created"
        case True, True:
            return "product.updated"
        case True, False:
            return "product.deleted"
        case _:
            return None
