"""A file speaks of each product once. Were it to do so twice, importing it again would change what it says twice."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from services.catalog.importing.wishes import RowProblem, Wish


def without_repeats(wishes: Iterable[Wish], columns: Mapping[str, str]) -> Iterator[Wish]:
    """The wishes; one for what an earlier row has spoken of already is told which row that was. `columns` are the
    file's own names for "id", "sku" and "name".

    Holds a number for each name, sku and id of the file: some twenty megabytes for the largest one.
    """
    seen: dict[int, int] = {}
    for wish in wishes:
        if wish.problems:
            yield wish
            continue
        keys = {kind: hash((kind, value)) for kind, value in _named(wish).items()}
        earlier = {kind: seen[key] for kind, key in keys.items() if key in seen}
        told = next((kind for kind in ("id", "sku", "name") if kind in earlier and _tells(kind, wish)), None)
        if told:
            yield replace(wish, problems=(_repeat(wish, told, earlier[told], columns),))
            continue
        for key in keys.values():
            seen.setdefault(key, wish.row)
        yield replace(wish, is_name_taken=True) if "name" in earlier else wish


def _named(wish: Wish) -> dict[str, str]:
    every = {"id": wish.product_id, "sku": wish.sku, "name": wish.name}
    return {kind: value for kind, value in every.items() if value}


def _tells(kind: str, wish: Wish) -> bool:
    """Whether the row is told from others by this: two products may have a name together if they have skus."""
    return kind != "name" or not (wish.sku or wish.product_id)


def _repeat(wish: Wish, kind: str, row: int, columns: Mapping[str, str]) -> RowProblem:
    remedy = "Give each a SKU of its own, or remove one" if kind == "name" else "Remove one of the two"
    return RowProblem(wish.row, columns.get(kind, ""), _named(wish)[kind], f"stands in row {row} already. {remedy}")
