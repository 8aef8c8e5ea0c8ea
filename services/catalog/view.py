"""A product as JSON, the same as REST answers it (ProtoJSON of the contract's Product).

Written out by hand because every write makes two of them, and protobuf's own way takes ten times as long. A test holds
it against that.
"""

from datetime import UTC, datetime
from decimal import Decimal

from services.catalog import visibility
from services.catalog.queries import Image, Product


def view_of(product: Product) -> dict[str, object]:
    """The product without what is empty; nothing and absent are told apart as the contract has it."""
    view: dict[str, object] = {
        "name": f"stores/{product.store_id}/products/{product.id}",
        "displayName": product.display_name,
        "description": product.description,
        "category": product.category,
        "brand": product.brand,
        "sku": product.sku,
        "barcode": product.barcode,
        "itemType": f"ITEM_TYPE_{product.item_type.upper()}",
        "images": [_image(each) for each in product.images],
        "status": f"STATUS_{product.status.upper()}",
        "sortOrder": product.sort_order,
        "createTime": _moment(product.create_time),
        "updateTime": _moment(product.update_time),
        "etag": product.etag,
        "availability": f"AVAILABILITY_{visibility.availability(product).upper()}",
        "otherPrices": [_money(each.currency, each.amount) for each in product.other_prices],
    }
    present = {name: value for name, value in view.items() if value} | {"websiteVisible": product.website_visible}
    if product.price_amount is not None:
        present["price"] = _money(product.price_currency or "", product.price_amount)
    if product.compare_at_amount is not None:
        present["compareAtPrice"] = _money(product.price_currency or "", product.compare_at_amount)
    if product.stock_count is not None:
        present["stockCount"] = product.stock_count
    if product.low_stock_threshold is not None:
        present["lowStockThreshold"] = product.low_stock_threshold
    if product.delete_time is not None:
        present["deleteTime"] = _moment(product.delete_time)
    return present


def _image(image: Image) -> dict[str, object]:
    view = {
        "uri": image.uri,
        "altText": image.alt_text,
        "widthPixels": image.width_pixels,
        "heightPixels": image.height_pixels,
    }
    return {name: value for name, value in view.items() if value}


def _money(currency: str, amount: Decimal) -> dict[str, object]:
    money: dict[str, object] = {"currencyCode": currency} if currency else {}
    return money | {"amount": format(amount, ".2f")}


def _moment(moment: datetime) -> str:
    """RFC 3339 with as many digits of a second, by threes, as there are."""
    precision = "seconds" if not moment.microsecond else "microseconds" if moment.microsecond % 1000 else "milliseconds"
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=precision) + "Z"
