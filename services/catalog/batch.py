"""Many products at a time: every valid row is written, in one transaction, and each row hears what became of it.

Rows count in the order given, as if each were a call of its own: a later row sees what an earlier one has done. What is
written is where each product ends, once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from services.catalog import queries, writing
from services.catalog.products import Occasion
from services.catalog.queries import Product, Store
from services.common.errors import FieldViolation, InvalidArgument

Outcome = Literal["created", "updated", "unchanged", "invalid"]


@dataclass(frozen=True)
class Problem:
    """Something that is wrong with a row."""

    field: str
    description: str
    reason: str


@dataclass(frozen=True)
class Row:
    """A wish for one product, or what is wrong with it."""

    product_id: str = ""
    """Empty: the product that has the sku, or a new one."""
    values: Mapping[str, Any] | None = None
    """New values by the names of `Product`'s fields."""
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Result:
    """What became of a row."""

    outcome: Outcome
    product_id: str = ""
    etag: str = ""
    problems: tuple[Problem, ...] = ()


def upsert_products(
    store_id: str,
    rows: Sequence[Row],
    occasion: Occasion,
    new_product_id: Callable[[], str],
    *,
    dry_run: bool,
) -> list[Result]:
    """Creates and changes products; `dry_run`: only says what would become of each row.

    Raises:
        NotFound: there is no such store.
    """
    batch = _Batch(writing.open_store(store_id), rows, occasion, new_product_id)
    results = [batch.take(row) for row in rows]
    if dry_run:
        return results
    etags = batch.save()
    return [replace(each, etag=etags.get(each.product_id, each.etag)) for each in results]


def problem_of(violation: FieldViolation, reason: str) -> Problem:
    """What is wrong, with the field as the row has it."""
    return Problem(violation.field.removeprefix("product."), violation.description, reason)


class _Batch:
    """The products that rows speak of, as the rows have made them so far."""

    def __init__(
        self, store: Store, rows: Sequence[Row], occasion: Occasion, new_product_id: Callable[[], str]
    ) -> None:
        self._store = store
        self._occasion = occasion
        self._new_product_id = new_product_id
        ids = {row.product_id for row in rows if row.product_id}
        skus = {row.values["sku"] for row in rows if row.values and row.values.get("sku")}
        self._before: dict[str, Product] = {each.id: each for each in queries.find_products(store.id, ids, skus)}
        self._now = dict(self._before)
        self._holders = {each.sku: each.id for each in self._before.values() if each.sku and not each.delete_time}

    def take(self, row: Row) -> Result:
        """Applies a row, if it is valid."""
        if row.values is None or row.problems:
            return Result("invalid", problems=row.problems)
        sku = row.values.get("sku") or ""
        product_id = row.product_id or self._holders.get(sku) or self._new_product_id()
        present = self._now.get(product_id)
        if present is not None and present.delete_time is not None:
            present = None  # it begins anew
        start = present or writing.new_product(self._store, product_id, self._occasion.now)
        try:
            wanted = writing.checked(self._store, replace(start, **row.values))
        except InvalidArgument as refusal:
            return Result("invalid", problems=tuple(problem_of(each, refusal.reason) for each in refusal.violations))
        if wanted.sku and self._holders.get(wanted.sku, product_id) != product_id:
            return Result("invalid", problems=(_sku_taken(wanted.sku),))
        if wanted == present:
            return Result("unchanged", product_id, wanted.etag)
        self._put(wanted)
        return Result("updated" if present else "created", product_id)

    def save(self) -> dict[str, str]:
        """Writes what has changed; answers the etags by product."""
        changes = [
            (self._before.get(name), product)
            for name, product in self._now.items()
            if product != self._before.get(name)
        ]
        if not changes:
            return {}
        # Where a sku goes from one product to another, neither may meet the other's on the way.
        held = {before.sku: before.id for before, _ in changes if before is not None and before.sku}
        if any(after.sku and held.get(after.sku, after.id) != after.id for _, after in changes):
            queries.release_skus(self._store.id, list(held.values()))
        saved = writing.save(self._store, changes, self._occasion.new_event_id, self._occasion.now)
        return {product.id: product.etag for product in saved}

    def _put(self, product: Product) -> None:
        present = self._now.get(product.id)
        if present is not None and present.sku and self._holders.get(present.sku) == product.id:
            del self._holders[present.sku]
        if product.sku:
            self._holders[product.sku] = product.id
        self._now[product.id] = product


def _sku_taken(sku: str) -> Problem:
    return Problem("sku", f"another product of this store has {sku}; a sku names one product only", "SKU_TAKEN")
