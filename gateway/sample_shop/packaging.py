"""Vessels in which a shop sells things: jars, tins, bottles, bags. Each stands on `base`, centred on x."""

from gateway.sample_shop.shapes import (
    cylinder,
    ellipse,
    fall,
    group,
    line,
    mix,
    number,
    path,
    rect,
    side,
)

KRAFT = "#f2dfb8"


def gloss(x: float, y: float, w: float, h: float) -> str:
    """The light of a window on glass or plastic."""
    return rect(x, y, w, h, "#ffffff", r=min(w, h) / 2, opacity=0.45)


def label(x: float, y: float, w: float, h: float, color: str, *picture: str) -> str:
    """A paper label about (x, y), with what is printed on it; two thin lines stand for its lettering."""
    return group(
        rect(x - w / 2, y - h / 2, w, h, side(color), r=8),
        *picture,
        line(f"M{number(x - w * 0.28)} {number(y + h * 0.3)}h{number(w * 0.56)}", mix(color, "#4a2511", 0.55), 7),
        line(f"M{number(x - w * 0.17)} {number(y + h * 0.4)}h{number(w * 0.34)}", mix(color, "#4a2511", 0.3), 5),
    )


def jar(x: float, base: float, w: float, h: float, content: str, *, lid: str) -> str:
    """A screw-top glass jar, filled to the shoulder."""
    left, top = x - w / 2, base - h
    ridges = "".join(f"M{number(left + w * (0.1 + n * 0.08))} {number(top - 44)}v34" for n in range(11))
    return group(
        rect(left, top, w, h, "#ffffff", r=w * 0.16, opacity=0.6),
        rect(left + 8, top + 34, w - 16, h - 44, side(content), r=w * 0.13),
        rect(left + w * 0.08, top - 12, w * 0.84, 30, "#ffffff", r=6, opacity=0.7),
        rect(left + w * 0.02, top - 58, w * 0.96, 58, side(lid), r=12),
        line(ridges, mix(lid, "#000000", 0.3), 4, opacity=0.5),
        gloss(left + w * 0.09, top + 46, w * 0.06, h * 0.66),
    )


def tin(x: float, base: float, w: float, h: float, color: str, *, lid: str) -> str:
    """A tall tin with a press-in lid."""
    rim = w * 0.065
    return group(
        cylinder(x, base - h, base, w, side(color)),
        cylinder(x, base - 12, base, w, side("#c9c4ba")),
        cylinder(x, base - h - 22, base - h + 4, w + 10, side(lid)),
        ellipse(x, base - h - 22, w / 2 + 5, rim, mix(lid, "#ffffff", 0.35)),
        ellipse(x, base - h - 19, w / 2 - 16, rim - 6, mix(lid, "#000000", 0.1)),
    )


def band(x: float, top: float, bottom: float, w: float, color: str) -> str:
    """A printed band round a tin or a cup of width w."""
    return cylinder(x, top, bottom, w, side(color))


def bottle(x: float, base: float, w: float, h: float, liquid: str, *, cap: str) -> str:
    """A clear bottle with round shoulders, full up to its neck."""
    a, neck, top = w / 2, w * 0.17, base - h

    def outline(inset: float, start: float) -> str:
        b, n = a - inset, neck - inset * 0.6
        shoulder = top + h * 0.36
        return (
            f"M{number(x - n)} {number(start)}V{number(top + h * 0.14)}C{number(x - n)} {number(top + h * 0.25)} "
            f"{number(x - b)} {number(top + h * 0.24)} {number(x - b)} {number(shoulder)}V{number(base - 26 - inset)}"
            f"Q{number(x - b)} {number(base - inset)} {number(x - b + 26)} {number(base - inset)}H{number(x + b - 26)}"
            f"Q{number(x + b)} {number(base - inset)} {number(x + b)} {number(base - 26 - inset)}V{number(shoulder)}"
            f"C{number(x + b)} {number(top + h * 0.24)} {number(x + n)} {number(top + h * 0.25)} {number(x + n)} "
            f"{number(top + h * 0.14)}V{number(start)}Z"
        )

    return group(
        path(outline(0, top + 20), "#ffffff", opacity=0.6),
        path(outline(7, top + h * 0.15), side(liquid)),
        rect(x - neck - 8, top - 14, neck * 2 + 16, 48, side(cap), r=9),
        rect(x - neck - 10, top + 38, neck * 2 + 20, 11, side(mix(cap, "#000000", 0.12)), r=5),
        gloss(x - a + w * 0.12, top + h * 0.4, w * 0.07, h * 0.5),
    )


def sack(x: float, base: float, w: float, h: float, color: str) -> str:
    """A stitched woven sack which bulges with what is in it."""
    a, top = w / 2, base - h
    seam = "".join(f"M{number(x - a + 30 + n * 22)} {number(top + 22)}l9 12" for n in range(int((w - 50) / 22)))
    return group(
        path(
            f"M{number(x - a + 14)} {number(top)}q{number(a * 0.5)} 16 {number(a - 14)} 4t{number(a - 14)} -4"
            f"q-4 44 12 {number(h * 0.3)}t-4 {number(h * 0.6)}q-4 26 -34 22q{number(-a + 30)} 8 {number(-w + 84)} 0"
            f"q-32 4 -36 -26q-16 {number(-h * 0.3)} 0 {number(-h * 0.55)}t8 {number(-h * 0.34)}Z",
            side(color),
        ),
        line(seam, mix(color, "#5a3820", 0.55), 5),
        line(f"M{number(x - a + 40)} {number(base - 40)}q30 -30 22 -70", mix(color, "#000000", 0.18), 6, opacity=0.6),
        line(f"M{number(x + a - 44)} {number(base - 30)}q-34 -40 -16 -90", mix(color, "#000000", 0.25), 6, opacity=0.5),
    )


def bowl(x: float, rim: float, w: float, depth: float, color: str, *, inside: str) -> str:
    """A round bowl seen a little from above; what lies in it is painted over its inside."""
    a = w / 2
    left, right, low = number(x - a), number(x + a), number(rim + depth)
    return group(
        path(
            f"M{left} {number(rim)}C{left} {number(rim + depth * 0.75)} {number(x - a * 0.55)} {low} "
            f"{number(x)} {low}S{right} {number(rim + depth * 0.75)} {right} {number(rim)}Z",
            side(color),
        ),
        ellipse(x, rim, a, a * 0.2, mix(color, "#ffffff", 0.25)),
        ellipse(x, rim + 3, a - 12, a * 0.2 - 8, fall(mix(inside, "#000000", 0.3), inside)),
    )


def heap(x: float, y: float, w: float, h: float, color: str) -> str:
    """A loose heap of flour, grain or coals, w wide and h high above its foot at y."""
    a = w / 2
    return path(
        f"M{number(x - a)} {number(y)}Q{number(x - a * 0.45)} {number(y - h * 0.7)} {number(x - a * 0.12)} "
        f"{number(y - h)}Q{number(x)} {number(y - h * 1.1)} {number(x + a * 0.14)} {number(y - h * 0.96)}"
        f"Q{number(x + a * 0.5)} {number(y - h * 0.66)} {number(x + a)} {number(y)}"
        f"Q{number(x)} {number(y + a * 0.32)} {number(x - a)} {number(y)}Z",
        fall(mix(color, "#ffffff", 0.35), mix(color, "#7a5020", 0.12)),
    )
