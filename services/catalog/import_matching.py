"""Which product of the store a row of a file is about: that of its id, else of its sku, else of its name.

A name counts if one product has it. Where several do, those without a sku are meant first: those with one can be told
by it. A row with a sku that nobody has names a product by its name only if that has no sku yet, and gives it one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.catalog import queries
from services.catalog.batch import Row
from services.catalog.importing.wishes import Picture, RowProblem, Wish
from services.catalog.queries import Image, Product


@dataclass(frozen=True)
class Known:
    """The products that a batch of wishes may be about."""

    by_id: Mapping[str, Product]
    by_sku: Mapping[str, Product]
    by_name: Mapping[str, Sequence[Product]]


def find_known(store_id: str, wishes: Sequence[Wish]) -> Known:
    """Looks them up; the store must be locked for what is found to last."""
    ids = {wish.product_id for wish in wishes if wish.product_id}
    skus = {wish.sku for wish in wishes if wish.sku}
    found = [each for each in queries.find_products(store_id, ids, skus) if each.delete_time is None]
    by_id, by_sku = {each.id: each for each in found}, {each.sku: each for each in found if each.sku}
    by_name: dict[str, list[Product]] = {}
    names = {wish.name for wish in wishes if wish.name and wish.product_id not in by_id and wish.sku not in by_sku}
    for product in queries.find_products_named(store_id, names) if names else ():
        by_name.setdefault(product.display_name, []).append(product)
    return Known(by_id, by_sku, by_name)


def row_of(wish: Wish, known: Known, name_column: str) -> Row | RowProblem:
    """The row of a batch that a wish comes to, or why it cannot be told what it is about."""
    present = known.by_id.get(wish.product_id) or known.by_sku.get(wish.sku)
    if present is None and not wish.is_name_taken:
        named = known.by_name.get(wish.name, ())
        without_sku = [each for each in named if not each.sku]
        possible = without_sku if without_sku or wish.sku else list(named)
        if len(possible) > 1:
            description = f"is the name of {len(possible)} products of this shop. Give each row its SKU"
            return RowProblem(wish.row, name_column, wish.name, description)
        present = possible[0] if possible else None
    return Row(present.id if present else "", _values(wish, present))


def _values(wish: Wish, present: Product | None) -> dict[str, Any]:
    values = dict(wish.values)
    if "images" in values:
        known = {image.uri: image for image in present.images} if present else {}
        values["images"] = tuple(_image(picture, known.get(picture.uri)) for picture in values["images"])
    return values


def _image(picture: Picture, known: Image | None) -> Image:
    """The picture; what is known of it and the file does not say stays."""
    if known is None:
        return Image(picture.uri, picture.alt_text or "", 0, 0)
    alt_text = known.alt_text if picture.alt_text is None else picture.alt_text
    return Image(picture.uri, alt_text, known.width_pixels, known.height_pixels)
