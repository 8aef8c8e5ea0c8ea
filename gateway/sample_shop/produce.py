"""Pictures of fresh food: leaves, plantain, eggs, bread."""

from gateway.sample_shop.shapes import ball, ellipse, fall, frame, group, line, mix, path, put, rect, shadow, side


def _cocoyam_leaf(color: str) -> str:
    """A heart-shaped leaf, its stalk at the origin, pointing up 240."""
    veins = "M0 0V-210M-92 -52Q-50 -60 0 -40Q50 -60 92 -52M-84 -128Q-46 -120 0 -90Q46 -120 84 -128"
    return group(
        path(
            "M0 0C-40 50 -120 30 -118 -50C-116 -130 -50 -190 0 -245C50 -190 116 -130 118 -50C120 30 40 50 0 0Z",
            ball(color),
        ),
        path("M0 0C40 50 120 30 118 -50C116 -130 50 -190 0 -245Z", "#103a16", opacity=0.14),
        line(veins, mix(color, "#f0ffd0", 0.5), 5),
    )


def kontomire() -> str:
    """A tied bunch of cocoyam leaves."""
    leaves = (
        (300, 390, -46, 0.95, "#2f6b2c"),
        (500, 390, 46, 0.95, "#2f6b2c"),
        (345, 350, -22, 1.05, "#3f8336"),
        (458, 350, 22, 1.05, "#3f8336"),
        (400, 370, 0, 1.15, "#5aa043"),
        (330, 450, -62, 0.8, "#3f8336"),
        (470, 450, 62, 0.8, "#3f8336"),
    )
    stalks = (
        "M300 390Q360 470 384 560L350 672M345 350Q380 470 392 560L380 684M400 370V690M458 350"
        "Q420 470 410 560L424 684M500 390Q440 470 418 560L452 672M330 450Q370 500 390 560M470 450"
        "Q430 500 410 560"
    )
    return frame(
        "leaf",
        shadow(400, 676, 200, 26),
        line(stalks, "#7d9c4a", 17),
        line(stalks, "#a9c36c", 6),
        *(put(_cocoyam_leaf(color), x, y, turn, scale) for x, y, turn, scale, color in leaves),
        path("M362 540Q401 556 440 540L442 578Q401 594 360 578Z", side("#d9a74e")),
        line("M364 553Q401 569 438 553M364 566Q401 582 438 566", "#9c6b24", 4),
        line("M436 560q40 -6 54 26M436 566q26 20 20 46", "#d9a74e", 9),
    )


def _finger(color: str) -> str:
    """One plantain, its stalk at the origin, hanging and curving to the right, 360 long."""
    flecks = "M34 90l10 14M64 200l6 18M36 140l4 10M100 262l10 12M46 160l4 12M58 250l8 10"
    return group(
        path(
            "M-14 0H14L26 50C60 90 66 170 96 230C112 262 140 296 168 306L162 326C116 330 66 308 34 262"
            "C-4 204 -26 100 -22 48Z",
            side(color),
        ),
        path(
            "M4 40C14 130 40 230 90 284C110 304 134 318 160 322C110 330 62 306 34 262C-4 204 -26 100 -22 48Z",
            "#7a4a00",
            opacity=0.16,
        ),
        line("M8 48C22 130 50 220 104 274", mix(color, "#ffffff", 0.5), 6, opacity=0.7),
        line(flecks, "#5a3408", 6, opacity=0.75),
        path("M166 302L186 312Q188 326 178 330L160 328Z", "#3a2510"),
    )


def plantain() -> str:
    """A hand of ripe plantains."""
    fingers = (
        (292, 270, 46, "#dca21f"),
        (322, 264, 28, "#ecb52c"),
        (358, 260, 11, "#f2c03a"),
        (394, 262, -6, "#f5c747"),
    )
    return frame(
        "leaf",
        shadow(370, 650, 230, 34),
        *(put(_finger(color), x, y, turn, 1.08) for x, y, turn, color in fingers),
        path(
            "M272 300C268 236 320 190 352 150L404 166C400 200 412 240 424 292C390 268 320 268 272 300Z", side("#a98a2a")
        ),
        path("M348 152Q376 130 408 164Q380 178 348 152Z", "#5d4718"),
        line("M322 270Q350 220 366 180M376 266Q386 220 386 184", "#7d6418", 5, opacity=0.6),
    )


def eggs() -> str:
    """A full crate of eggs."""
    rows = []
    for row in range(5):
        scale, y = 0.8 + row * 0.07, 384 + row * 54
        for column in range(6):
            color = ("#e9b98a", "#d99c68", "#f2d3ae")[(column * 2 + row) % 3]
            x = 400 + (column - 2.5) * 92 * scale
            rows.append(ellipse(x, y, 37 * scale, 47 * scale, ball(color)))
        pits = "".join(f"a{46 * scale:.0f} 30 0 0 0 {92 * scale:.1f} 0" for _ in range(6))
        x = 400 - 3 * 92 * scale
        rows.append(path(f"M{x:.1f} {y + 10}{pits}l6 46H{x - 6:.1f}Z", fall("#a79bb5", "#84779a")))
    return frame(
        "plum",
        shadow(400, 668, 330, 40),
        path("M170 384L200 350H600L630 384L690 640H110Z", "#75688a"),
        *rows,
        path("M98 606H702L690 664Q688 674 676 674H124Q112 674 110 664Z", fall("#9a8daa", "#73668a")),
        rect(110, 606, 580, 7, "#c2b8cf", r=3),
    )


def bread() -> str:
    """A loaf of butter bread with two slices cut."""
    face = (
        "M0 0C-34 -6 -44 -60 -10 -84C10 -112 150 -112 170 -84C204 -60 194 -6 160 0L156 150"
        "Q154 166 138 166H22Q6 166 4 150Z"
    )
    crumb = (
        "M10 -8C-18 -14 -24 -54 2 -70C22 -92 138 -92 158 -70C184 -54 178 -14 150 -8L146 142"
        "Q144 154 132 154H28Q16 154 14 142Z"
    )
    holes = "".join(
        ellipse(x, y, 5, 3.4, "#e2c48c")
        for x, y in ((40, -40), (90, -52), (124, -20), (60, 20), (110, 50), (44, 84), (80, 120), (124, 110))
    )
    piece = group(path(face, fall("#b8672a", "#d08a45")), path(crumb, ball("#f8e6bd")), holes)
    return frame(
        "clay",
        shadow(400, 652, 330, 40),
        rect(90, 636, 620, 34, side("#b77b45"), r=14),
        rect(90, 636, 620, 8, "#ffffff", r=4, opacity=0.25),
        path(
            "M236 640Q214 640 214 616V470C176 450 176 384 222 372C250 300 330 296 372 336"
            "C410 286 492 286 526 336C570 296 650 310 660 376C694 396 690 452 660 470V612Q660 640 634 640"
            "Z",
            fall("#c9752f", "#e0a055"),
        ),
        path(
            "M222 372C250 300 330 296 372 336C410 286 492 286 526 336C570 296 650 310 660 376"
            "C600 350 560 372 526 388C480 362 420 362 372 388C320 366 270 360 222 372Z",
            "#8f4518",
            opacity=0.5,
        ),
        line("M372 344Q380 380 366 430M526 344Q536 384 524 430", "#8f4518", 8, opacity=0.45),
        line("M420 330Q450 316 480 326M570 340Q600 334 620 352", "#ffdca0", 10, opacity=0.7),
        put(piece, 214, 472, 0),
        put(piece, 96, 520, -14, 0.84),
    )
