"""Members: joining a store, what each role may do there, and how it ends."""

import grpc
from sedifex.access.v1 import access_pb2
from sedifex.catalog.v1 import catalog_pb2
from sedifex.keys.v1 import members_pb2

from tests.system import System

Code = grpc.StatusCode
STAFF, ADMIN, OWNER = access_pb2.ROLE_STAFF, access_pb2.ROLE_ADMIN, access_pb2.ROLE_OWNER


async def test_whoever_accepts_an_invitation_belongs_to_the_store_and_is_signed_in(system: System) -> None:
    store = await system.new_store()
    person = await system.new_member(store, ADMIN)
    me = (await person.client.members.GetMember(members_pb2.GetMemberRequest(name="members/me"))).member
    assert me == person.member
    assert (me.email, me.display_name) == (person.email, "Ama")
    assert [(each.store, each.role) for each in me.memberships] == [(store, ADMIN)]
    assert (await person.client.catalog.GetStore(catalog_pb2.GetStoreRequest(name=store))).store.name == store
