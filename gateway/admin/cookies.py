"""The cookies of the admin pages.

`__Host-` makes the browser refuse a cookie that another host of the domain has set, or that came unencrypted. Safari
takes no Secure cookie from http://127.0.0.1, so a system in development mode that is reached over plain http uses names
without that prefix. In production mode there is no such way out.
"""

from starlette.requests import Request
from starlette.responses import Response

PREFIX = "__Host-"
SESSION = "sedifex_session"
"""The token of the member's session. It ends when the service ends it; the browser keeps it as long as it can last."""
VISITOR = "sedifex_visitor"
"""A random value by which forms of somebody who is not signed in are known to be theirs."""
NOTICE = "sedifex_notice"
"""What the next page says: the outcome of the form that led to it."""
SESSION_MAX_AGE_S = 14 * 24 * 3600


class Cookies:
    """Reads and sets cookies for one request."""

    def __init__(self, request: Request, *, is_development: bool) -> None:
        self._request = request
        self._is_secure = not (is_development and request.url.scheme == "http")

    def get(self, name: str) -> str:
        """The cookie's value; empty if there is none."""
        return self._request.cookies.get(self._full(name), "")

    def set(self, response: Response, name: str, value: str, max_age: int | None = None) -> None:
        """Sets it; without `max_age`, in seconds, until the browser is closed."""
        response.set_cookie(
            self._full(name), value, max_age, path="/", secure=self._is_secure, httponly=True, samesite="lax"
        )

    def delete(self, response: Response, name: str) -> None:
        """Takes it away."""
        response.delete_cookie(self._full(name), path="/", secure=self._is_secure, httponly=True, samesite="lax")

    def _full(self, name: str) -> str:
        return f"{PREFIX}{name}" if self._is_secure else name
