"""Products: found, changed, published, deleted and brought back."""

import asyncio
import secrets
from collections.abc import Mapping
from typing import TypeVar

import grpc
from google.protobuf.field_mask_pb2 import FieldMask
from sedifex.catalog.v1 import catalog_pb2
from starlette.responses import Response

from gateway.admin import product_forms
from gateway.admin.family import Family, Nav
from gateway.admin.forms import NO_PROBLEMS, Problems, problems_of
from gateway.admin.product_forms import FIELDS, QUICK, Values
from gateway.admin.protection import safe_path
from gateway.admin.visit import Visit
from services.common.status import info_of

family = Family("products", "/products", Nav("Products", "box", "Shop", on_bar=True))

Product = catalog_pb2.Product

PAGE_SIZE = 30
CATEGORIES_FROM = 200
"""How many products are looked through for the categories that a shop uses."""
MAX_CHOSEN = 200
MAX_TRIES = 3
"""How often a change is tried again when somebody else is quicker each time."""
ORDERS = {
    "": "As in the shop",
    "displayName": "Name",
    "price": "Price, lowest first",
    "price desc": "Price, highest first",
    "createTime desc": "Newest first",
}
STOCKS = {"": "In stock or not", "yes": "Can be had", "no": "Out of stock"}
STATES = {"": "All but deleted", "published": "Published", "draft": "Drafts", "deleted": "Deleted too"}
FILTERS = ("q", "category", "kind", "stock", "state", "order")

Answer = TypeVar("Answer")


@family.get(needs="CatalogService.ListProducts")
async def list_products(visit: Visit) -> Response:
    """The shop's products, filtered and in order."""
    found, categories = await asyncio.gather(
        visit.services.catalog.ListProducts(_listing(visit)), _list_categories(visit)
    )
    chosen = {name: visit.query(name) for name in FILTERS}
    if chosen["category"] and chosen["category"] not in categories:
        categories = [chosen["category"], *categories]
    return visit.show(
        "products/list.html",
        pictures=True,
        products=found.products,
        next_token=found.next_page_token,
        chosen=chosen,
        is_filtered=any(chosen[name] for name in FILTERS if name != "order"),
        category_choices=[("", "All categories"), *((each, each) for each in categories)],
        kinds=product_forms.KINDS,
        kind_of=product_forms.kind_of,
        stocks=STOCKS,
        states=STATES,
        orders=ORDERS,
        was_of=lambda product: product_forms.pack_values(product_forms.values_of(product, QUICK)),
    )


@family.get("/new", needs="CatalogService.CreateProduct")
async def show_new(visit: Visit) -> Response:
    """The form of a product that is to be."""
    return await _show_new(visit, product_forms.new_values(), secrets.token_urlsafe(16))


@family.post("/new", needs="CatalogService.CreateProduct")
async def create(visit: Visit) -> Response:
    """Adds a product."""
    values, request_id = product_forms.sent_values(visit.form), visit.form["request_id"]
    problems = product_forms.check(values)
    if not problems:
        product = product_forms.product_of(values, Product())
        request = catalog_pb2.CreateProductRequest(parent=visit.store.name, product=product, request_id=request_id)
        try:
            made = (await visit.services.catalog.CreateProduct(request)).product
        except grpc.aio.AioRpcError as error:
            problems = product_forms.explained(problems_of(error))
        else:
            return visit.go(visit.at("products"), f"“{made.display_name}” is in your shop.")
    return await _show_new(visit, values, request_id, problems)


@family.post("/bulk", needs="CatalogService.BatchUpsertProducts")
async def change_many(visit: Visit) -> Response:
    """Publishes or hides the products that were ticked."""
    chosen = visit.form.all("chosen")[:MAX_CHOSEN]
    back = safe_path(visit.form["back"], visit.at("products"))
    if not chosen:
        return visit.go(back, "Tick the products first.", "warning")
    is_published = visit.form["to"] == "published"
    status = Product.STATUS_PUBLISHED if is_published else Product.STATUS_DRAFT
    rows = [Product(name=f"{visit.store.name}/products/{each}", status=status) for each in chosen]
    request = catalog_pb2.BatchUpsertProductsRequest(parent=visit.store.name, products=rows)
    counts = await visit.services.catalog.BatchUpsertProducts(request)
    done = counts.updated_count + counts.unchanged_count
    what = "published" if is_published else "drafts now: only your shop sees them"
    if counts.invalid_count:
        return visit.go(back, f"{done} of {len(chosen)} are {what}. The others are gone or not complete.", "warning")
    return visit.go(back, f"{done} {'product is' if done == 1 else 'products are'} {what}.")


@family.get("/{id}", needs="CatalogService.GetProduct")
async def show_product(visit: Visit) -> Response:
    """One product, to be changed by those who may."""
    product = await _get(visit)
    return await _show_product(visit, product, product_forms.values_of(product))


@family.post("/{id}", needs="CatalogService.UpdateProduct")
async def save(visit: Visit) -> Response:
    """Changes what was changed in the form; where somebody else has changed the same, shows both."""
    was = product_forms.unpack_values(visit.form["was"])
    if was is None:
        return visit.go(visit.request.url.path, "The form could not be read. Please try again.", "warning")
    wanted = product_forms.sent_values(visit.form, was)
    product, back = await _get(visit), safe_path(visit.form["back"], visit.at("products"))
    changed = {name: value for name, value in wanted.items() if value != was[name]}
    full = product_forms.values_of(product) | changed
    if not changed:
        return visit.go(back, "Nothing was changed.", "info")
    if problems := product_forms.check(changed | {"price": full["price"]}):
        # What cannot be read is shown as it was typed, over what the product is now.
        return await _show_product(visit, product, full, _still(was, changed, product), problems=problems)
    return await _save_changes(visit, product, was, changed, back)


@family.post("/{id}/status", needs="CatalogService.UpdateProduct")
async def change_status(visit: Visit) -> Response:
    """Publishes a product, or makes it a draft again."""
    is_published = visit.form["to"] == "published"
    product = Product(
        name=visit.name("products"), status=Product.STATUS_PUBLISHED if is_published else Product.STATUS_DRAFT
    )
    paths = ["status"]
    if is_published:  # who presses "Publish" wants it to be seen
        product.website_visible = True
        paths.append("website_visible")
    request = catalog_pb2.UpdateProductRequest(product=product, update_mask=FieldMask(paths=paths))
    name = (await visit.services.catalog.UpdateProduct(request)).product.display_name
    told = f"“{name}” is published." if is_published else f"“{name}” is a draft now: only your shop sees it."
    return visit.go(visit.at("products", visit.request.path_params["id"]), told)


@family.post("/{id}/delete", needs="CatalogService.DeleteProduct")
async def delete(visit: Visit) -> Response:
    """Deletes a product, and offers to bring it back."""
    name = (await _get(visit)).display_name
    await visit.services.catalog.DeleteProduct(catalog_pb2.DeleteProductRequest(name=visit.name("products")))
    gone = visit.request.path_params["id"]
    return visit.go(f"{visit.at('products')}?deleted={gone}", f"“{name}” is deleted.")


@family.post("/{id}/undelete", needs="CatalogService.UndeleteProduct")
async def undelete(visit: Visit) -> Response:
    """Brings a deleted product back."""
    request = catalog_pb2.UndeleteProductRequest(name=visit.name("products"))
    try:
        product = (await visit.services.catalog.UndeleteProduct(request)).product
    except grpc.aio.AioRpcError as error:
        return visit.go(visit.at("products"), problems_of(error).general, "danger")
    return visit.go(visit.at("products", visit.request.path_params["id"]), f"“{product.display_name}” is back.")


# Listing


def _listing(visit: Visit) -> catalog_pb2.ListProductsRequest:
    """What the filters in the address ask for; what they do not know is no filter."""
    kind, stock, state, order = (visit.query(name) for name in ("kind", "stock", "state", "order"))
    request = catalog_pb2.ListProductsRequest(
        parent=visit.store.name,
        page_size=PAGE_SIZE,
        page_token=visit.query("page"),
        query=visit.query("q")[:200],
        category=visit.query("category")[:100],
        order_by=order if order in ORDERS else "",
        show_deleted=state == "deleted",
    )
    if kind in product_forms.KINDS:
        request.type = Product.ItemType.Value(f"ITEM_TYPE_{kind.upper()}")
    if stock in {"yes", "no"}:
        request.in_stock = stock == "yes"
    if state in {"published", "draft"}:
        request.status = Product.STATUS_DRAFT if state == "draft" else Product.STATUS_PUBLISHED
    return request


async def _list_categories(visit: Visit) -> list[str]:
    """The categories of the shop's first products; no more than that is looked through."""
    request = catalog_pb2.ListProductsRequest(parent=visit.store.name, page_size=CATEGORIES_FROM)
    found = await visit.services.catalog.ListProducts(request)
    return sorted({each.category for each in found.products if each.category}, key=str.casefold)


# One product


async def _get(visit: Visit) -> catalog_pb2.Product:
    request = catalog_pb2.GetProductRequest(name=visit.name("products"))
    return (await visit.services.catalog.GetProduct(request)).product


async def _show_product(
    visit: Visit,
    product: catalog_pb2.Product,
    values: Values,
    was: Values | None = None,
    *,
    problems: Problems = NO_PROBLEMS,
    conflicts: Mapping[str, str] | None = None,
) -> Response:
    """The product's page. `was`: what the form is to be compared with; `conflicts`: what others have made of fields."""
    return visit.show(
        "products/product.html",
        409 if conflicts else 400 if problems else 200,
        pictures=True,
        product=product,
        values=values,
        was=product_forms.pack_values(was or values),
        problems=problems,
        conflicts=conflicts or {},
        **await _form_context(visit, values),
    )


async def _show_new(visit: Visit, values: Values, request_id: str, problems: Problems = NO_PROBLEMS) -> Response:
    return visit.show(
        "products/new.html",
        400 if problems else 200,
        pictures=True,
        values=values,
        request_id=request_id,
        problems=problems,
        conflicts={},
        **await _form_context(visit, values),
    )


async def _form_context(visit: Visit, values: Values) -> dict[str, object]:
    return {
        "fields": FIELDS,
        "images": product_forms.unpack(values["images"]),
        "max_pictures": product_forms.MAX_PICTURES,
        "unpack": product_forms.unpack,
        "kinds": product_forms.KINDS,
        "categories": await _list_categories(visit),
    }


async def _save_changes(
    visit: Visit, product: catalog_pb2.Product, was: Values, changed: dict[str, str], back: str
) -> Response:
    for _ in range(MAX_TRIES):
        now = product_forms.values_of(product)
        conflicts = {name: now[name] for name in changed if now[name] not in {was[name], changed[name]}}
        full = now | changed
        if conflicts:
            return await _show_product(visit, product, full, now, conflicts=conflicts)
        wanted = product_forms.product_of(full, product)
        wanted.name, wanted.etag = product.name, product.etag
        mask = FieldMask(paths=product_forms.masks(changed))
        try:
            request = catalog_pb2.UpdateProductRequest(product=wanted, update_mask=mask)
            saved = (await visit.services.catalog.UpdateProduct(request)).product
        except grpc.aio.AioRpcError as error:
            if info_of(error).reason == "ETAG_MISMATCH":
                product = await _get(visit)
                continue
            problems = product_forms.explained(problems_of(error))
            return await _show_product(visit, product, full, _still(was, changed, product), problems=problems)
        return visit.go(back, f"“{saved.display_name}” is saved.")
    problems = Problems("Others change this product all the time. Try again in a moment.")
    return await _show_product(visit, product, full, _still(was, changed, product), problems=problems)


def _still(was: Values, changed: Values, product: catalog_pb2.Product) -> dict[str, str]:
    """What a form is compared with that has to be sent again: what somebody else does to its fields must be noticed."""
    return product_forms.values_of(product) | {name: was[name] for name in changed}
