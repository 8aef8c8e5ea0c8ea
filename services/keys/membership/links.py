"""Links to pages that take a single-use token.

The token stands behind the "#": browsers send that part to no server, so it gets into no log on the way.
"""


def invitation_link(public_url: str, token: str) -> str:
    """Where an invitation is accepted; empty if it is not known where the gateway is reached."""
    return _link(public_url, "invitation", token)


def reset_link(public_url: str, token: str) -> str:
    """Where a password is set anew; empty if it is not known where the gateway is reached."""
    return _link(public_url, "reset-password", token)


def token_of(link: str) -> str:
    """The token in a link."""
    return link.rpartition("#")[2]


def _link(public_url: str, page: str, token: str) -> str:
    return f"{public_url}/admin/{page}#{token}" if public_url else ""
