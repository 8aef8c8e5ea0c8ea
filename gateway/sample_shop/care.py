"""Pictures of skin care and hair care."""

from gateway.sample_shop.packaging import KRAFT, bowl, gloss, label
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
    scatter,
    shadow,
    side,
)

BUTTER = "#f6e3a1"


def _shea_nut() -> str:
    """A shea nut about the origin, 84 long, its pale scar in front."""
    return group(
        ellipse(0, 0, 42, 32, ball("#7a3f1f")),
        path("M-30 12Q0 -4 32 10Q18 30 -4 31Q-24 28 -30 12Z", "#d2a878"),
        line("M-24 -12Q-8 -24 10 -22", "#ffffff", 5, opacity=0.4),
    )


def shea_tub() -> str:
    """An open tub of whipped shea butter, its lid leaning on it."""
    return frame(
        "leaf",
        shadow(400, 656, 270),
        put(
            group(ellipse(0, 0, 122, 128, side("#4f7a3d")), ellipse(-6, 0, 108, 116, mix("#4f7a3d", "#ffffff", 0.15))),
            592,
            530,
            18,
        ),
        put(
            group(ellipse(0, 0, 30, 40, BUTTER), line("M0 44V-36M0 20q-18 -8 -24 -24M0 4q18 -8 24 -24", "#4f7a3d", 6)),
            590,
            528,
            18,
        ),
        cylinder(350, 470, 640, 320, side("#fbf5e4"), foot=290),
        cylinder(350, 510, 604, 313, side(KRAFT), foot=298),
        put(_shea_nut(), 318, 582, -16),
        put(_shea_nut(), 384, 586, 20, 0.9),
        ellipse(350, 470, 166, 38, "#fffaf0"),
        ellipse(350, 472, 152, 31, "#d9bd6c"),
        path(
            "M206 470C210 420 262 420 276 404C288 370 330 366 344 344Q352 326 378 322Q366 346 392 362"
            "C424 374 420 402 434 412C478 424 494 444 494 470Q350 520 206 470Z",
            fall("#fff6cf", "#ecd083"),
        ),
        line("M226 464Q330 486 470 440M272 420Q350 446 424 402M322 374Q352 388 386 366", "#d3b058", 7, opacity=0.7),
        shadow(190, 680, 80, 16),
        put(_shea_nut(), 168, 656, -12, 1.1),
        put(_shea_nut(), 240, 676, 26, 0.95),
    )


def shea_bowl() -> str:
    """Raw shea butter in a calabash, as the market sells it, with nuts and leaves."""
    leaf = group(
        path("M0 0C-46 -50 -42 -140 0 -190C42 -140 46 -50 0 0Z", ball("#5f9440")), line("M0 0V-170", "#cfe6a0", 5)
    )
    lump = "M232 500C222 440 270 404 318 412C330 356 420 342 452 388C510 376 566 420 566 500Q400 570 232 500Z"
    return frame(
        "leaf",
        shadow(400, 664, 250, 34),
        *(put(leaf, 560, 560, turn, 1.15) for turn in (24, 58, 86)),
        bowl(400, 500, 420, 160, "#b9702f", inside="#8a5423"),
        line("M222 556Q400 640 578 556", "#7a4015", 8, stroke_dasharray="2 20"),
        line("M240 584Q400 664 560 584", "#7a4015", 6),
        path(lump, ball(BUTTER)),
        path(
            "M318 412C300 440 330 470 370 462M452 388C440 420 470 450 520 440C500 480 440 490 410 476",
            "none",
            stroke="#d8b866",
            stroke_width=8,
            stroke_linecap="round",
        ),
        path("M340 400Q380 366 424 384Q390 392 362 424Z", "#fffbe6", opacity=0.8),
        line("M190 500Q400 590 610 500", "#e0a768", 9),
        put(_shea_nut(), 180, 662, -20, 1.15),
        put(_shea_nut(), 252, 686, 14, 1.05),
        put(_shea_nut(), 590, 680, 24, 1.15),
    )


def black_soap() -> str:
    """A wet bar of African black soap on a wooden dish, lathering, with a wrapped bar behind it."""
    bar = group(
        path("M-170 -30Q-176 70 -136 72H136Q176 70 170 -30Z", fall("#4a2f20", "#24140d")),
        path("M-170 -30Q-160 -96 -116 -98H116Q160 -96 170 -30Q0 -2 -170 -30Z", fall("#7a5640", "#55382a")),
        ellipse(0, -62, 88, 22, "none", stroke="#3a2419", stroke_width=5, opacity=0.7),
        line("M-30 -62Q-10 -78 0 -62T30 -62", "#3a2419", 5, opacity=0.7),
        line("M-140 4Q-80 24 -20 10T100 22M-120 40Q-40 54 40 42T140 44", "#7d5a42", 5, opacity=0.7),
        *(ellipse(x, y, 6, 4, "#a9825e") for x, y in scatter(9, -140, 0, 280, 60)),
        line("M-128 -72Q-110 -88 -70 -88", "#ffffff", 8, opacity=0.4),
    )
    lather = (
        (250, 560, 40),
        (304, 584, 30),
        (214, 598, 26),
        (346, 562, 24),
        (268, 606, 28),
        (560, 596, 26),
        (524, 606, 20),
    )
    floating = ((200, 400, 26), (246, 330, 16), (164, 300, 20), (620, 300, 18), (650, 370, 12))
    return frame(
        "sky",
        shadow(400, 672, 290, 34),
        put(bar, 446, 386, 8, scale=0.86),
        put(path("M-92 -104H92L100 -30Q108 64 86 72H-86Q-108 64 -100 -30Z", side(KRAFT)), 446, 386, 8, scale=0.88),
        put(circle(0, 16, 36, "#4f7a3d") + path("M0 40C-26 20 -20 0 0 -10C20 0 26 20 0 40Z", "#f6ebcb"), 446, 386, 8),
        put(bar, 396, 540, -3, scale=1.12),
        path("M132 596H668Q660 660 610 660H190Q140 660 132 596Z", side("#b9773a")),
        line("M140 606H660", "#e9bd84", 6),
        line("M210 634H590", "#7a441b", 6, opacity=0.5),
        *(circle(x, y, r, "#ffffff", opacity=0.82) for x, y, r in lather),
        *(circle(x, y, r, "#ffffff", opacity=0.35, stroke="#ffffff", stroke_width=4) for x, y, r in floating),
    )


def coconut_oil() -> str:
    """Coconut body oil in a pump bottle beside a halved coconut."""
    palm = "M400 330C470 230 580 220 650 290C580 270 520 290 470 350Z"
    return frame(
        "lagoon",
        path(palm, "#4f9a5a"),
        path("M410 350C500 300 600 330 640 420C580 360 500 360 440 390Z", "#3d834c"),
        shadow(340, 654, 180),
        rect(322, 222, 36, 80, side("#e8e2d4")),
        path("M262 214Q262 198 280 198H372Q388 198 388 214V232H300L262 244Z", side("#fbf7ec")),
        rect(292, 286, 96, 46, side("#fbf7ec"), r=8),
        path("M250 384Q250 330 300 330H380Q430 330 430 384V622Q430 652 400 652H280Q250 652 250 622Z", side("#ecc65e")),
        path("M250 400Q340 416 430 400V384Q430 330 380 330H300Q250 330 250 384Z", "#ffffff", opacity=0.45),
        label(
            340,
            520,
            178,
            170,
            "#f7fbf2",
            circle(340, 498, 38, "#6f4526"),
            circle(340, 498, 30, "#ffffff"),
            circle(340, 498, 17, "#cfe8e2"),
        ),
        gloss(262, 380, 12, 230),
        shadow(560, 672, 150, 22),
        circle(556, 572, 106, ball("#6d4225")),
        line("M470 620q20 30 50 42M500 650q30 20 60 20M640 610q-16 30 -40 46", "#3f2412", 5),
        put(
            group(
                circle(0, 0, 102, "#5a3419"),
                circle(0, 0, 93, "#fdfbf4"),
                ellipse(4, 4, 62, 62, fall("#d9d4c6", "#f7f3e8")),
            ),
            560,
            562,
            0,
        ),
        path("M506 592Q560 632 616 586Q600 624 560 626Q522 622 506 592Z", "#cfeae6"),
        line("M482 532Q496 494 532 482", "#ffffff", 9),
    )


def comb() -> str:
    """A carved wooden comb with wide teeth, in the manner of a duafe."""
    wood = "#a9652f"
    teeth = "".join(f"M{x} 440L{400 + (x - 400) * 1.04:.0f} 640" for x in range(290, 511, 44))
    return frame(
        "rose",
        shadow(400, 668, 190, 26),
        line(teeth, "#6f3b17", 30),
        line(teeth, "#b9733a", 22),
        line(teeth.replace("440", "450"), "#d99a5c", 6, opacity=0.8, transform="translate(-6 0)"),
        path("M268 372Q400 348 532 372L530 452Q400 476 270 452Z", side(wood)),
        path(
            "M300 364C260 300 300 270 344 282C330 214 362 168 400 168C438 168 470 214 456 282"
            "C500 270 540 300 500 364Q400 344 300 364Z",
            side(wood),
        ),
        circle(400, 238, 30, mix("#d4808f", "#ffffff", 0.78)),
        line("M400 202a36 36 0 1 0 1 0Z", "#7a441b", 6),
        line("M296 400L318 384L340 404L362 384L384 404L406 384L428 404L450 384L472 404L494 384L508 398", "#f0c88e", 6),
        line("M290 436Q400 454 510 436M316 342q10 -30 30 -34M484 342q-10 -30 -30 -34", "#7a441b", 6),
        line("M344 310Q400 290 456 310M352 330Q400 314 448 330", "#f0c88e", 5),
        *(circle(x, y, 6, "#f0c88e") for x, y in ((400, 186), (352, 236), (448, 236), (330, 312), (470, 312))),
    )


def hair_extension() -> str:
    """A pack of braiding hair: a card above, the folded bundle below."""
    strands = "".join(
        f"M{x} 330C{x + (x - 400) * 0.5:.0f} 430 {x - (x - 400) * 0.3:.0f} 520 {400 + (x - 400) * 1.1:.0f} 668"
        for x in range(322, 484, 18)
    )
    return frame(
        "plum",
        shadow(400, 680, 170, 24),
        path("M304 320C270 430 306 520 290 640Q350 690 400 690T510 640C494 520 530 430 496 320Z", side("#3a2119")),
        line(strands, "#8a5637", 5, opacity=0.85),
        line("M340 330C330 440 366 540 352 676M446 330C470 450 424 540 440 680", "#1d0f0b", 5, opacity=0.7),
        path("M296 470Q400 500 504 470V506Q400 536 296 506Z", side("#e3b23c")),
        path("M276 290H524L516 350Q400 372 284 350Z", "#ffffff", opacity=0.35),
        rect(262, 140, 276, 176, side("#c23b72"), r=16),
        rect(262, 270, 276, 46, side("#f0b93f")),
        path("M376 166a24 14 0 0 1 48 0Z", mix("#8f76ad", "#ffffff", 0.78)),
        circle(400, 226, 34, "#6b3a22"),
        path("M362 228C352 176 448 176 438 228C430 204 370 204 362 228Z", "#22110c"),
        line("M364 222Q350 250 356 266M436 222Q450 250 444 266M374 204Q400 190 426 204", "#22110c", 9),
        line("M300 294H420M300 306H380", "#7a3a10", 6, opacity=0.6),
        gloss(274, 156, 10, 100),
    )
