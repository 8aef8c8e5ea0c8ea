"""Pictures of things for the house and the kitchen."""

from gateway.sample_shop.packaging import bowl, gloss, heap
from gateway.sample_shop.pantry import chilli
from gateway.sample_shop.shapes import (
    ball,
    circle,
    ellipse,
    fall,
    frame,
    glow,
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


def coal_pot() -> str:
    """A cast coal pot with glowing charcoal."""
    metal = "#6c7079"
    coals = "".join(
        put(
            path("M-34 6L-20 -24L16 -28L36 -4L22 22L-18 24Z", ball(("#2b2526", "#463a38", "#e2551f")[n % 3])),
            x,
            y,
            n * 37,
        )
        for n, (x, y) in enumerate(scatter(11, 268, 352, 264, 36))
    )
    holes = "".join(ellipse(x, 520 + abs(x - 400) * -0.06, 15, 22, "#ff9a3c") for x in (310, 355, 400, 445, 490))
    return frame(
        "clay",
        shadow(400, 664, 220, 34),
        ellipse(400, 330, 300, 190, glow("#ff9a3c")),
        path("M330 566H470L520 650Q400 686 280 650Z", side(metal)),
        path("M352 610Q400 622 448 610V652Q400 662 352 652Z", "#241c1b"),
        path("M352 640Q400 652 448 640V652Q400 662 352 652Z", "#c8461c"),
        path("M190 380C200 480 270 560 330 580H470C530 560 600 480 610 380Z", side(metal)),
        group(holes, stroke="#3b3d44", stroke_width=6),
        line("M222 470Q400 530 578 470", mix(metal, "#000000", 0.3), 6, opacity=0.6),
        line("M178 400q-44 4 -40 44t52 30M622 400q44 4 40 44t-52 30", "#4c4f57", 15),
        ellipse(400, 380, 216, 52, mix(metal, "#ffffff", 0.35)),
        ellipse(400, 382, 194, 43, fall("#2a1a16", "#d8481a")),
        coals,
        line(
            "M330 330q-18 -30 4 -56t-6 -50M404 318q-18 -30 4 -56t-6 -60M474 332q-18 -30 4 -56t-6 -46",
            "#ffffff",
            11,
            opacity=0.5,
        ),
        put(path("M-34 6L-20 -24L16 -28L36 -4L22 22L-18 24Z", ball("#3a3233")), 650, 660, 0),
        put(path("M-34 6L-20 -24L16 -28L36 -4L22 22L-18 24Z", ball("#3a3233")), 598, 676, 40, 0.7),
    )


def asanka() -> str:
    """A ridged earthenware grinding bowl with its wooden pestle, tomatoes and pepper."""
    tomato = group(
        circle(0, 0, 50, ball("#d8371f")),
        path("M0 -40L10 -56L22 -46L40 -50L26 -32L30 -18L8 -30L-14 -20L-10 -36L-28 -46L-8 -50Z", "#4c8a38"),
    )
    ridges = "".join(f"M{400 + d} 428Q{400 + d * 0.6:.0f} 470 {400 + d * 0.3:.0f} 488" for d in range(-180, 181, 40))
    return frame(
        "maize",
        shadow(400, 660, 240, 36),
        bowl(400, 440, 480, 214, "#4a3a36", inside="#5d4a45"),
        line(ridges, "#2d2220", 6, opacity=0.7),
        ellipse(400, 440, 240, 48, "none", stroke="#7a635b", stroke_width=12),
        heap(380, 470, 220, 56, "#d5482a"),
        *(circle(x, y, 5, "#f4c27a") for x, y in scatter(9, 320, 430, 120, 44)),
        put(chilli(), 320, 436, -14, 0.8),
        put(
            group(
                rect(-26, -150, 52, 210, side("#c98a4c"), r=24),
                path("M-30 -10Q-76 20 -66 62Q0 96 66 62Q76 20 30 -10Z", side("#b9773a")),
                circle(0, -150, 36, ball("#c98a4c")),
            ),
            492,
            400,
            32,
        ),
        line("M178 494Q400 610 622 494", "#8a6a5c", 7, stroke_dasharray="26 16"),
        line("M204 536Q400 650 596 536", "#2d2220", 6, opacity=0.6),
        gloss(216, 500, 12, 60),
        put(tomato, 196, 648),
        put(tomato, 120, 668, 30, 0.84),
        put(
            group(
                path(
                    "M0 -50C34 -50 52 -20 48 10C44 40 20 50 0 50C-20 50 -44 40 -48 10C-52 -20 -34 -50 0 -50Z",
                    ball("#a44a6a"),
                ),
                line("M0 -50Q-4 -66 4 -78M0 -46C-30 -20 -30 20 -6 48M0 -46C30 -20 30 20 6 48", "#e0a6b8", 4),
            ),
            640,
            650,
        ),
    )


def basket() -> str:
    """A round Bolga basket of coloured straw with a leather handle."""
    zigzag = "M186 452l36 -46l36 58l36 -46l36 56l36 -44l34 54l34 -54l36 44l36 -56l36 46l36 -58l36 46"
    weave = "".join(
        f"M{160 + inset:.0f} {y}Q400 {y + 64} {640 - inset:.0f} {y}"
        for y, inset in ((y, (y - 480) ** 2 * 0.0017) for y in range(420, 601, 20))
    )
    outline = "M176 380C140 470 170 600 262 644Q400 680 538 644C630 600 660 470 624 380Q400 450 176 380Z"
    return frame(
        "lagoon",
        shadow(400, 660, 250, 38),
        line("M206 384C210 90 590 90 594 384", "#5c3018", 30),
        line("M206 384C210 90 590 90 594 384", "#8f5228", 16),
        line("M206 384C210 90 590 90 594 384", "#e9c58e", 4, stroke_dasharray="10 12"),
        ellipse(400, 380, 226, 58, "#d9b06a"),
        ellipse(400, 384, 204, 46, fall("#6b451f", "#a97a3e")),
        path(outline, side("#dfb56c")),
        path("M160 470Q400 548 640 470Q640 512 626 548Q400 632 174 548Q160 512 160 470Z", side("#8e2f5c")),
        path("M184 568Q400 650 616 568L596 602Q400 672 204 602Z", side("#2a7f86")),
        line(zigzag, "#d9552b", 15, transform="translate(0 18)"),
        line(zigzag, "#2a7f86", 8, transform="translate(0 46)"),
        line(weave, "#5a3208", 4, opacity=0.28, stroke_dasharray="14 6"),
        line(zigzag, "#f4c94f", 9, transform="translate(0 84)"),
        line("M176 384Q400 470 624 384", "#b98442", 22),
        line("M176 384Q400 470 624 384", "#f0d195", 16, stroke_dasharray="4 15"),
        rect(186, 352, 42, 92, side("#7a421e"), r=12),
        rect(572, 352, 42, 92, side("#7a421e"), r=12),
        line("M196 372h22M196 420h22M582 372h22M582 420h22", "#e9c58e", 5),
    )


def lantern() -> str:
    """A rechargeable solar lantern, lit, with its panel beside it."""
    cells = "".join(f"M{480 + n * 44} 600L{492 + n * 40} 506" for n in range(1, 4)) + "M486 552H662"
    return frame(
        "sky",
        circle(330, 410, 320, glow("#fff0a0")),
        shadow(340, 654, 190),
        line("M240 260C230 120 430 120 420 260", "#3f4650", 16),
        path("M256 250H404L430 306H230Z", side("#e8852c")),
        rect(290, 228, 80, 30, side("#c96a1c"), r=10),
        rect(236, 304, 188, 214, fall("#fffbe2", "#ffe07a"), r=18),
        ellipse(330, 410, 52, 84, "#ffffff", opacity=0.9),
        line("M270 306V516M330 306V516M390 306V516", "#ffffff", 6, opacity=0.6),
        rect(228, 302, 16, 218, side("#5b6470"), r=8),
        rect(416, 302, 16, 218, side("#5b6470"), r=8),
        path("M222 516H438L460 632Q460 652 440 652H220Q200 652 200 632Z", side("#e8852c")),
        rect(228, 516, 204, 16, "#b85d16", r=6),
        circle(330, 588, 28, "#fbf3e0"),
        line("M330 576v16M320 580a15 15 0 1 0 20 0", "#b85d16", 6),
        *(circle(x, 588, 6, "#8df08a") for x in (386, 404, 422)),
        gloss(216, 550, 12, 80),
        line("M452 628Q480 668 520 640", "#3f4650", 9),
        shadow(590, 668, 120, 18),
        path("M560 590L630 590L650 664H540Z", "#5b6470"),
        path("M490 494H658L692 612H458Z", "#cdd5dc"),
        path("M496 502H652L682 604H470Z", fall("#2b4f8f", "#173058")),
        line(cells, "#9fc0ea", 4, opacity=0.8),
        path("M496 502H560L520 604H470Z", "#ffffff", opacity=0.14),
    )
