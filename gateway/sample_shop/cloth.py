"""Woven, waxed and dyed cloth: the patterns, as definitions to hand to `frame`, and folds to lay over them."""

from gateway.sample_shop.shapes import circle, element, group, line, path, put, rect

ANKARA = "url(#ankara)"
KENTE = "url(#kente)"
BATIK = "url(#batik)"


def _pattern(name: str, width: float, height: float, *parts: str, scale: float = 1) -> str:
    sizes = {"id": name, "patternUnits": "userSpaceOnUse", "patternTransform": f"scale({scale})"}
    return element("pattern", *parts, width=width, height=height, **sizes)


def ankara(scale: float = 1) -> str:
    """Wax print: rosettes of petals between golden rings, on deep blue."""
    two_petals = "M0 -14C-16 -28 -13 -46 0 -54C13 -46 16 -28 0 -14ZM0 14C-16 28 -13 46 0 54C13 46 16 28 0 14Z"
    rosette = group(
        *(put(path(two_petals, "#f08a24"), 0, 0, turn) for turn in range(0, 180, 45)),
        circle(0, 0, 15, "#ffe9b0"),
        circle(0, 0, 8, "#c4272e"),
    )
    ring = circle(0, 0, 26, "none", stroke="#f6c445", stroke_width=7) + circle(0, 0, 12, "#2fa7a0")
    corners = (put(ring, x, y) for x in (0, 140) for y in (0, 140))
    return _pattern(
        "ankara",
        140,
        140,
        rect(0, 0, 140, 140, "#173a7a"),
        circle(70, 70, 60, "#0f2a5e"),
        put(rosette, 70, 70),
        *corners,
        scale=scale,
    )


def kente(scale: float = 1) -> str:
    """Strip-woven cloth: blocks of stripes and of stepped diamonds take turns, as the weaver sews the strips."""
    stripes = "".join(
        rect(0, y, 60, 10, color) for y, color in ((0, "#c8262c"), (15, "#1f7a3d"), (30, "#c8262c"), (45, "#1a1a1a"))
    )
    steps = path("M30 2V14H42V26H56V34H42V46H30V58H30V46H18V34H4V26H18V14H30Z", "#c8262c") + rect(
        24, 24, 12, 12, "#f4b81f"
    )
    dark = rect(0, 0, 60, 60, "#1f7a3d") + steps
    light = rect(0, 0, 60, 60, "#f4b81f") + stripes
    seams = line("M0 0V120M60 0V120", "#1a1a1a", 4)
    return _pattern(
        "kente", 120, 120, light, put(dark, 60, 0), put(dark, 0, 60), put(light, 60, 60), seams, scale=scale
    )


def batik(scale: float = 1) -> str:
    """Stamped batik: pale spirals and dots where the wax kept the indigo off."""
    spiral = line("M0 0a8 8 0 0 1 16 0a18 18 0 0 1 -34 4a28 28 0 0 1 48 -20", "#eaf3f4", 6)
    dots = "".join(circle(x, y, 5, "#f2c98a") for x, y in ((60, 12), (100, 60), (12, 64), (60, 112)))
    return _pattern(
        "batik",
        120,
        120,
        rect(0, 0, 120, 120, "#236a86"),
        put(spiral, 34, 34),
        put(spiral, 90, 94, 180),
        dots,
        scale=scale,
    )


def fold(d: str, width: float = 26) -> str:
    """A soft crease along d: a dark valley with its lit edge."""
    return line(d, "#0b0b24", width, opacity=0.16) + line(
        d, "#ffffff", width / 4, opacity=0.3, transform=f"translate({-width / 2} 0)"
    )


def tassels(x: float, y: float, w: float, length: float, colors: tuple[str, ...]) -> str:
    """A fringe hanging from (x, y), w wide, its threads taking turns in the colours."""
    step = 12
    threads = range(int(w / step))
    return "".join(
        line(
            "".join(
                f"M{x + 6 + n * step:.0f} {y:.0f}v{length + n % 3 * 5:.0f}" for n in threads if n % len(colors) == i
            ),
            color,
            6,
        )
        for i, color in enumerate(colors)
    )
