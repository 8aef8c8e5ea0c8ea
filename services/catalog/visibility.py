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


def is_gone(product: Product, *, visible_only: bool) -> bool:
    """Whether a tombstone stands for the product, for those who see all or only what is visible."""
    return not is_visible(product) if visible_only else product.delete_time is not None


def availability(product: Product) -> str:
    """Whether the product can be had: 'in_stock', 'low_stock', 'out_of_stock' or 'not_tracked'."""
    if product.stock_count is None:
        return "not_tracked"
    if product.stock_count <= 0:
        return "out_of_stock"
    is_low = product.low_stock_threshold is not None and product.stock_count <= product.low_stock_threshold
    return "low_stock" if is_low else "in_stock"


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
