"""Records of the Catalog service as messages of the contract, and messages as changes to records."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask
from sedifex.catalog.v1 import catalog_pb2

from services.catalog import visibility
from services.catalog.queries import Filter, Image, Price, Product, Store
from services.common.masks import chosen_fields
from services.common.times import from_timestamp, to_timestamp

ProductMessage = catalog_pb2.Product
StoreMessage = catalog_pb2.Store

DEFAULT_CURRENCY = "GHS"


def store_message(store: Store) -> catalog_pb2.Store:
    """The store as clients see it."""
    return StoreMessage(
        name=f"stores/{store.id}",
        display_name=store.display_name,
        environment=_enum(StoreMessage.Environment, "ENVIRONMENT_", store.environment),
        currency_code=store.currency_code,
        phone=store.phone,
        whatsapp_number=store.whatsapp_number,
        city=store.city,
        country=store.country,
        website_uri=store.website_uri,
        logo_uri=store.logo_uri,
        create_time=to_timestamp(store.create_time),
        update_time=to_timestamp(store.update_time),
        etag=store.etag,
    )


def store_values(message: catalog_pb2.Store, mask: FieldMask | None) -> dict[str, Any]:
    """The values that a client wants changed, by the names of `Store`'s fields.

    Raises:
        InvalidArgument: the mask names something that cannot be changed.
    """
    values = {name: getattr(message, name) for name in chosen_fields(message, mask, _STORE_FIELDS)}
    if values.get("currency_code") == "":
        values["currency_code"] = DEFAULT_CURRENCY
    return values


def new_store(store_id: str, message: catalog_pb2.Store, now: datetime) -> Store:
    """The store that a client wants made."""
    return Store(
        id=store_id,
        display_name=message.display_name,
        environment=_word(StoreMessage.Environment, "ENVIRONMENT_", message.environment or 1),
        currency_code=message.currency_code or DEFAULT_CURRENCY,
        phone=message.phone,
        whatsapp_number=message.whatsapp_number,
        city=message.city,
        country=message.country,
        website_uri=message.website_uri,
        logo_uri=message.logo_uri,
        version=0,
        create_time=now,
        update_time=now,
    )


def product_message(product: Product) -> catalog_pb2.Product:
    """The product as clients see it."""
    message = ProductMessage(
        name=f"stores/{product.store_id}/products/{product.id}",
        display_name=product.display_name,
        description=product.description,
        category=product.category,
        brand=product.brand,
        sku=product.sku or "",
        barcode=product.barcode,
        stock_count=product.stock_count,
        low_stock_threshold=product.low_stock_threshold,
        item_type=_enum(ProductMessage.ItemType, "ITEM_TYPE_", product.item_type),
        status=_enum(ProductMessage.Status, "STATUS_", product.status),
        website_visible=product.website_visible,
        sort_order=product.sort_order,
        create_time=to_timestamp(product.create_time),
        update_time=to_timestamp(product.update_time),
        etag=product.etag,
        availability=_enum(ProductMessage.Availability, "AVAILABILITY_", visibility.availability(product)),
        delete_time=to_timestamp(product.delete_time),
    )
    if product.price_amount is not None:
        currency = product.price_currency or ""
        message.price.CopyFrom(_money(currency, product.price_amount))
        if product.compare_at_amount is not None:
            message.compare_at_price.CopyFrom(_money(currency, product.compare_at_amount))
    message.other_prices.extend(_money(price.currency, price.amount) for price in product.other_prices)
    for image in product.images:
        message.images.add(
            uri=image.uri,
            alt_text=image.alt_text,
            width_pixels=image.width_pixels,
            height_pixels=image.height_pixels,
        )
    return message


def product_values(message: catalog_pb2.Product, mask: FieldMask | None) -> dict[str, Any]:
    """The values that a client wants changed, by the names of `Product`'s fields.

    Raises:
        InvalidArgument: the mask names something that cannot be changed.
    """
    values: dict[str, Any] = {}
    for name in chosen_fields(message, mask, _FIELDS):
        values |= _FIELDS[name](message)
    return values


def product_filter(request: catalog_pb2.ListProductsRequest, *, visible_only: bool) -> Filter:
    """Which products a client wants, of those that it may see."""
    return Filter(
        visible_only=visible_only,
        category=request.category,
        item_type=_word(ProductMessage.ItemType, "ITEM_TYPE_", request.type) if request.type else "",
        in_stock=request.in_stock if request.HasField("in_stock") else None,
        words=tuple(request.query.lower().split()),
        updated_since=from_timestamp(request.updated_since) if request.HasField("updated_since") else None,
        status=_word(ProductMessage.Status, "STATUS_", request.status) if request.status else "",
        show_deleted=request.show_deleted and not visible_only,
    )


def change_message(product: Product, *, visible_only: bool) -> catalog_pb2.ProductChange:
    """What a product has come to, for those who see all or only what is visible."""
    if not visibility.is_gone(product, visible_only=visible_only):
        return catalog_pb2.ProductChange(product=product_message(product))
    tombstone = catalog_pb2.ProductTombstone(
        name=f"stores/{product.store_id}/products/{product.id}",
        delete_time=to_timestamp(product.delete_time or product.update_time),
    )
    return catalog_pb2.ProductChange(tombstone=tombstone)


def _money(currency: str, amount: Decimal) -> catalog_pb2.Money:
    return catalog_pb2.Money(currency_code=currency, amount=format(amount, ".2f"))


def _price(message: catalog_pb2.Product) -> dict[str, Any]:
    if not message.HasField("price"):
        return {"price_amount": None, "price_currency": None}
    return {
        "price_amount": Decimal(message.price.amount),
        "price_currency": message.price.currency_code or None,
    }


def _images(message: catalog_pb2.Product) -> dict[str, Any]:
    images = (Image(each.uri, each.alt_text, each.width_pixels, each.height_pixels) for each in message.images)
    return {"images": tuple(images)}


def _compare_at(message: catalog_pb2.Product) -> dict[str, Any]:
    given = message.HasField("compare_at_price")
    return {"compare_at_amount": Decimal(message.compare_at_price.amount) if given else None}


def _other_prices(message: catalog_pb2.Product) -> dict[str, Any]:
    return {"other_prices": tuple(Price(each.currency_code, Decimal(each.amount)) for each in message.other_prices)}


def _plain(name: str) -> Callable[[catalog_pb2.Product], dict[str, Any]]:
    return lambda message: {name: getattr(message, name)}


def _optional(name: str) -> Callable[[catalog_pb2.Product], dict[str, Any]]:
    return lambda message: {name: getattr(message, name) if message.HasField(name) else None}  # type: ignore[arg-type]


def _enum(kind: Any, prefix: str, word: str) -> Any:
    """'made_to_order' -> ITEM_TYPE_MADE_TO_ORDER."""
    return kind.Value(prefix + word.upper())


def _word(kind: Any, prefix: str, value: int) -> str:
    """ITEM_TYPE_MADE_TO_ORDER -> 'made_to_order'."""
    name: str = kind.Name(value)
    return name.removeprefix(prefix).lower()


_STORE_FIELDS = frozenset(
    {
        "display_name",
        "currency_code",
        "phone",
        "whatsapp_number",
        "city",
        "country",
        "website_uri",
        "logo_uri",
    }
)

# What each field of the message that can be changed means for the record.
_FIELDS: dict[str, Callable[[catalog_pb2.Product], dict[str, Any]]] = {
    **{name: _plain(name) for name in ("display_name", "description", "category", "brand", "barcode", "sort_order")},
    "sku": lambda message: {"sku": message.sku or None},
    "price": _price,
    "compare_at_price": _compare_at,
    "other_prices": _other_prices,
    "stock_count": _optional("stock_count"),
    "low_stock_threshold": _optional("low_stock_threshold"),
    "item_type": lambda message: {"item_type": _word(ProductMessage.ItemType, "ITEM_TYPE_", message.item_type or 1)},
    "images": _images,
    "status": lambda message: {"status": _word(ProductMessage.Status, "STATUS_", message.status or 2)},
    "website_visible": lambda message: {
        "website_visible": message.website_visible if message.HasField("website_visible") else True
    },
}
