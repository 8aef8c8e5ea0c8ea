"""The icons, drawn for these pages: 24 units square, one stroke of 1.75, the colour of the text beside them."""

import re
from pathlib import Path

from markupsafe import Markup

_SYMBOL = re.compile(r'<symbol id="([a-z-]+)">(.*?)</symbol>', re.DOTALL)
_DRAWN = {
    name: " ".join(body.split())
    for name, body in _SYMBOL.findall(Path(__file__).with_name("icons.svg").read_text("utf-8"))
}


def icon(name: str, css_class: str = "") -> Markup:
    """An icon. It is hidden from screen readers: the words beside it say what it means.

    Raises:
        KeyError: there is none of this name in icons.svg.
    """
    body = Markup(_DRAWN[name])  # noqa: S704 - a file of ours
    return Markup('<svg class="icon {}" viewBox="0 0 24 24" aria-hidden="true" focusable="false">{}</svg>').format(
        css_class, body
    )
