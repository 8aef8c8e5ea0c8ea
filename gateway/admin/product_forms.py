"""Products as forms have them: texts by the names of fields, and what of them makes a change.

A form carries what its fields held when it was opened. So only what somebody has really changed is sent, and a sale
that is entered meanwhile does not get in the way of a new description.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from sedifex.catalog.v1 import catalog_pb2

from gateway.admin.forms import Form, Problems

Product = catalog_pb2.Product
Values = Mapping[str, str]
"""What stands in the fields of a form."""

MAX_PICTURES = 10
_AMOUNT = re.compile(r"(\d{1,3}(?:,\d{3}){1,3}|\d{1,12})(?:\.(\d{1,2}))?")
_BEFORE_AMOUNTS = re.compile(r"^(?:GH₵|GH¢|GHS|₵|[A-Z]{3})\s*", re.IGNORECASE)
_COUNT = re.compile(r"-?\d{1,9}")
_WEB_ADDRESS = re.compile(r"https?://[^\s/?#\"<>\\^`{|}]+[^\s\"<>\\^`{|}]*", re.IGNORECASE)

KINDS = {
    "product": "Goods",
    "service": "Service",
    "made_to_order": "Made to order",
    "course": "Course or class",
    "digital_item": "Digital item",
}
"""What people call each kind of item."""
_KIND = "ITEM_TYPE_"


def kind_of(product: catalog_pb2.Product) -> str:
    """A key of `KINDS`."""
    return Product.ItemType.Name(product.item_type or Product.ITEM_TYPE_PRODUCT).removeprefix(_KIND).lower()


@dataclass(frozen=True)
class Field:
    """A field of the form."""

    label: str
    mask: str
    """The field of the product that it changes."""
    read: Callable[[catalog_pb2.Product], str]


def _count(name: str) -> Callable[[catalog_pb2.Product], str]:
    return lambda product: str(getattr(product, name)) if product.HasField(name) else ""  # type: ignore[arg-type]


def _amount(name: str) -> Callable[[catalog_pb2.Product], str]:
    return lambda product: getattr(product, name).amount if product.HasField(name) else ""  # type: ignore[arg-type]


FIELDS: Mapping[str, Field] = {
    "display_name": Field("Name", "display_name", lambda product: product.display_name),
    "description": Field("Description", "description", lambda product: product.description),
    "category": Field("Category", "category", lambda product: product.category),
    "brand": Field("Brand", "brand", lambda product: product.brand),
    "sku": Field("SKU", "sku", lambda product: product.sku),
    "barcode": Field("Bar code", "barcode", lambda product: product.barcode),
    "price": Field("Price", "price", _amount("price")),
    "before": Field("Price before", "compare_at_price", _amount("compare_at_price")),
    "stock": Field("In stock", "stock_count", _count("stock_count")),
    "low_stock": Field("Low from", "low_stock_threshold", _count("low_stock_threshold")),
    "kind": Field("Kind", "item_type", kind_of),
    "images": Field("Pictures", "images", lambda product: pack((each.uri, each.alt_text) for each in product.images)),
    "status": Field(
        "State", "status", lambda product: "draft" if product.status == Product.STATUS_DRAFT else "published"
    ),
    "visible": Field(
        "On websites",
        "website_visible",
        lambda product: "yes" if product.website_visible or not product.HasField("website_visible") else "",
    ),
    "sort_order": Field("Place in lists", "sort_order", lambda product: str(product.sort_order)),
}
QUICK = ("price", "stock")
"""The fields that can be changed in the list."""


def values_of(product: catalog_pb2.Product, names: Iterable[str] = FIELDS) -> dict[str, str]:
    """What a form shows of a product."""
    return {name: FIELDS[name].read(product) for name in names}


def new_values() -> dict[str, str]:
    """What the form of a new product begins with."""
    return values_of(Product(status=Product.STATUS_PUBLISHED)) | {"sort_order": ""}


def sent_values(form: Form, names: Iterable[str] = FIELDS) -> dict[str, str]:
    """What came with a form, written as `values_of` writes it where it can be read at all."""
    values = {name: form.raw(name).replace("\r\n", "\n").strip() for name in names}
    for name in {"price", "before"} & values.keys():
        values[name] = read_amount(values[name]) or values[name]
    for name in {"stock", "low_stock", "sort_order"} & values.keys():
        values[name] = _plain_count(values[name])
    if "images" in values:
        given = zip(form.all("image_uri"), [*form.all("image_alt"), *[""] * MAX_PICTURES * 2], strict=False)
        values["images"] = pack((uri.strip(), alt.strip()) for uri, alt in given if uri.strip())
    return values


def pack(pictures: Iterable[tuple[str, str]]) -> str:
    """Addresses of pictures with their descriptions, as one text."""
    return json.dumps([list(each) for each in pictures], ensure_ascii=False)


def unpack(text: str) -> list[tuple[str, str]]:
    """The same back again."""
    return [(uri, alt) for uri, alt in json.loads(text or "[]")]


def pack_values(values: Values) -> str:
    """Values as one text, to be carried by a form."""
    return json.dumps(dict(values), ensure_ascii=False)


def unpack_values(text: str) -> dict[str, str] | None:
    """The same back again; None if it was tampered with."""
    try:
        values = json.loads(text)
    except ValueError:
        return None
    if not isinstance(values, dict) or not values.keys() <= FIELDS.keys():
        return None
    return values if all(isinstance(each, str) for each in values.values()) else None


def read_amount(text: str) -> str | None:
    """'1250.00' of "GH₵ 1,250"; None if it is no amount."""
    found = _AMOUNT.fullmatch(_BEFORE_AMOUNTS.sub("", text.strip()).replace(" ", ""))
    return f"{int(found[1].replace(',', ''))}.{(found[2] or '').ljust(2, '0')}" if found else None


def check(values: Values) -> Problems:
    """What cannot be sent as it is, in plain words."""
    wrong = dict(_wrong(values))
    return Problems("Some of this needs another look." if wrong else "", wrong)


def product_of(values: Values, current: catalog_pb2.Product) -> catalog_pb2.Product:
    """The product that these values make; `current` gives the currency and the sizes of pictures that stay.

    The values must have been checked.
    """
    product = Product(
        display_name=values["display_name"],
        description=values["description"],
        category=values["category"],
        brand=values["brand"],
        sku=values["sku"],
        barcode=values["barcode"],
        item_type=Product.ItemType.Value(_KIND + values["kind"].upper()),
        status=Product.STATUS_DRAFT if values["status"] == "draft" else Product.STATUS_PUBLISHED,
        website_visible=bool(values["visible"]),
        sort_order=int(values["sort_order"] or 0),
    )
    for name, field in (("price", product.price), ("before", product.compare_at_price)):
        if values[name]:
            field.amount, field.currency_code = values[name], current.price.currency_code
    if values["stock"]:
        product.stock_count = int(values["stock"])
    if values["low_stock"]:
        product.low_stock_threshold = int(values["low_stock"])
    sizes = {each.uri: (each.width_pixels, each.height_pixels) for each in current.images}
    for uri, alt in unpack(values["images"]):
        width, height = sizes.get(uri, (0, 0))
        product.images.add(uri=uri, alt_text=alt, width_pixels=width, height_pixels=height)
    return product


def masks(names: Iterable[str]) -> list[str]:
    """The fields of the product that these fields of the form change."""
    return [FIELDS[name].mask for name in names]


def explained(problems: Problems) -> Problems:
    """What the service found wrong, at the fields of the form and in its words."""
    if problems.reason == "SKU_TAKEN":
        told = "Another product of this shop has this SKU. Each product needs its own."
        return Problems("Some of this needs another look.", {"sku": told}, problems.reason)
    by_mask = {field.mask: name for name, field in FIELDS.items()} | {"amount": "price", "uri": "images"}
    fields = {by_mask.get(name, name): _PLAIN_WORDS.get(name, text) for name, text in problems.fields.items()}
    return Problems(problems.general, fields, problems.reason)


_PLAIN_WORDS = {
    "display_name": "Every product needs a name.",
    "stock_count": "Only goods are counted. Empty this, or choose “Goods” as the kind.",
    "compare_at_price": "This must be above the price: it is what the product cost before. Empty it otherwise.",
    "price": "This product has other prices beside this one, so it needs a price.",
}


def _plain_count(text: str) -> str:
    plain = text.replace(",", "").replace(" ", "")
    return str(int(plain)) if _COUNT.fullmatch(plain) else text


def _wrong(values: Values) -> Iterable[tuple[str, str]]:
    if not values.get("display_name", "-"):
        yield "display_name", "Every product needs a name."
    for name in ("price", "before"):
        if (text := values.get(name, "")) and read_amount(text) is None:
            yield name, "Write an amount like 45 or 1,250.50."
    if values.get("before") and not values.get("price", "-"):
        yield "price", "A product that is reduced needs a price."
    for name, least in (("stock", None), ("low_stock", 0), ("sort_order", None)):
        text = values.get(name, "")
        if text and (not _COUNT.fullmatch(text) or (least is not None and int(text) < least)):
            yield name, "Write a whole number, such as 12."
    pictures = unpack(values.get("images", ""))
    if len(pictures) > MAX_PICTURES:
        yield "images", f"There may be {MAX_PICTURES} pictures. Remove {len(pictures) - MAX_PICTURES}."
    elif any(not _WEB_ADDRESS.fullmatch(uri) for uri, _ in pictures):
        yield "images", "The address of a picture begins with https:// and has no spaces."
    if values.get("kind", "product") not in KINDS:
        yield "kind", "Choose one of these kinds."
