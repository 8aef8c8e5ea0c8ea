"""Draws every picture of the sample shop: `python gateway/sample_shop/draw.py` rewrites `images/`, always the same."""

from collections.abc import Callable
from pathlib import Path

from gateway.sample_shop import care, drinks, fashion, gadgets, household, pantry, produce, services

IMAGES = Path(__file__).parent / "images"

DRAWINGS: dict[str, Callable[[], str]] = {
    "gari.svg": pantry.gari,
    "shito.svg": pantry.shito,
    "milo-tin.svg": drinks.milo,
    "water-bag.svg": drinks.water_bag,
    "water-sachet.svg": drinks.water_sachet,
    "palm-oil.svg": pantry.palm_oil,
    "groundnut-paste.svg": pantry.groundnut_paste,
    "jasmine-rice.svg": pantry.rice,
    "sobolo.svg": drinks.sobolo,
    "kontomire.svg": produce.kontomire,
    "ripe-plantain.svg": produce.plantain,
    "eggs-crate.svg": produce.eggs,
    "butter-bread.svg": produce.bread,
    "shea-butter.svg": care.shea_tub,
    "shea-butter-raw.svg": care.shea_bowl,
    "black-soap.svg": care.black_soap,
    "coconut-oil.svg": care.coconut_oil,
    "ankara-folded.svg": fashion.ankara_stack,
    "ankara-print.svg": fashion.ankara_spread,
    "kente-cloth.svg": fashion.kente_cloth,
    "batik-shirt.svg": fashion.batik_shirt,
    "ahenema-sandals.svg": fashion.sandals,
    "krobo-beads.svg": fashion.beads,
    "braiding-hair.svg": care.hair_extension,
    "wooden-comb.svg": care.comb,
    "kente-stole.svg": fashion.kente_stole,
    "wall-charger.svg": gadgets.charger,
    "power-bank.svg": gadgets.power_bank,
    "earphones.svg": gadgets.earphones,
    "airtime.svg": gadgets.airtime,
    "coal-pot.svg": household.coal_pot,
    "asanka.svg": household.asanka,
    "bolga-basket.svg": household.basket,
    "solar-lantern.svg": household.lantern,
    "knotless-braids.svg": services.braids,
    "tailoring.svg": services.tailoring,
    "delivery.svg": services.delivery,
    "birthday-cake.svg": services.cake,
    "batik-class.svg": services.dyeing_class,
}


def main() -> None:
    """Write each picture of the table, and remove pictures that the table no longer has."""
    IMAGES.mkdir(exist_ok=True)
    for stale in {file.name for file in IMAGES.glob("*.svg")} - DRAWINGS.keys():
        (IMAGES / stale).unlink()
    for name, draw in DRAWINGS.items():
        (IMAGES / name).write_text(draw(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
