"""SVG elements, paints and the frame which every picture of the sample shop shares.

Everything is text: a shape is its element, a drawing is shapes joined in painting order. Lengths are units of an
800 × 800 canvas; the table top runs from y = 600 down, and things stand at about y = 650.
"""

import math
import re
from collections.abc import Iterable, Iterator

Value = str | float

# One base colour per kind of goods; the wall, the niche and the table are its tints, so that the shop looks like one.
TONES = {
    "maize": "#e6a93a",
    "leaf": "#7fa860",
    "clay": "#cc7350",
    "sky": "#5f9bc4",
    "rose": "#d4808f",
    "lagoon": "#4fa39a",
    "plum": "#8f76ad",
}

SHADE = "url(#shade)"
_PAINT = re.compile(r"url\(#([sfbg])([0-9a-f]{6})(?:-([0-9a-f]{6}))?\)")


def number(value: float) -> str:
    """Shortest text of a length, two decimals being finer than the eye sees at any size in use."""
    return f"{round(value, 2) + 0:.2f}".rstrip("0").rstrip(".")


def element(tag: str, *inner: str, **attributes: Value) -> str:
    """An element; `stroke_width` is written `stroke-width`, and a trailing underscore frees Python's own words."""
    text = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{value if isinstance(value, str) else number(value)}"'
        for name, value in attributes.items()
    )
    return f"<{tag}{text}>{''.join(inner)}</{tag}>" if inner else f"<{tag}{text}/>"


def rect(x: float, y: float, w: float, h: float, fill: str, *, r: float = 0, **more: Value) -> str:
    """A rectangle by its upper left corner, with corners rounded by `r`."""
    rounded: dict[str, Value] = {"rx": r} if r else {}
    return element("rect", x=x, y=y, width=w, height=h, fill=fill, **rounded, **more)


def circle(x: float, y: float, r: float, fill: str, **more: Value) -> str:
    """A disc by its centre."""
    return element("circle", cx=x, cy=y, r=r, fill=fill, **more)


def ellipse(x: float, y: float, rx: float, ry: float, fill: str, **more: Value) -> str:
    """An ellipse by its centre."""
    return element("ellipse", cx=x, cy=y, rx=rx, ry=ry, fill=fill, **more)


def path(d: str, fill: str, **more: Value) -> str:
    """A filled outline."""
    return element("path", d=d, fill=fill, **more)


def line(d: str, color: str, width: float, **more: Value) -> str:
    """An unfilled stroke; its ends are round, as `frame` has them."""
    return element("path", d=d, fill="none", stroke=color, stroke_width=width, **more)


def group(*parts: str, **attributes: Value) -> str:
    """Parts which share a transform, an opacity or a stroke."""
    return element("g", *parts, **attributes)


def put(shape: str, x: float, y: float, turn: float = 0, scale: float = 1) -> str:
    """The shape, drawn about the origin, set down at (x, y), turned clockwise by `turn` degrees."""
    steps = [f"translate({number(x)} {number(y)})"] if x or y else []
    if turn:
        steps.append(f"rotate({number(turn)})")
    if scale != 1:
        steps.append(f"scale({number(scale)})")
    return group(shape, transform="".join(steps))


def mix(color: str, other: str, share: float) -> str:
    """The colour, with `share` (0–1) of the other mixed into it."""
    pairs = ((int(color[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def side(color: str) -> str:
    """Paint of something round and upright, lit from the left."""
    return f"url(#s{color[1:]})"


def fall(top: str, bottom: str) -> str:
    """Paint which runs from one colour down to another."""
    return f"url(#f{top[1:]}-{bottom[1:]})"


def ball(color: str) -> str:
    """Paint of something round on all sides, lit from the upper left."""
    return f"url(#b{color[1:]})"


def glow(color: str) -> str:
    """Paint of light which fades away to nothing."""
    return f"url(#g{color[1:]})"


def shadow(x: float, y: float, rx: float, ry: float = 0) -> str:
    """The soft shadow under a thing that stands on the table."""
    return ellipse(x, y, rx, ry or rx * 0.15, SHADE)


def cylinder(x: float, top: float, base: float, width: float, fill: str, *, foot: float = 0, tilt: float = 0.13) -> str:
    """Wall of an upright round vessel centred on x; `foot` is its width below when it tapers."""
    a, b = width / 2, (foot or width) / 2
    return path(
        f"M{number(x - a)} {number(top)}A{number(a)} {number(a * tilt)} 0 0 0 {number(x + a)} {number(top)}"
        f"L{number(x + b)} {number(base)}"
        f"A{number(b)} {number(b * tilt)} 0 0 1 {number(x - b)} {number(base)}Z",
        fill,
    )


def scatter(count: int, x: float, y: float, w: float, h: float) -> Iterator[tuple[float, float]]:
    """Points spread evenly but not in rows, the same at every run: an R2 sequence, no random numbers."""
    for n in range(1, count + 1):
        yield x + w * math.modf(n * 0.7548776662)[0], y + h * math.modf(n * 0.5698402910)[0]


def around(count: int, x: float, y: float, rx: float, ry: float) -> Iterator[tuple[float, float, float]]:
    """Points on an ellipse, clockwise from the right, each with its angle in degrees."""
    for n in range(count):
        angle = 2 * math.pi * n / count
        yield x + rx * math.cos(angle), y + ry * math.sin(angle), math.degrees(angle)


def frame(tone: str, *parts: str, defs: Iterable[str] = ()) -> str:
    """The finished picture: parts on the shop's table, before its niche, in one of `TONES`.

    A paint names itself (`side("#aa5500")` is a reference), so the gradients that a picture needs are read off its
    parts and written once each.
    """
    base = TONES[tone]
    body = "".join(
        (
            rect(0, 0, 800, 800, fall(mix(base, "#ffffff", 0.62), mix(base, "#ffffff", 0.42))),
            path("M140 610V350A260 260 0 0 1 660 350V610Z", mix(base, "#ffffff", 0.8), opacity=0.75),
            rect(0, 600, 800, 200, fall(mix(base, "#fff1dc", 0.45), mix(base, "#fff1dc", 0.2))),
            rect(0, 600, 800, 5, "#ffffff", opacity=0.35),
            *parts,
        )
    )
    definitions = "".join(defs)
    gradients = [_gradient(*paint) for paint in dict.fromkeys(_PAINT.findall(definitions + body))]
    if SHADE in body:
        gradients.append(element("radialGradient", _fading("#3a1f10", 0.42), id="shade"))
    picture = element(
        "svg",
        element("defs", *gradients, definitions),
        body,
        xmlns="http://www.w3.org/2000/svg",
        viewBox="0 0 800 800",
        width=800,
        height=800,
        stroke_linecap="round",
        stroke_linejoin="round",
    )
    # A line for each group, so that a changed picture can be read in a diff.
    return picture.replace("><g", ">\n<g") + "\n"


def _gradient(kind: str, first: str, second: str) -> str:
    stops: tuple[tuple[float, str], ...]
    color = f"#{first}"
    if kind == "f":
        stops = ((0, color), (1, f"#{second}"))
        return element("linearGradient", _stops(stops), id=f"f{first}-{second}", x2=0, y2=1)
    if kind == "g":
        return element("radialGradient", _fading(color, 0.9), id=f"g{first}")
    dark, light = mix(color, "#2a1020", 0.34), mix(color, "#ffffff", 0.34)
    if kind == "s":
        stops = ((0, mix(color, dark, 0.4)), (0.22, light), (0.55, color), (1, dark))
        return element("linearGradient", _stops(stops), id=f"s{first}")
    stops = ((0, light), (0.5, color), (1, dark))
    return element("radialGradient", _stops(stops), id=f"b{first}", cx=0.35, cy=0.3, r=0.75)


def _stops(stops: Iterable[tuple[float, str]]) -> str:
    return "".join(element("stop", offset=offset, stop_color=color) for offset, color in stops)


def _fading(color: str, opacity: float) -> str:
    strengths = ((0, opacity), (1, 0))
    return "".join(element("stop", offset=offset, stop_color=color, stop_opacity=a) for offset, a in strengths)
