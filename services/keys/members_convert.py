"""Records of members as messages of the contract, and messages as changes to records."""

from datetime import datetime

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from sedifex.keys.v1 import members_pb2

from services.common.errors import InvalidArgument
from services.common.masks import chosen_fields
from services.common.times import to_timestamp
from services.keys.membership import invitations
from services.keys.membership.accounts import Profile
from services.keys.membership.invitations import Welcome
from services.keys.membership.queries import Invitation, Membership, Session
from services.keys.membership.roles import NAMES, ROLES
from services.keys.membership.sessions import ABSOLUTE_END


def member_message(profile: Profile) -> members_pb2.Member:
    """The member as they see themselves."""
    member = profile.member
    return members_pb2.Member(
        name=f"members/{member.id}",
        email=member.email,
        display_name=member.display_name,
        create_time=to_timestamp(member.create_time),
        totp_enabled=member.uses_totp,
        recovery_codes_left=profile.recovery_codes_left,
        memberships=[
            members_pb2.Member.StoreMembership(
                store=f"stores/{each.store_id}", role=ROLES[each.role], suspended=each.is_suspended
            )
            for each in profile.stores
        ],
    )


def session_message(session: Session, current_id: str) -> members_pb2.Session:
    """The session as its member sees it; `current_id`: the one that the call is made with."""
    return members_pb2.Session(
        name=f"members/{session.member_id}/sessions/{session.id}",
        create_time=to_timestamp(session.create_time),
        last_use_time=to_timestamp(session.last_use_time),
        last_use_address=session.last_use_address,
        last_use_agent=session.last_use_agent,
        current=session.id == current_id,
        expire_time=to_timestamp(session.create_time + ABSOLUTE_END),
        authenticate_time=to_timestamp(session.authenticate_time),
    )


def membership_message(membership: Membership) -> members_pb2.Membership:
    """The membership as the shop's people see it."""
    return members_pb2.Membership(
        name=f"stores/{membership.store_id}/memberships/{membership.member_id}",
        member=f"members/{membership.member_id}",
        email=membership.email,
        display_name=membership.display_name,
        role=ROLES[membership.role],
        create_time=to_timestamp(membership.create_time),
        totp_enabled=membership.uses_totp,
    )


def invitation_message(invitation: Invitation, now: datetime) -> members_pb2.Invitation:
    """The invitation as the shop's owners see it at `now`."""
    return members_pb2.Invitation(
        name=f"stores/{invitation.store_id}/invitations/{invitation.id}",
        email=invitation.email,
        role=ROLES[invitation.role],
        creator=invitation.creator,
        create_time=to_timestamp(invitation.create_time),
        expire_time=to_timestamp(invitation.expire_time),
        state=invitations.state_of(invitation, now),
        member=f"members/{invitation.member_id}" if invitation.member_id else "",
    )


def welcome_message(welcome: Welcome, store_display_name: str) -> members_pb2.LookUpInvitationResponse:
    """What whoever holds an invitation's token is told."""
    invitation = welcome.invitation
    return members_pb2.LookUpInvitationResponse(
        store=f"stores/{invitation.store_id}",
        store_display_name=store_display_name,
        email=invitation.email,
        role=ROLES[invitation.role],
        inviter=welcome.inviter,
        expire_time=to_timestamp(invitation.expire_time),
        has_account=welcome.has_account,
    )


def wanted_name(message: members_pb2.Member, mask: FieldMask) -> str | None:
    """What the member wants to be called; None: as before.

    Raises:
        InvalidArgument: the mask names something that cannot be changed.
    """
    return message.display_name if _is_chosen(message, mask, "display_name") else None


def wanted_role(message: members_pb2.Membership, mask: FieldMask) -> str | None:
    """What the member is to be in the store; None: what they are.

    Raises:
        InvalidArgument: the mask names something that cannot be changed, or the role is none.
    """
    if not _is_chosen(message, mask, "role"):
        return None
    if message.role not in NAMES:
        raise InvalidArgument.field("membership.role", "must be ROLE_STAFF, ROLE_ADMIN or ROLE_OWNER")
    return NAMES[message.role]


def _is_chosen(message: Message, mask: FieldMask, name: str) -> bool:
    return name in chosen_fields(message, mask, (name,))
