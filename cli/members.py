"""Members from the command line, straight in the Keys database: whoever can do that runs the system anyway.

A link is shown where it is known at which address people reach the gateway (SEDIFEX_PUBLIC_URL), else the token alone.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from sedifex.access.v1 import access_pb2

from services.common.access import token as token_format
from services.common.access.caller import Caller
from services.common.database import BlockingDatabase
from services.common.errors import InvalidArgument, NotFound
from services.common.ids import new_id
from services.common.paging import MAX_SIZE
from services.common.settings import KeysDatabaseSettings, KeysSettings
from services.keys.audit import Act
from services.keys.digest import Digester
from services.keys.membership import emails, invitations, links, queries, second_factor
from services.keys.membership.accounts import RESET_LASTS
from services.keys.membership.invitations import NewInvitation
from services.keys.membership.queries import Member, Membership
from services.keys.membership.roles import OWNER, ROLES
from services.keys.models import handle
from services.keys.queries import list_owners

COMMAND_LINE = Caller("operators/command-line", access_pb2.AUDIENCE_OPERATOR)
"""Who acts: the machine's administrator, whose name the audit log cannot know."""


def invite(settings: KeysSettings, email: str, store: str, role: str) -> str:
    """Invites somebody to a store, whether or not Catalog has it yet; answers the link, or the token.

    Raises:
        InvalidArgument: the email, the store's id or the role is none.
        AlreadyExists: they belong to the store.
        Unavailable: the database cannot be reached.
    """
    if role not in ROLES:
        raise InvalidArgument.field("role", f"must be one of {', '.join(ROLES)}")
    wanted = NewInvitation(
        id=new_id("inv"),
        store_id=store_id_of(store),
        email=emails.normalise(email),
        role=role,
        token=token_format.mint(token_format.Kind.INVITATION),
    )
    with _database(settings) as database:
        database.write(invitations.create_invitation, wanted, Digester(settings.token_peppers), _act())
    return links.invitation_link(settings.public_url, wanted.token) or wanted.token


def first_owner_invitation(settings: KeysSettings, email: str, store: str, known: str | None) -> str | None:
    """The link by which a store gets its first owner; None when it has one.

    `known` is the link of an earlier run: its invitation is kept while it can be accepted, at the present address.
    """
    store_id, digester = store_id_of(store), Digester(settings.token_peppers)
    with _database(settings) as database:
        if database.read(list_owners, [store_id])[store_id]:
            return None
        if known:
            token = links.token_of(known)
            try:
                database.read(invitations.get_pending, token, digester, datetime.now(UTC))
            except NotFound:
                pass
            else:
                return links.invitation_link(settings.public_url, token) or token
    return invite(settings, email, store, OWNER)


def list_members(settings: KeysDatabaseSettings, store: str) -> Iterator[Membership]:
    """All members of a store, in the order in which they first joined.

    Raises:
        Unavailable: the database cannot be reached.
    """
    store_id, after = store_id_of(store), None
    with _database(settings) as database:
        while page := database.read(queries.list_memberships, store_id, after, MAX_SIZE):
            yield from page
            after = [page[-1].member_id]


def reset_password(settings: KeysSettings, email: str) -> str:
    """Lets a member set a new password; answers the link, or the token.

    Raises:
        NotFound: there is no such member.
        Unavailable: the database cannot be reached.
    """
    token = token_format.mint(token_format.Kind.RESET)
    digest = Digester(settings.token_peppers).new(token)
    with _database(settings) as database:
        member = database.read(_get_member, email)
        database.write(queries.replace_password_reset, member.id, digest, datetime.now(UTC) + RESET_LASTS)
    return links.reset_link(settings.public_url, token) or token


def disable_totp(settings: KeysDatabaseSettings, email: str) -> None:
    """Turns a member's one-time codes off.

    Raises:
        NotFound: there is no such member.
        Unavailable: the database cannot be reached.
    """
    with _database(settings) as database:
        database.write(second_factor.disable, database.read(_get_member, email).id)


def store_id_of(store: str) -> str:
    """The id of a store that was given by id or by resource name.

    Raises:
        InvalidArgument: it is neither.
    """
    store_id = store.removeprefix("stores/")
    if not re.fullmatch(r"[a-z][a-z0-9_-]{1,62}", store_id):
        raise InvalidArgument.field("store", 'must be a store\'s id like "st_makola"')
    return store_id


def _get_member(email: str) -> Member:
    member = queries.find_member_by_email(emails.normalise(email))
    if member is None:
        raise NotFound(f"Nobody signs in as {email}. Compare with 'sedifex member list'.", reason="MEMBER_NOT_FOUND")
    return member


def _act() -> Act:
    return Act(COMMAND_LINE, datetime.now(UTC), "", lambda: new_id("aud"))


@contextmanager
def _database(settings: KeysSettings | KeysDatabaseSettings) -> Iterator[BlockingDatabase]:
    with BlockingDatabase(handle, settings.keys_database_url.get_secret_value(), "member") as database:
        yield database
