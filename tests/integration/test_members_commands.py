"""What `sedifex member …` does, straight in the database of a running system."""

import grpc
import pytest
from sedifex.access.v1 import access_pb2
from sedifex.keys.v1 import keys_pb2, members_pb2

from cli import members
from services.common.errors import AlreadyExists, InvalidArgument, NotFound
from services.common.settings import KeysDatabaseSettings
from tests.system import System, refused

Code = grpc.StatusCode


async def test_the_first_owner_joins_by_a_link_from_the_command_line(system: System) -> None:
    store = await system.new_store()
    link = members.invite(system.settings.keys, "Ama.First@Shop.example", store, "owner")
    page, token = link.split("#")
    assert page == "https://shops.example.com/admin/invitation"
    request = members_pb2.AcceptInvitationRequest(token=token, display_name="Ama", password="kenkey and shito")
    joined = await system.as_(None).members.AcceptInvitation(request)
    assert [(each.store, each.role) for each in joined.member.memberships] == [(store, access_pb2.ROLE_OWNER)]
    entries = await system.as_(joined.token).keys.ListAuditEntries(keys_pb2.ListAuditEntriesRequest(parent=store))
    assert [(entry.action, entry.actor) for entry in entries.audit_entries] == [
        ("member.joined", joined.member.name),
        ("member.invited", "operators/command-line"),
    ]
    (listed,) = members.list_members(_database(system), store.removeprefix("stores/"))
    assert (listed.email, listed.role, listed.uses_totp) == ("ama.first@shop.example", "owner", False)
    with pytest.raises(AlreadyExists):
        members.invite(system.settings.keys, "ama.first@shop.example", store, "owner")


def test_without_a_public_address_the_token_alone_is_shown(system: System) -> None:
    nowhere = system.settings.keys.model_copy(update={"public_url": ""})
    assert members.invite(nowhere, "kofi@shop.example", "st_nowhere", "staff").startswith("sdfx_inv_")


@pytest.mark.parametrize(
    ("email", "store", "role"),
    [("nobody", "st_a1", "owner"), ("ama@shop.example", "No Store", "owner"), ("ama@shop.example", "st_a1", "boss")],
)
def test_an_invitation_that_makes_no_sense_is_refused(system: System, email: str, store: str, role: str) -> None:
    with pytest.raises(InvalidArgument):
        members.invite(system.settings.keys, email, store, role)


async def test_the_invitation_of_the_first_owner_is_kept_until_somebody_owns_the_store(
    system: System, databases: dict[str, str]
) -> None:
    store, settings = await system.new_store(), system.settings.keys
    first = members.first_owner_invitation(settings, "owner@shop.example", store, None)
    assert first is not None
    assert members.first_owner_invitation(settings, "owner@shop.example", store, first) == first
    moved = settings.model_copy(update={"public_url": "http://127.0.0.1:9999"})
    elsewhere = members.first_owner_invitation(moved, "owner@shop.example", store, first)
    assert elsewhere == f"http://127.0.0.1:9999/admin/invitation#{first.split('#')[1]}"
    second = members.first_owner_invitation(settings, "owner@shop.example", store, "lost")
    assert second is not None
    assert second != first
    await system.new_member(store)
    assert members.first_owner_invitation(settings, "owner@shop.example", store, second) is None


async def test_who_has_lost_app_and_codes_signs_in_by_the_password_alone_again(system: System) -> None:
    person = await system.new_member(await system.new_store())
    await person.enable_totp()
    sign_in = members_pb2.SignInRequest(email=person.email, password=person.password)
    await refused(system.as_(None).members.SignIn(sign_in), Code.UNAUTHENTICATED, "TOTP_REQUIRED")
    members.disable_totp(_database(system), person.email.upper())
    assert (await system.as_(None).members.SignIn(sign_in)).token


def test_a_command_about_nobody_says_so(system: System) -> None:
    with pytest.raises(NotFound, match="nobody@shop"):
        members.disable_totp(_database(system), "nobody@shop.example")
    with pytest.raises(NotFound, match="nobody@shop"):
        members.reset_password(system.settings.keys, "nobody@shop.example")


def _database(system: System) -> KeysDatabaseSettings:
    return KeysDatabaseSettings.model_validate({"keys_database_url": system.settings.keys.keys_database_url})
