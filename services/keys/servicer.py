"""KeysService of the contract: reads requests, calls the domain, writes answers."""

import logging

from sedifex.keys.v1 import keys_pb2, keys_pb2_grpc

from services.common import telemetry
from services.common.access import token as token_format
from services.common.access.caller import current_caller
from services.common.access.origin import current_origin
from services.common.database import Database
from services.common.ids import ids_of, new_id
from services.common.paging import PageRequest
from services.common.server import Context
from services.common.stores import StoreDirectory, StoreFacts
from services.common.times import from_timestamp, now, to_timestamp
from services.keys import audit, leaks, lifecycle, rotation, suspension
from services.keys.audit import Act
from services.keys.barrier import Barrier
from services.keys.convert import (
    audit_entry_message,
    audit_filter,
    key_message,
    key_values,
    verification_message,
)
from services.keys.digest import Digester
from services.keys.leak_reports import endings_message, leaks_of
from services.keys.reach import stores_of
from services.keys.watching import Watching

log = logging.getLogger(__name__)


class KeysServicer(keys_pb2_grpc.KeysServiceServicer):
    """See proto/sedifex/keys/v1/keys.proto for what each method promises."""

    def __init__(
        self, database: Database, digester: Digester, barrier: Barrier, watching: Watching, stores: StoreDirectory
    ) -> None:
        self._database = database
        self._digester = digester
        self._barrier = barrier
        self._watching = watching
        self._stores = stores

    async def CreateKey(self, request: keys_pb2.CreateKeyRequest, _context: Context) -> keys_pb2.CreateKeyResponse:
        """Creates an API key and reveals its secret, this once."""
        wanted = _new_key(request)
        store = await self._stores.get_alike(stores_of(wanted.store_id, wanted.stores))
        token, act = _new_token(store), _act()
        key = await self._database.write(lifecycle.create_key, new_id("key"), wanted, token, self._digester, act)
        return keys_pb2.CreateKeyResponse(key=key_message(key, act.now), secret=token)

    async def GetKey(self, request: keys_pb2.GetKeyRequest, _context: Context) -> keys_pb2.GetKeyResponse:
        """Gets one key."""
        store_id, key_id = ids_of(request.name)
        moment = now()
        key = await self._database.read(lifecycle.get_key, store_id, key_id, moment)
        return keys_pb2.GetKeyResponse(key=key_message(key, moment))

    async def ListKeys(self, request: keys_pb2.ListKeysRequest, _context: Context) -> keys_pb2.ListKeysResponse:
        """Lists the keys of a store."""
        wanted = PageRequest.parse(request.page_size, request.page_token, request.parent, request.state)
        (store_id,) = ids_of(request.parent)
        moment = now()
        page = await self._database.read(lifecycle.list_keys, store_id, request.state, wanted, moment)
        keys = [key_message(key, moment) for key in page.rows]
        return keys_pb2.ListKeysResponse(keys=keys, next_page_token=page.next_page_token)

    async def UpdateKey(self, request: keys_pb2.UpdateKeyRequest, _context: Context) -> keys_pb2.UpdateKeyResponse:
        """Changes a key."""
        store_id, key_id = ids_of(request.key.name)
        values = key_values(request.key, request.update_mask)
        if "stores" in values:
            await self._stores.get_alike(stores_of(store_id, values["stores"]))
        act = _act()
        key = await self._database.write(lifecycle.update_key, store_id, key_id, values, request.key.etag, act)
        await self._barrier.confirm()
        return keys_pb2.UpdateKeyResponse(key=key_message(key, act.now))

    async def RotateKey(self, request: keys_pb2.RotateKeyRequest, _context: Context) -> keys_pb2.RotateKeyResponse:
        """Gives a key a new secret and reveals it, this once."""
        store_id, key_id = ids_of(request.name)
        token = _new_token(await self._stores.get(store_id))
        act = _act()
        key = await self._database.write(
            rotation.rotate_key,
            store_id,
            key_id,
            overlap=request.overlap.ToTimedelta() if request.HasField("overlap") else rotation.DEFAULT_OVERLAP,
            token=token,
            request_id=request.request_id or None,
            digester=self._digester,
            act=act,
        )
        await self._barrier.confirm()
        return keys_pb2.RotateKeyResponse(key=key_message(key, act.now), secret=token)

    async def CompleteKeyRotation(
        self, request: keys_pb2.CompleteKeyRotationRequest, _context: Context
    ) -> keys_pb2.CompleteKeyRotationResponse:
        """Ends the overlap of a rotation now."""
        store_id, key_id = ids_of(request.name)
        act = _act()
        key = await self._database.write(rotation.complete_key_rotation, store_id, key_id, act)
        await self._barrier.confirm()
        return keys_pb2.CompleteKeyRotationResponse(key=key_message(key, act.now))

    async def CancelKeyRotation(
        self, request: keys_pb2.CancelKeyRotationRequest, _context: Context
    ) -> keys_pb2.CancelKeyRotationResponse:
        """Takes a rotation back."""
        store_id, key_id = ids_of(request.name)
        act = _act()
        key = await self._database.write(rotation.cancel_key_rotation, store_id, key_id, act)
        await self._barrier.confirm()
        return keys_pb2.CancelKeyRotationResponse(key=key_message(key, act.now))

    async def RevokeKey(self, request: keys_pb2.RevokeKeyRequest, _context: Context) -> keys_pb2.RevokeKeyResponse:
        """Revokes a key."""
        store_id, key_id = ids_of(request.name)
        act = _act()
        key = await self._database.write(lifecycle.revoke_key, store_id, key_id, act)
        # The audit log has it too; a line outside of the database tells of it after a backup was restored.
        log.info("a key was revoked", extra={"resource": request.name, "actor": act.caller.principal})
        confirmed = await self._barrier.confirm()
        return keys_pb2.RevokeKeyResponse(
            key=key_message(key, act.now),
            epoch=confirmed.epoch,
            acknowledged=confirmed.acknowledged,
            lapsed=confirmed.lapsed,
        )

    async def SuspendStore(
        self, request: keys_pb2.SuspendStoreRequest, _context: Context
    ) -> keys_pb2.SuspendStoreResponse:
        """Suspends a store."""
        (store_id,) = ids_of(request.name)
        await self._stores.get(store_id)
        await self._database.write(suspension.suspend_store, store_id, request.reason, _act())
        confirmed = await self._barrier.confirm()
        return keys_pb2.SuspendStoreResponse(
            epoch=confirmed.epoch, acknowledged=confirmed.acknowledged, lapsed=confirmed.lapsed
        )

    async def ResumeStore(
        self, request: keys_pb2.ResumeStoreRequest, _context: Context
    ) -> keys_pb2.ResumeStoreResponse:
        """Ends the suspension of a store."""
        (store_id,) = ids_of(request.name)
        await self._stores.get(store_id)
        await self._database.write(suspension.resume_store, store_id, _act())
        await self._barrier.confirm()
        return keys_pb2.ResumeStoreResponse()

    async def ListAuditEntries(
        self, request: keys_pb2.ListAuditEntriesRequest, _context: Context
    ) -> keys_pb2.ListAuditEntriesResponse:
        """Lists what has been done to the keys of a store."""
        (store_id,) = ids_of(request.parent)
        wanted = audit_filter(request)
        page_request = PageRequest.parse(request.page_size, request.page_token, request.parent, wanted, position=(int,))
        page = await self._database.read(audit.list_entries, store_id, wanted, page_request)
        return keys_pb2.ListAuditEntriesResponse(
            audit_entries=map(audit_entry_message, page.rows), next_page_token=page.next_page_token
        )

    async def CountKeyUses(
        self, request: keys_pb2.CountKeyUsesRequest, _context: Context
    ) -> keys_pb2.CountKeyUsesResponse:
        """Counts the uses of a store's keys by hours."""
        (store_id,) = ids_of(request.parent)
        hours = await self._database.read(lifecycle.count_uses, store_id, now())
        return keys_pb2.CountKeyUsesResponse(
            hours=[keys_pb2.KeyUseCount(start_time=to_timestamp(hour), use_count=uses) for hour, uses in hours]
        )

    async def VerifyAuditEntries(
        self, request: keys_pb2.VerifyAuditEntriesRequest, _context: Context
    ) -> keys_pb2.VerifyAuditEntriesResponse:
        """Walks the audit log of a store and says what is wrong with it."""
        (store_id,) = ids_of(request.parent)
        return verification_message(await self._database.write(audit.verify_newest, store_id))

    async def VerifyToken(
        self, request: keys_pb2.VerifyTokenRequest, _context: Context
    ) -> keys_pb2.VerifyTokenResponse:
        """Tells a Sedifex service whose token this is."""
        return await self._watching.verify(request.token)

    async def RenewLease(self, request: keys_pb2.RenewLeaseRequest, _context: Context) -> keys_pb2.RenewLeaseResponse:
        """Extends a lease and tells of what has changed since."""
        return await self._watching.renew(request, current_caller().principal)

    async def ReportLeakedKeys(
        self, request: keys_pb2.ReportLeakedKeysRequest, _context: Context
    ) -> keys_pb2.ReportLeakedKeysResponse:
        """Ends what tokens open that were found where others can read them."""
        # A transaction for each: what is ended stays so if a later one cannot be, and no two keys are locked at once.
        endings = [
            await self._database.write(leaks.end_leaked, each, self._digester, _act()) for each in leaks_of(request)
        ]
        return endings_message(endings, await self._barrier.confirm())


def _new_key(request: keys_pb2.CreateKeyRequest) -> lifecycle.NewKey:
    """The key that a client wants made."""
    return lifecycle.NewKey(
        store_id=ids_of(request.parent)[0],
        display_name=request.display_name,
        scopes=tuple(request.scopes),
        stores=tuple(ids_of(store)[0] for store in request.stores),
        allowed_cidrs=tuple(request.allowed_cidrs),
        expire_time=from_timestamp(request.expire_time) if request.HasField("expire_time") else None,
        request_id=request.request_id or None,
    )


def _new_token(store: StoreFacts) -> str:
    return token_format.mint(token_format.Kind.TEST if store.is_test else token_format.Kind.LIVE)


def _act() -> Act:
    return Act(current_caller(), now(), telemetry.request_id(), lambda: new_id("aud"), current_origin().address)
