"""Pictures of packed groceries and sauces."""

from gateway.sample_shop.packaging import KRAFT, bottle, bowl, heap, jar, label, sack
from gateway.sample_shop.shapes import (
    ball,
    circle,
    ellipse,
    frame,
    group,
    line,
    mix,
    path,
    put,
    rect,
    scatter,
    shadow,
    side,
)


def chilli() -> str:
    """A red pepper about the origin, 150 long, its stalk to the upper left."""
    return group(
        path(
            "M-66 -22C-40 -40 -10 -30 20 -8C40 8 62 18 82 14C60 38 16 38 -18 22C-50 8 -76 -6 -66 -22Z", ball("#d3261f")
        ),
        path("M-70 -34Q-48 -38 -46 -24Q-54 -6 -68 -8Q-82 -20 -70 -34Z", "#4f8a3a"),
        line("M-70 -24Q-88 -30 -92 -48", "#4f8a3a", 8),
        line("M-36 -18Q0 -8 30 12", "#ffffff", 5, opacity=0.45),
    )


def peanut() -> str:
    """A groundnut in its shell about the origin, 110 long."""
    dents = "M-34 -14q8 12 0 26M-16 -18q6 14 2 30M20 -18q8 14 2 32M38 -12q6 12 0 24"
    return group(
        path("M-54 0C-54 -34 -20 -32 0 -20C22 -36 56 -34 56 0C56 34 20 34 0 20C-22 32 -54 32 -54 0Z", ball("#d7a765")),
        line(dents, "#a8743a", 4, opacity=0.7),
    )


def palm_nut() -> str:
    """A ripe palm fruit about the origin, 64 high."""
    return group(
        path("M0 -34C26 -26 30 22 0 32C-30 22 -26 -26 0 -34Z", ball("#c5321c")),
        path("M0 -36C16 -30 20 -14 14 -6Q0 -16 -14 -6C-20 -14 -16 -30 0 -36Z", "#3b1511"),
    )


def gari() -> str:
    """White gari in a clear bag with a knot, and a bowl of it."""
    grain = "#f6ebcb"
    bag = (
        "M372 268C300 310 212 400 214 530C215 610 226 650 262 652H520C556 650 566 610 566 530C566 400 478 310 412 268Z"
    )
    return frame(
        "maize",
        shadow(400, 652, 270),
        path(bag, "#ffffff", opacity=0.55),
        path("M226 470Q290 384 392 392T556 462C564 560 556 640 518 642H264C226 640 218 560 226 470Z", side("#eedcae")),
        group(*(circle(x, y, 3.5, "#cfb37a") for x, y in scatter(26, 244, 440, 180, 180)), opacity=0.8),
        path(
            "M374 262C360 220 330 200 316 176Q352 190 372 180Q394 166 412 182Q436 190 468 174C446 206 424 224 410 262Z",
            "#ffffff",
            opacity=0.8,
        ),
        rect(366, 252, 52, 24, side("#c8352b"), r=10),
        line(
            "M380 288C340 330 290 370 268 440M404 288C430 330 440 380 436 424M420 290C470 330 510 380 522 436",
            "#ffffff",
            7,
            opacity=0.75,
        ),
        shadow(545, 668, 150, 26),
        bowl(545, 560, 230, 105, "#9a5a2c", inside=grain),
        heap(545, 562, 200, 78, grain),
        group(*(circle(x, y, 3, "#c9a968") for x, y in scatter(14, 490, 505, 105, 60))),
        line("M425 556Q500 590 545 584T664 558", "#ffffff", 4, opacity=0.25),
    )


def shito() -> str:
    """Black pepper sauce in a jar, with the peppers that make it."""
    return frame(
        "clay",
        shadow(390, 652, 220),
        jar(390, 650, 300, 380, "#3d1a10", lid="#c9342a"),
        line("M262 340Q390 372 518 338", "#d9621e", 9, opacity=0.55),
        label(390, 500, 268, 190, KRAFT, put(chilli(), 392, 468, -8, 1.05)),
        shadow(560, 668, 120, 20),
        put(chilli(), 560, 634, 8, 1.2),
        put(chilli(), 610, 662, -14, 0.9),
        put(chilli(), 196, 660, 160, 0.8),
    )


def palm_oil() -> str:
    """Red palm oil in a bottle, with palm nuts."""
    nuts = (
        (510, 584, 4, 1.3),
        (572, 590, -10, 1.35),
        (484, 638, -14, 1.35),
        (544, 640, 8, 1.4),
        (606, 642, 22, 1.3),
        (668, 664, 66, 1.15),
        (196, 664, -60, 1.15),
    )
    return frame(
        "maize",
        shadow(360, 654, 200),
        bottle(360, 652, 250, 470, "#d8401c", cap="#f2b632"),
        rect(238, 392, 244, 10, "#f08a3c", opacity=0.5),
        label(360, 520, 246, 170, "#fbe9b7", put(palm_nut(), 326, 500, -18, 1.2), put(palm_nut(), 392, 500, 18, 1.2)),
        shadow(560, 672, 140, 22),
        path("M470 600Q520 520 640 500Q600 560 540 600Z", "#5c9440"),
        path("M500 600Q600 540 710 566Q640 610 540 630Z", "#3f7a34"),
        *(put(palm_nut(), *nut) for nut in nuts),
    )


def groundnut_paste() -> str:
    """Groundnut paste in a jar, with groundnuts in their shells."""
    kernel = group(ellipse(0, 0, 22, 15, ball("#b5573a")), line("M-14 -3Q0 -10 14 -3", "#ffffff", 3, opacity=0.5))
    return frame(
        "maize",
        shadow(400, 652, 230),
        jar(400, 650, 320, 360, "#b9762f", lid="#2f6d4f"),
        line("M270 350q40 26 80 4t90 6t86 -8", "#e0a860", 12, opacity=0.8),
        label(400, 510, 286, 170, "#fff3d6", put(peanut(), 366, 486, -20, 0.95), put(peanut(), 440, 488, 26, 0.85)),
        shadow(570, 670, 150, 22),
        put(peanut(), 560, 646, -12, 1.15),
        put(peanut(), 650, 668, 24, 1),
        put(peanut(), 196, 662, 14, 1.1),
        put(kernel, 480, 684, 10),
        put(kernel, 268, 694, -24),
        put(kernel, 600, 706, 30),
    )


def rice() -> str:
    """A sack of long-grain rice and a bowl of it."""
    grain = "#fbf6e6"
    grains = [put(ellipse(0, 0, 9, 3.2, "#d9cba0"), x, y, x * 7 % 180) for x, y in scatter(10, 510, 520, 110, 52)]
    ear = line("M0 70Q-6 0 0 -70", "#8c6a1d", 6) + "".join(
        put(ellipse(0, 0, 18, 8, "#d99a21"), s * 16, y, s * -52) for y in (-52, -24, 4, 32) for s in (-1, 1)
    )
    return frame(
        "lagoon",
        shadow(372, 652, 250),
        sack(372, 650, 370, 460, "#f3ead2"),
        path("M192 330Q372 352 552 330L548 420Q372 442 194 420Z", side("#d2452f")),
        path("M194 428Q372 450 548 428V440Q372 462 194 440Z", "#e8a92f"),
        circle(372, 380, 96, "#fff8e4"),
        circle(372, 380, 82, mix("#2e7d6b", "#ffffff", 0.8)),
        put(ear, 372, 384, 12),
        shadow(570, 668, 150, 24),
        bowl(570, 572, 240, 96, "#2e6f8a", inside=grain),
        heap(570, 574, 208, 76, grain),
        *grains,
        put(ellipse(0, 0, 10, 4, "#fbf6e6"), 440, 690, 20),
        put(ellipse(0, 0, 10, 4, "#fbf6e6"), 410, 672, -30),
    )
