"""Pictures of drinks."""

from gateway.sample_shop.packaging import band, bottle, gloss, label, tin
from gateway.sample_shop.shapes import (
    ball,
    circle,
    element,
    ellipse,
    fall,
    frame,
    group,
    line,
    path,
    put,
    rect,
    shadow,
    side,
)


def milo() -> str:
    """A green tin of cocoa malt drink beside a full mug."""
    green = "#1d7a43"
    return frame(
        "leaf",
        shadow(330, 650, 210),
        tin(330, 640, 290, 370, green, lid="#e9e4d6"),
        band(330, 400, 560, 290, "#f4ead0"),
        band(330, 574, 586, 290, "#e0a92e"),
        path("M258 450H380L370 540Q368 556 350 556H288Q270 556 268 540Z", side("#7a4425")),
        line("M380 470q36 -4 32 28t-38 28", "#7a4425", 12),
        line("M290 434q-12 -16 0 -30M320 434q-12 -16 0 -30M350 434q-12 -16 0 -30", "#c08a5a", 8),
        gloss(206, 300, 20, 300),
        shadow(560, 664, 150, 26),
        line("M640 520q66 -8 60 52t-72 56", "#e8e1d0", 26),
        path("M460 490H652L640 630Q636 660 606 660H506Q476 660 472 630Z", side("#f5efe0")),
        ellipse(556, 490, 96, 22, "#fffaf0"),
        ellipse(556, 492, 84, 17, fall("#5a2e17", "#8a5230")),
        ellipse(540, 490, 30, 5, "#b98256"),
        line("M526 460q-22 -28 0 -54t0 -56M582 460q-22 -28 0 -54t0 -56", "#ffffff", 12, opacity=0.65),
    )


def _sachet(drop: float) -> str:
    """A half-litre water sachet about the origin, 150 × 190; its drop is `drop` times as large as usual."""
    return group(
        path("M-72 -88Q0 -78 72 -88Q84 0 72 88Q0 78 -72 88Q-84 0 -72 -88Z", fall("#eaf7ff", "#9fd3f0")),
        path("M-77 -34Q0 -24 77 -34V42Q0 52 -77 42Z", "#2f7fc0", opacity=0.9),
        put(path("M0 -30C18 -6 24 4 24 14A24 24 0 0 1 -24 14C-24 4 -18 -6 0 -30Z", "#ffffff"), 0, 2, 0, drop),
        line("M-70 -76Q0 -66 70 -76M-70 76Q0 66 70 76", "#6fb2da", 4, stroke_dasharray="7 7"),
        line("M-58 -58Q-66 0 -58 60", "#ffffff", 9, opacity=0.8),
    )


def water_bag() -> str:
    """Thirty sachets of water in their clear carrier bag."""
    bag = (
        "M182 322C160 440 164 560 184 640Q400 664 620 640C640 560 642 440 622 322Q560 250 500 262"
        "L402 240L306 262Q244 250 182 322Z"
    )
    packed = element(
        "pattern",
        put(_sachet(1), 44, 55, -3, 0.56),
        id="packed",
        x=188,
        y=300,
        width=88,
        height=110,
        patternUnits="userSpaceOnUse",
    )
    return frame(
        "sky",
        shadow(402, 654, 270),
        path(bag, "#ffffff", opacity=0.6),
        path(
            "M194 320Q400 290 610 320C624 440 622 540 606 628Q400 648 198 628C182 540 182 440 194 320Z",
            "url(#packed)",
            transform="translate(-8 4)",
        ),
        path(bag, fall("#ffffff", "#5aa7d6"), opacity=0.25),
        path(
            "M330 266C356 240 366 220 352 172Q402 196 452 172C438 220 448 240 474 266Q402 292 330 266Z",
            "#e6f5fd",
            opacity=0.95,
        ),
        rect(360, 222, 84, 22, side("#2f7fc0"), r=11),
        line(
            "M226 330Q204 440 216 600M590 350Q606 440 598 560M330 288Q280 300 246 320M474 288Q530 296 560 316",
            "#ffffff",
            9,
            opacity=0.8,
        ),
        defs=[packed],
    )


def water_sachet() -> str:
    """One cold sachet of water, close."""
    drops = ((300, 330, 9), (520, 300, 7), (330, 560, 8), (500, 590, 10), (540, 540, 6), (290, 420, 6), (520, 370, 5))
    return frame(
        "sky",
        shadow(400, 668, 240),
        put(_sachet(1.25), 400, 440, 5, 2.35),
        *(group(circle(x, y, r, "#ffffff", opacity=0.85), circle(x + 2, y + 2, r - 3, "#a9d8f2")) for x, y, r in drops),
        ellipse(596, 672, 60, 12, "#d4eefb", opacity=0.9),
        ellipse(210, 680, 40, 9, "#d4eefb", opacity=0.9),
    )


def sobolo() -> str:
    """Hibiscus drink in a bottle, a glass of it with ice, and a flower."""
    petal = path("M0 0C-60 -30 -54 -104 0 -104C54 -104 60 -30 0 0Z", ball("#d43a5c"))
    flower = "".join(put(petal, 0, 0, turn) for turn in range(0, 360, 72)) + group(
        circle(0, 0, 20, "#8a1535"), line("M0 0Q20 -26 52 -34", "#f3c14a", 9), circle(54, -36, 10, "#f9dc7a")
    )
    red = "#8c1238"
    return frame(
        "rose",
        shadow(320, 654, 190),
        bottle(320, 652, 220, 480, red, cap="#f4ead8"),
        label(320, 520, 216, 160, "#fbe7ea", put(flower, 320, 500, 0, 0.46)),
        shadow(556, 664, 130, 22),
        path("M470 430H642L622 640Q620 660 600 660H512Q492 660 490 640Z", "#ffffff", opacity=0.55),
        path("M482 476H630L612 634Q610 648 596 648H516Q502 648 500 634Z", side(red)),
        put(rect(-26, -26, 52, 52, "#ffffff", r=10, opacity=0.45), 530, 494, 14),
        put(rect(-24, -24, 48, 48, "#ffffff", r=10, opacity=0.35), 588, 512, -18),
        line("M590 640L640 350", "#f7f2ea", 13),
        line("M590 640L640 350", "#d43a5c", 13, stroke_dasharray="12 26", stroke_linecap="butt"),
        gloss(496, 490, 14, 120),
        put(flower, 436, 664, 10, 0.62),
    )
