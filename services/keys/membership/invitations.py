"""Invitations to a store: a single-use token for whoever is to join, sent by whoever invites."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sedifex.keys.v1 import members_pb2

from services.common.access import token as token_format
from services.common.errors import AlreadyExists, FailedPrecondition, NotFound
from services.common.paging import Page, PageRequest
from services.keys import audit
from services.keys.audit import Act, Deed
from services.keys.digest import Digester
from services.keys.membership import queries
from services.keys.membership.queries import Invitation

LASTS = timedelta(days=7)
MAX_PENDING = 100
"""In a store."""

State = members_pb2.Invitation.State


@dataclass(frozen=True)
class NewInvitation:
    """An invitation that somebody wants made."""

    id: str
    store_id: str
    email: str
    """Normalised."""
    role: str
    token: str = field(repr=False)


@dataclass(frozen=True)
class Welcome:
    """What whoever holds a token is told."""

    invitation: Invitation
    inviter: str
    """What they are called; empty: Sedifex."""
    has_account: bool


def state_of(invitation: Invitation, now: datetime) -> members_pb2.Invitation.State.ValueType:
    """Where the invitation is in its life at `now`."""
    if invitation.accept_time is not None:
        return State.STATE_ACCEPTED
    if invitation.revoke_time is not None:
        return State.STATE_REVOKED
    return State.STATE_EXPIRED if invitation.expire_time <= now else State.STATE_PENDING


def create_invitation(wanted: NewInvitation, digester: Digester, act: Act) -> Invitation:
    """Invites somebody; an earlier invitation of theirs to this store is revoked.

    Raises:
        AlreadyExists: they belong to the store.
        FailedPrecondition: too many are invited.
    """
    audit.hold([wanted.store_id])
    _check_not_in(wanted)
    waiting = []
    for each in queries.list_open_invitations(wanted.store_id):
        if each.email == wanted.email:
            _revoke(each, act)
        elif state_of(each, act.now) == State.STATE_PENDING:
            waiting.append(each)
    if len(waiting) >= MAX_PENDING:
        raise FailedPrecondition(
            f"{MAX_PENDING} invitations wait to be accepted. Revoke some first.", reason="TOO_MANY_INVITATIONS"
        )
    invitation = Invitation(
        id=wanted.id,
        store_id=wanted.store_id,
        email=wanted.email,
        role=wanted.role,
        creator=act.caller.principal,
        create_time=act.now,
        expire_time=act.now + LASTS,
    )
    queries.insert_invitation(invitation, digester.new(wanted.token))
    audit.record(act, invitation.store_id, Deed("member.invited", _name(invitation), None, _view(invitation)))
    return invitation


def list_invitations(store_id: str, request: PageRequest) -> Page[Invitation]:
    """A page of the store's invitations, newest first."""
    return request.page(queries.list_invitations(store_id, request.after, request.limit), lambda each: [each.id])


def revoke_invitation(store_id: str, invitation_id: str, act: Act) -> Invitation:
    """Revokes an invitation; one that has been revoked stays so.

    Raises:
        NotFound: there is none.
        FailedPrecondition: it was accepted.
    """
    audit.hold([store_id])
    invitation = queries.lock_invitation(store_id, invitation_id)
    if invitation is None:
        raise NotFound(
            f"There is no invitation stores/{store_id}/invitations/{invitation_id}.", reason="INVITATION_NOT_FOUND"
        )
    if invitation.accept_time is not None:
        raise FailedPrecondition(
            "This invitation was accepted. Remove the member instead.", reason="INVITATION_ACCEPTED"
        )
    return invitation if invitation.revoke_time is not None else _revoke(invitation, act)


def revoke_all_by(store_id: str, creator: str, act: Act) -> None:
    """Revokes what somebody has invited to a store and nobody has accepted. Wants the hold on the store."""
    for invitation in queries.list_open_invitations(store_id):
        if invitation.creator == creator:
            _revoke(invitation, act)


def get_pending(token: str, digester: Digester, now: datetime) -> Invitation:
    """The invitation of this token, if it can be accepted at `now`.

    Raises:
        NotFound: it cannot; the answer is the same for unknown, used, revoked and old ones.
    """
    is_one = token_format.kind_of(token) is token_format.Kind.INVITATION  # or it is refused without a look-up
    return _pending(queries.find_invitation_by_digest(digester.candidates(token)) if is_one else None, now)


def look_up_invitation(token: str, digester: Digester, now: datetime) -> Welcome:
    """The same, with what one needs to know to accept it."""
    invitation = get_pending(token, digester, now)
    collection, _, creator_id = invitation.creator.partition("/")
    creator = queries.find_member(creator_id) if collection == "members" else None
    has_account = queries.find_member_by_email(invitation.email) is not None
    return Welcome(invitation, creator.display_name if creator else "", has_account)


def use_up(invitation: Invitation, member_id: str, now: datetime) -> None:
    """Notes that an invitation was accepted. Wants the hold on the store.

    Raises:
        NotFound: it cannot be accepted any more.
    """
    pending = _pending(queries.lock_invitation(invitation.store_id, invitation.id), now)
    queries.update_invitation(replace(pending, accept_time=now, member_id=member_id))


def _check_not_in(wanted: NewInvitation) -> None:
    member = queries.find_member_by_email(wanted.email)
    if member and queries.find_membership(wanted.store_id, member.id):
        raise AlreadyExists(
            f"{wanted.email} belongs to this shop already. To change what they may do, change their role.",
            reason="ALREADY_MEMBER",
            metadata={"name": f"stores/{wanted.store_id}/memberships/{member.id}"},
        )


def _revoke(invitation: Invitation, act: Act) -> Invitation:
    revoked = replace(invitation, revoke_time=act.now)
    queries.update_invitation(revoked)
    audit.record(act, invitation.store_id, Deed("invitation.revoked", _name(invitation), _view(invitation), None))
    return revoked


def _pending(invitation: Invitation | None, now: datetime) -> Invitation:
    if invitation is None or state_of(invitation, now) != State.STATE_PENDING:
        raise NotFound(
            "This invitation was used, revoked, or is too old. Ask whoever sent it for another one.",
            reason="INVITATION_NOT_FOUND",
        )
    return invitation


def _name(invitation: Invitation) -> str:
    return f"stores/{invitation.store_id}/invitations/{invitation.id}"


def _view(invitation: Invitation) -> dict[str, Any]:
    return {"email": invitation.email, "role": invitation.role}
