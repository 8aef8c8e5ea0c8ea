"""The error of everything that reads a request."""


class InvalidRequestError(ValueError):
    """A request does not fit its message.

    `field` is the place in JSON names (`products[3].price.amount`; empty: the request as a whole), `description` a
    sentence that says what is expected there.
    """

    def __init__(self, description: str, field: str = "") -> None:
        super().__init__(description)
        self.description = description
        self.field = field

    def within(self, step: str) -> "InvalidRequestError":
        """Return self, placed one step (a name, or `[3]`) further out. The path is built only where it is needed."""
        joint = "." if self.field and not self.field.startswith("[") else ""
        self.field = f"{step}{joint}{self.field}"
        return self

    def __str__(self) -> str:
        return f"{self.field}: {self.description}" if self.field else self.description


def shown(value: object) -> str:
    """Return what a client sent, in JSON's words and short enough for a message."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "an array"
    text = repr(value) if isinstance(value, int | float) else f'"{value}"'
    return text if len(text) <= 64 else f"{text[:60]}…"
