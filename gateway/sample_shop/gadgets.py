"""Pictures of phones and what belongs to them."""

from gateway.sample_shop.packaging import gloss
from gateway.sample_shop.shapes import (
    ball,
    circle,
    ellipse,
    fall,
    frame,
    group,
    line,
    mix,
    path,
    put,
    rect,
    shadow,
    side,
)

CORD = "#f3f1ec"


def _cord(d: str, color: str = CORD, width: float = 13) -> str:
    """A round cable along d, with its shade below and its light above."""
    return line(d, mix(color, "#1a2030", 0.45), width) + line(d, color, width * 0.62, transform="translate(-1 -2)")


def _usb_c() -> str:
    """A USB-C plug about the origin, pointing up."""
    return group(
        rect(-13, -56, 26, 34, side("#c3c9d0"), r=9),
        line("M-4 -46V-34", "#7c848e", 3),
        rect(-21, -26, 42, 62, side(CORD), r=10),
        rect(-8, 34, 16, 26, side("#d8d5cd"), r=5),
    )


def charger() -> str:
    """A white three-pin wall charger with its USB-C cable."""
    cable = "M424 560C460 700 640 690 650 590S540 500 540 590S660 660 690 560S640 400 600 352"
    pin = side("#c9b27a")
    return frame(
        "sky",
        shadow(316, 656, 200),
        shadow(590, 668, 140, 22),
        _cord(cable),
        put(_usb_c(), 590, 330, -22, 1.2),
        rect(296, 202, 40, 90, pin, r=6),
        rect(222, 250, 48, 60, pin, r=5),
        rect(362, 250, 48, 60, pin, r=5),
        rect(300, 206, 32, 40, "#4a4e58", r=4),
        path("M176 330Q176 292 214 292H418Q456 292 456 330V610Q456 652 414 652H218Q176 652 176 610Z", side("#f6f4ef")),
        path("M176 330Q176 292 214 292H418Q456 292 456 330V346Q316 366 176 346Z", "#ffffff", opacity=0.8),
        path("M328 410L270 506H312L296 580L364 474H320Z", "#f0a62c"),
        rect(388, 540, 68, 34, "#d5d2ca", r=14),
        rect(404, 548, 34, 18, "#3c4250", r=9),
        circle(316, 622, 8, "#57c46c"),
        gloss(194, 360, 14, 220),
    )


def power_bank() -> str:
    """A power bank with its charge lights, feeding a short cable."""
    return frame(
        "lagoon",
        shadow(366, 660, 230),
        _cord("M366 214C366 90 560 90 580 220S500 400 590 470S700 560 640 618", "#2f3540"),
        put(_usb_c(), 620, 640, 208, 1),
        rect(222, 222, 288, 434, side("#26323f"), r=44),
        rect(236, 236, 260, 406, fall("#3d5163", "#1f2933"), r=34),
        path(
            "M236 480Q366 400 496 470V608Q496 642 462 642H270Q236 642 236 608Z",
            fall("#e8852c", "#c85a1e"),
            opacity=0.95,
        ),
        path("M236 500Q366 420 496 492V512Q366 440 236 522Z", "#f7c35a"),
        rect(338, 210, 56, 22, "#11161c", r=9),
        rect(264, 210, 44, 16, "#11161c", r=7),
        *(circle(x, 290, 10, "#7fe0a4") for x in (290, 322, 354)),
        circle(386, 290, 10, "#4b5e6d"),
        circle(452, 290, 19, ball("#52677a")),
        path("M376 340L330 414H362L350 468L404 390H370Z", "#f4f1e8"),
        gloss(252, 270, 12, 300),
    )


def earphones() -> str:
    """Wired earphones, their cable in a loose loop."""
    bud = group(
        rect(-15, 10, 30, 96, side("#f6f4ef"), r=14),
        circle(0, 0, 46, ball("#f6f4ef")),
        ellipse(-30, -4, 22, 30, ball("#3c4250")),
        ellipse(-34, -6, 10, 16, "#8b94a3"),
        rect(-15, 74, 30, 12, "#e2563a"),
    )
    return frame(
        "rose",
        shadow(400, 672, 270, 34),
        _cord("M230 396C236 470 380 470 400 540"),
        _cord("M572 386C560 470 420 470 400 540"),
        _cord("M400 540C420 660 640 690 650 580S500 520 420 600S190 700 170 580S250 480 250 570S200 660 164 676"),
        rect(384, 516, 32, 64, side("#e2563a"), r=14),
        put(rect(-13, -35, 26, 70, side("#f6f4ef"), r=12) + line("M0 -12v6M0 8v6", "#8b94a3", 6), 290, 452, -62),
        put(bud, 262, 274, 14, 1.25),
        put(group(bud, transform="scale(-1 1)"), 540, 264, -14, 1.25),
        put(
            group(
                rect(-40, -11, 46, 22, side("#e2563a"), r=8),
                path("M-40 -7H-96L-104 0L-96 7H-40Z", "#c9b27a"),
                line("M-60 -7V7M-78 -7V7", "#4a4e58", 4),
            ),
            160,
            676,
            -8,
        ),
    )


def phone(screen: str, *shown: str) -> str:
    """A smartphone about the origin, 250 × 480, with what its screen shows."""
    return group(
        rect(-125, -240, 250, 480, side("#2a2f3a"), r=38),
        rect(-112, -226, 224, 452, screen, r=28),
        *shown,
        rect(-34, -216, 68, 16, "#12151b", r=8),
        path("M-112 -198Q-112 -226 -84 -226H20L-112 40Z", "#ffffff", opacity=0.12),
    )


def airtime() -> str:
    """A phone whose credit is being topped up, with signal waves and coins."""
    coin = group(
        ellipse(0, 10, 46, 20, "#a86f14"),
        ellipse(0, 0, 46, 20, "#f4c542"),
        ellipse(0, 0, 32, 13, "none", stroke="#c98d1c", stroke_width=5),
    )
    bars = "".join(rect(-62 + n * 36, 10 - n * 26, 24, 40 + n * 26, "#ffffff", r=7) for n in range(4))
    return frame(
        "maize",
        shadow(392, 660, 200),
        line(
            "M576 250a86 86 0 0 1 0 120M620 206a150 150 0 0 1 0 208M664 164a210 210 0 0 1 0 292",
            "#e2563a",
            20,
            opacity=0.9,
        ),
        put(
            phone(
                fall("#1f8a6b", "#0f5a4c"),
                put(bars, 0, -110),
                rect(-84, -10, 168, 86, "#ffffff", r=18, opacity=0.95),
                line("M-56 20H10M-56 46H40", "#1f8a6b", 11),
                *(circle(x, y, 15, "#ffffff", opacity=0.35) for y in (118, 158, 198) for x in (-54, 0, 54)),
            ),
            390,
            414,
            -5,
        ),
        circle(500, 560, 66, ball("#f0a62c")),
        line("M500 526V594M466 560H534", "#ffffff", 17),
        shadow(224, 676, 90, 18),
        *(put(coin, x, y) for x, y in ((206, 668), (212, 642), (204, 616), (290, 684))),
    )
