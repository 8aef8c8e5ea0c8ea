"""Pictures of cloth and of what is worn."""

from gateway.sample_shop.cloth import ANKARA, BATIK, KENTE, ankara, batik, fold, kente, tassels
from gateway.sample_shop.shapes import (
    around,
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

FRINGE = ("#f4b81f", "#c8262c", "#1f7a3d")
_SHADED = "#0b0b24"


def _folded(y: float, h: float, inset: float, fill: str) -> str:
    """One length of folded cloth, round at its left fold, h high on y."""
    left, right, r = 150 + inset, 650 - inset / 2, h / 2
    outline = f"M{left + r} {y}H{right}V{y + h}H{left + r}A{r} {r} 0 0 1 {left + r} {y}Z"
    return group(
        path(outline, fill),
        path(outline, fall("#ffffff", _SHADED), opacity=0.22),
        line(f"M{left + r} {y + h * 0.5}H{right}", _SHADED, 5, opacity=0.45),
        line(f"M{left + r} {y + 6}H{right - 6}", "#ffffff", 4, opacity=0.4),
    )


def ankara_stack() -> str:
    """Six yards of wax print, folded into a stack and banded."""
    return frame(
        "clay",
        shadow(400, 656, 300, 40),
        _folded(560, 92, 0, ANKARA),
        _folded(470, 90, 16, "#e0872b"),
        _folded(470, 90, 16, ANKARA),
        _folded(380, 90, 6, ANKARA),
        path("M210 380L276 310H600L647 380Z", ANKARA),
        path("M210 380L276 310H600L647 380Z", "#ffffff", opacity=0.14),
        path("M396 310H462L470 380V652H404V380Z", side("#f5ead2")),
        circle(437, 490, 24, "#f08a24"),
        circle(437, 490, 13, "#173a7a"),
        line("M412 560H462M420 576H454", "#a9763c", 6),
        defs=[ankara(0.8)],
    )


def ankara_spread() -> str:
    """The same wax print hung over a rail, so that its pattern shows."""
    drape = "M190 214C210 380 170 520 186 664Q240 684 292 670T400 672T508 670T614 664C630 520 590 380 610 214Z"
    return frame(
        "clay",
        shadow(400, 704, 240, 20),
        path(drape, ANKARA),
        fold("M262 220C276 380 244 520 254 646"),
        fold("M346 220C352 400 338 540 348 640", 34),
        fold("M446 220C440 400 466 540 454 646"),
        fold("M538 220C528 380 560 520 550 640", 34),
        path(drape, fall("#ffffff", _SHADED), opacity=0.12),
        path("M186 206Q186 178 214 178H586Q614 178 614 206V258Q400 284 186 258Z", ANKARA),
        path(
            "M186 206Q186 178 214 178H586Q614 178 614 206V258Q400 284 186 258Z", fall("#ffffff", _SHADED), opacity=0.25
        ),
        rect(96, 196, 92, 24, fall("#c98a4c", "#7d4a1e"), r=12),
        rect(612, 196, 92, 24, fall("#c98a4c", "#7d4a1e"), r=12),
        circle(100, 208, 20, ball("#a9652f")),
        circle(700, 208, 20, ball("#a9652f")),
        defs=[ankara(1.05)],
    )


def kente_cloth() -> str:
    """Handwoven kente, half rolled, its fringe towards the viewer."""
    return frame(
        "maize",
        shadow(400, 664, 300, 36),
        path("M196 330H604L650 630H150Z", KENTE),
        path("M196 330H604L612 380H188Z", _SHADED, opacity=0.3),
        path("M196 330H604L650 630H150Z", fall("#ffffff", "#5a3000"), opacity=0.12),
        tassels(152, 628, 500, 42, FRINGE),
        rect(176, 216, 448, 136, KENTE, r=30),
        rect(176, 216, 448, 136, fall("#fff6d8", "#1a0b00"), r=30, opacity=0.42),
        rect(190, 236, 420, 12, "#ffffff", r=6, opacity=0.4),
        ellipse(620, 284, 30, 68, "#8a1c20"),
        line(
            "M620 232C650 240 650 330 620 334C598 330 598 250 618 250C636 256 636 314 620 316C608 312 608 272 618 270",
            "#f4b81f",
            5,
        ),
        defs=[kente(0.72)],
    )


def kente_stole() -> str:
    """A graduation stole of kente, laid in a V with fringed ends."""
    return frame(
        "plum",
        shadow(400, 690, 200, 22),
        path("M300 176Q400 118 500 176L478 214Q400 172 322 214Z", "#7c1a1e"),
        put(rect(-52, 0, 104, 450, KENTE), 322, 180, 2),
        put(rect(-52, 0, 104, 450, KENTE), 478, 180, -2),
        put(rect(-52, 0, 104, 450, fall("#ffffff", _SHADED), opacity=0.16), 322, 180, 2),
        put(rect(-52, 0, 104, 450, fall("#ffffff", _SHADED), opacity=0.16), 478, 180, -2),
        put(line("M-48 0V450M48 0V450", "#f4b81f", 7), 322, 180, 2),
        put(line("M-48 0V450M48 0V450", "#f4b81f", 7), 478, 180, -2),
        put(tassels(-54, 450, 110, 40, FRINGE), 322, 180, 2),
        put(tassels(-54, 450, 110, 40, FRINGE), 478, 180, -2),
        line("M322 206Q400 168 478 206", "#f4b81f", 6),
        line("M400 156V110q0 -26 24 -26t22 24", "#8a8f98", 9),
        defs=[kente(0.86)],
    )


def batik_shirt() -> str:
    """A short-sleeved batik shirt on a hanger."""
    body = "M300 226L352 204Q400 250 448 204L500 226L620 330L560 412L512 372V650Q400 668 288 650V372L240 412L180 330Z"
    return frame(
        "lagoon",
        shadow(400, 684, 190, 22),
        line("M400 204V170q0 -34 30 -34t26 32", "#7b6a58", 10),
        line("M312 236L400 196L488 236", "#a9652f", 18),
        path("M352 204Q400 188 448 204L400 270Z", "#123f54"),
        path(body, BATIK),
        path(
            "M288 372L300 300L316 650Q300 652 288 650ZM512 372L500 300L484 650Q500 652 512 650Z", _SHADED, opacity=0.16
        ),
        path("M300 226L180 330L240 412L288 372Z", _SHADED, opacity=0.1),
        fold("M352 400Q340 520 356 640", 16),
        fold("M452 380Q466 520 448 640", 16),
        path("M352 204L326 232L362 292L400 262ZM448 204L474 232L438 292L400 262Z", "#1a556e"),
        line("M400 262V656", "#123f54", 5),
        *(circle(400, y, 8, "#f6e3c0") for y in (316, 390, 464, 538, 612)),
        line("M192 338L248 404M608 338L552 404M292 632Q400 650 508 632", "#f2c98a", 6),
        rect(434, 370, 58, 66, "#1a556e", r=6, opacity=0.75),
        line("M434 384h58", "#f2c98a", 5),
        defs=[batik(0.62)],
    )


def sandals() -> str:
    """A pair of ahenema, the broad sandals of a chief, seen from above."""
    sole = (
        "M0 -230C70 -230 116 -170 108 -90C102 -30 84 10 92 80C100 160 66 226 0 226"
        "C-66 226 -100 160 -92 80C-84 10 -102 -30 -108 -90C-116 -170 -70 -230 0 -230Z"
    )
    petals = "".join(put(ellipse(0, -26, 13, 22, "#f4c542"), 0, 0, turn) for turn in range(0, 360, 60))
    shoe = group(
        path(sole, "#2a1710", transform="translate(8 16)"),
        path(sole, fall("#c58a52", "#9a6030")),
        path(sole, "none", stroke="#f0cf9a", stroke_width=5, stroke_dasharray="10 10", transform="scale(.9)"),
        path(
            "M-106 -70C-60 -150 -24 -150 0 -176C24 -150 60 -150 106 -70L96 10C50 -60 20 -70 0 -84"
            "C-20 -70 -50 -60 -96 10Z",
            ball("#1f1a1c"),
        ),
        line("M-98 -58C-56 -124 -24 -126 0 -150C24 -126 56 -124 98 -58", "#e2b33a", 6),
        put(petals, 0, -112),
        circle(0, -112, 17, ball("#c4272e")),
        *(circle(x, y, 9, "#e2b33a") for x, y in ((-70, -66), (70, -66), (-88, -34), (88, -34))),
    )
    return frame("clay", shadow(400, 640, 300, 60), put(shoe, 282, 424, -7, 0.98), put(shoe, 520, 424, 7, 0.98))


def _beads(x: float, y: float, rx: float, ry: float, count: int, *, colors: tuple[str, ...]) -> str:
    """A string of barrel beads round an ellipse, the colours taking turns, every other one dotted."""
    parts = [ellipse(x, y, rx, ry, "none", stroke="#4a2c1c", stroke_width=7)]
    for n, (bx, by, turn) in enumerate(around(count, x, y, rx, ry)):
        color = colors[n % len(colors)]
        bead = rect(-32, -33, 64, 66, ball(color), r=22)
        if n % 2:
            bead += circle(0, 0, 12, mix(color, "#fff6da", 0.85))
        parts.append(put(bead, round(bx), round(by), round(turn + 90)))
    return "".join(parts)


def beads() -> str:
    """Two bracelets of painted Krobo glass beads."""
    return frame(
        "sky",
        shadow(330, 588, 250, 70),
        shadow(530, 654, 200, 50),
        _beads(324, 430, 190, 162, 17, colors=("#d9472b", "#f2b632", "#1f6f8f", "#f4ecd8")),
        _beads(524, 556, 138, 100, 11, colors=("#2c7a4b", "#f4ecd8", "#e0872b")),
    )
