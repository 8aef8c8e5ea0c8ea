"""Who belongs to a store, as what. A store always has an owner."""

from dataclasses import replace
from typing import Any

from services.common.errors import FailedPrecondition, NotFound
from services.common.paging import Page, PageRequest
from services.keys import audit, leases
from services.keys import queries as key_queries
from services.keys.audit import Act, Deed
from services.keys.membership import invitations, queries
from services.keys.membership.queries import Membership
from services.keys.membership.roles import OWNER


def list_memberships(store_id: str, request: PageRequest) -> Page[Membership]:
    """A page of the store's members, in the order in which they first joined any store."""
    return request.page(queries.list_memberships(store_id, request.after, request.limit), lambda each: [each.member_id])


def get_membership(store_id: str, member_id: str) -> Membership:
    """What a member is in a store.

    Raises:
        NotFound: they are not in it.
    """
    membership = queries.find_membership(store_id, member_id)
    if membership is None:
        raise NotFound(
            f"There is no membership stores/{store_id}/memberships/{member_id}.", reason="MEMBERSHIP_NOT_FOUND"
        )
    return membership


def change_role(store_id: str, member_id: str, role: str | None, act: Act) -> Membership:
    """Makes a member something else in a store; who is that already stays so. None: nothing else.

    Raises:
        NotFound: they are not in it.
        FailedPrecondition: they are its last owner.
    """
    audit.hold([store_id])  # first: whether an owner is left is judged, and changed, by one at a time
    before = get_membership(store_id, member_id)
    if role is None or before.role == role:
        return before
    if before.role == OWNER:
        _lose_owner(before, act)
    after = replace(before, role=role)
    queries.set_role(store_id, member_id, role)
    _changed(act, "member.roleChanged", before, after)
    return after


def remove_member(store_id: str, member_id: str, act: Act) -> None:
    """Takes a member out of a store.

    Raises:
        NotFound: they are not in it.
        FailedPrecondition: they are its last owner.
    """
    _end(store_id, member_id, "member.removed", act)


def leave_store(store_id: str, member_id: str, act: Act) -> None:
    """The same, at the member's own wish."""
    _end(store_id, member_id, "member.left", act)


def view(membership: Membership) -> dict[str, Any]:
    """A membership for the record."""
    return {"email": membership.email, "displayName": membership.display_name, "role": membership.role}


def _end(store_id: str, member_id: str, action: str, act: Act) -> None:
    audit.hold([store_id])
    membership = get_membership(store_id, member_id)
    if membership.role == OWNER:
        _lose_owner(membership, act)
    queries.delete_membership(store_id, member_id)
    _changed(act, action, membership, None)


def _lose_owner(membership: Membership, act: Act) -> None:
    """Makes sure that an owner is left, and that whom this one has invited does not come in after them.

    Or an owner who is about to be removed could leave a door open behind them.
    """
    store_id = membership.store_id
    if key_queries.list_owners([store_id])[store_id] == {membership.member_id}:
        raise FailedPrecondition(
            "A shop must have an owner, and this is its last one. Make somebody else an owner first.",
            reason="LAST_OWNER",
        )
    invitations.revoke_all_by(store_id, f"members/{membership.member_id}", act)


def _changed(act: Act, action: str, before: Membership, after: Membership | None) -> None:
    resource = f"stores/{before.store_id}/memberships/{before.member_id}"
    audit.record(act, before.store_id, Deed(action, resource, view(before), view(after) if after else None))
    leases.invalidate([f"members/{before.member_id}"])
