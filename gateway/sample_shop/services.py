"""Pictures of what the shop does rather than sells off a shelf: braids, sewing, delivery, cakes, a dyeing class."""

from gateway.sample_shop.cloth import ANKARA, BATIK, ankara, batik, fold
from gateway.sample_shop.packaging import gloss
from gateway.sample_shop.shapes import (
    ball,
    circle,
    cylinder,
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


def _braid(x: float, length: float) -> str:
    """One braid from the crown over the head and down to `length`, at x where it leaves the head."""
    d = f"M{400 + (x - 400) * 0.16:.0f} 160C{400 + (x - 400) * 1.15:.0f} 190 {x:.0f} 330 {x:.0f} 420V{length:.0f}"
    return group(
        line(d, "#1c0f0c", 44),
        line(d, "#5a3626", 27, stroke_dasharray="13 6", stroke_linecap="butt"),
        rect(x - 21, length - 72, 42, 26, side("#e9b93a"), r=6),
    )


def braids() -> str:
    """Knotless braids from behind, gold cuffs in them."""
    skin = "#7a4527"
    blouse = "M130 800C140 690 190 640 250 616Q400 720 550 616C610 640 660 690 670 800Z"
    return frame(
        "rose",
        path("M130 800C136 640 220 584 330 566L346 470H454L470 566C580 584 664 640 670 800Z", side(skin)),
        path(blouse, ANKARA),
        path(blouse, fall("#ffffff", "#0b0b24"), opacity=0.16),
        ellipse(244, 366, 22, 40, ball(skin)),
        ellipse(556, 366, 22, 40, ball(skin)),
        circle(240, 424, 19, "none", stroke="#e9b93a", stroke_width=7),
        circle(560, 424, 19, "none", stroke="#e9b93a", stroke_width=7),
        path(
            "M400 140C510 140 562 230 552 350Q546 420 500 440H300Q254 420 248 350C238 230 290 140 400 140Z", "#2a1712"
        ),
        *(_braid(x, 600 + (140 - abs(x - 400)) * 0.5) for x in (265, 535, 310, 490, 355, 445, 400)),
        circle(400, 168, 26, ball("#3a2119")),
        path(
            "M400 140C510 140 562 230 552 350C500 300 300 300 248 350C238 230 290 140 400 140Z", "#ffffff", opacity=0.07
        ),
        defs=[ankara(0.6)],
    )


def tailoring() -> str:
    """A sewing machine at work on print cloth."""
    body = "#1f2a3a"
    return frame(
        "plum",
        shadow(400, 668, 320, 36),
        rect(110, 600, 580, 56, side("#a9652f"), r=12),
        rect(110, 600, 580, 10, "#ffffff", r=5, opacity=0.25),
        path("M180 556H640V604H160Q160 576 180 556Z", side(body)),
        path(
            "M540 570V400H250Q214 400 214 366V330Q214 290 254 290H590Q640 290 640 340V570Z",
            fall(mix(body, "#ffffff", 0.16), body),
        ),
        path("M222 390H300V478Q300 490 288 490H238Q222 490 222 474Z", fall(mix(body, "#ffffff", 0.1), body)),
        line("M258 490V566", "#c9ced6", 8),
        path("M238 556h42l8 16h-58Z", "#c9ced6"),
        path("M96 572Q180 556 250 570T440 566Q470 570 480 584L470 604Q430 690 300 684T110 660Q70 620 96 572Z", ANKARA),
        path(
            "M96 572Q180 556 250 570T440 566Q470 570 480 584L470 604Q430 690 300 684T110 660Q70 620 96 572Z",
            fall("#ffffff", "#0b0b24"),
            opacity=0.22,
        ),
        fold("M180 580Q150 630 176 668", 16),
        fold("M340 576Q360 630 330 676", 16),
        line("M112 590Q250 570 462 590", "#ffffff", 5, stroke_dasharray="12 9"),
        circle(656, 372, 62, ball("#c9a24a")),
        circle(656, 372, 44, "none", stroke="#7d6020", stroke_width=6),
        circle(656, 372, 14, body),
        rect(446, 232, 50, 60, side("#d9472b"), r=6),
        rect(438, 224, 66, 12, "#f2e3c4", r=5),
        rect(438, 284, 66, 12, "#f2e3c4", r=5),
        line("M450 246Q330 220 262 292L258 500", "#d9472b", 4),
        line("M320 336H520M320 352H470", "#e9c25a", 7),
        path("M560 340q20 -24 40 0q-20 24 -40 0Z", "#e9c25a"),
        line("M272 312Q300 300 420 302", "#ffffff", 8, opacity=0.3),
        defs=[ankara(0.6)],
    )


def _wheel(x: float, y: float) -> str:
    return group(
        circle(x, y, 76, "#22262e"),
        circle(x, y, 50, "#c4cad2"),
        circle(x, y, 40, "#6b727d"),
        circle(x, y, 15, "#e8ecf0"),
        line(f"M{x - 60} {y - 22}Q{x - 44} {y - 54} {x - 12} {y - 62}", "#ffffff", 6, opacity=0.25),
    )


def delivery() -> str:
    """A delivery scooter with a box on its back, on its way."""
    red = "#d9472b"
    return frame(
        "lagoon",
        shadow(400, 668, 320, 30),
        line("M40 420H150M70 480H168M30 540H120", "#ffffff", 13, opacity=0.75),
        _wheel(244, 590),
        _wheel(592, 590),
        line("M592 590L530 330", "#7d858f", 20),
        path("M520 590A78 78 0 0 1 664 560L640 546Q600 500 552 540Z", side(red)),
        path(
            "M150 560Q160 470 250 460H396Q420 470 424 540H500Q520 440 506 360L560 350Q580 470 552 556"
            "Q546 592 510 592H330A90 90 0 0 0 160 590Q146 580 150 560Z",
            side(red),
        ),
        path("M500 380Q516 450 500 540L478 540Q500 450 486 384Z", "#f7d9a0"),
        path("M210 458Q214 424 250 424H400Q426 430 410 462Z", side("#3a2a22")),
        circle(560, 380, 26, "#fff2c2", stroke="#c9ced6", stroke_width=7),
        line("M530 336Q500 318 456 330", "#22262e", 17),
        line("M532 332L548 280", "#7d858f", 8),
        ellipse(552, 268, 28, 20, ball("#9aa3ad")),
        rect(130, 214, 232, 212, side("#f0b93f"), r=20),
        rect(130, 214, 232, 50, "#ffffff", r=20, opacity=0.3),
        line("M130 272H362", "#b27d16", 6),
        path(
            "M246 296C284 296 298 328 290 350C282 372 260 388 246 406C232 388 210 372 202 350C194 328 208 296 246 296Z",
            side(red),
        ),
        circle(246, 340, 18, "#ffffff"),
        gloss(144, 240, 12, 160),
        rect(140, 420, 212, 16, "#5b4a3a", r=6),
    )


def cake() -> str:
    """A two-tier birthday cake with candles."""
    drip = (
        "M180 480Q400 530 620 480V520q-10 34 -34 8q-16 40 -44 10q-18 46 -50 10q-24 36 -50 4"
        "q-24 44 -54 4q-24 40 -54 -2q-26 36 -50 -6q-26 26 -44 -10q-30 20 -40 -16Z"
    )
    candles = "".join(
        group(
            rect(x - 7, 224, 14, 84, side(color), r=5),
            path(f"M{x} 176q20 26 0 44q-20 -18 0 -44Z", fall("#ffe68a", "#f08a24")),
        )
        for x, color in ((320, "#4fa39a"), (373, "#e8a92f"), (427, "#d9472b"), (480, "#8f76ad"))
    )
    dots = "".join(
        circle(x, y, 8, ("#e8a92f", "#4fa39a", "#d9472b")[n % 3])
        for n, (x, y) in enumerate((206 + n * 30, 580 + n % 2 * 34) for n in range(14))
    )
    return frame(
        "rose",
        shadow(400, 676, 290, 34),
        ellipse(400, 664, 290, 38, "#d9cfc4"),
        ellipse(400, 654, 290, 38, "#fbf7f0"),
        cylinder(400, 490, 640, 440, side("#fff0dc"), tilt=0.1),
        dots,
        ellipse(400, 490, 220, 40, "#f3a9b6"),
        path(drip, side("#f3a9b6")),
        cylinder(400, 320, 476, 280, side("#f7c7cf"), tilt=0.1),
        ellipse(400, 320, 140, 26, "#fff6ea"),
        path(
            "M260 318Q400 356 540 318V350q-10 26 -28 6q-12 30 -34 8q-18 30 -40 6q-20 34 -42 2"
            "q-18 30 -42 0q-18 26 -36 -4q-22 26 -36 -6q-28 18 -42 -14Z",
            side("#fff6ea"),
        ),
        candles,
        *(circle(x, 468 + (400 - abs(x - 400)) * 0.06 - 6, 17, ball("#fff6ea")) for x in range(262, 540, 34)),
        *(circle(x, 650 + (220 - abs(x - 400)) * 0.07 - 6, 17, ball("#fff6ea")) for x in range(196, 606, 45)),
    )


def dyeing_class() -> str:
    """A batik class: cloth on its frame, a pot of dye, a carved stamp."""
    return frame(
        "lagoon",
        shadow(400, 668, 320, 36),
        line("M206 200L150 660M534 200L590 660", "#7d4a1e", 22),
        rect(170, 176, 400, 330, "#fbf6e8", r=6),
        path("M170 176H570V392Q500 430 430 396T290 404T170 392Z", BATIK),
        path("M170 176H570V506H170Z", fall("#ffffff", "#0b2030"), opacity=0.14),
        line("M236 412v34M322 410v54M456 420v40M520 414v22", "#236a86", 12),
        rect(150, 154, 440, 28, fall("#c98a4c", "#8a5526"), r=10),
        rect(150, 500, 440, 28, fall("#c98a4c", "#8a5526"), r=10),
        cylinder(596, 540, 656, 210, side("#d3703f"), foot=170),
        ellipse(596, 540, 105, 22, "#e79a6c"),
        ellipse(596, 542, 92, 17, fall("#123f54", "#2a7a9a")),
        line("M620 540L690 380", "#c98a4c", 15),
        line("M562 566Q556 600 566 620", "#236a86", 13),
        put(
            group(
                rect(-62, -22, 124, 54, side("#a9652f"), r=8),
                rect(-20, -92, 40, 76, side("#c98a4c"), r=14),
                line("M-44 6a12 12 0 0 1 22 0a12 12 0 0 1 22 0a12 12 0 0 1 22 0a12 12 0 0 1 22 0", "#f2d3a0", 6),
            ),
            280,
            636,
            -4,
        ),
        ellipse(404, 676, 46, 11, "#236a86"),
        ellipse(458, 688, 18, 6, "#236a86"),
        defs=[batik(0.9)],
    )
