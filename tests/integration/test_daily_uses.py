"""How often keys are used, by day and hour: counted by those who let calls pass, told with the lease, kept by Keys."""

import asyncio
from datetime import UTC, datetime, timedelta

from sedifex.access.v1 import access_pb2
from sedifex.catalog.v1 import catalog_pb2
from sedifex.keys.v1 import keys_pb2

from services.common.access import leased
from services.common.access import token as token_format
from services.common.access.leased import LeasedVerdicts
from services.common.access.origin import Origin
from services.common.access.refusals import Refusals
from services.common.database import BlockingDatabase
from services.common.errors import Unavailable
from services.keys import queries
from services.keys.models import handle
from services.keys.queries import DAYS_OF_USE, Use
from tests.system import Client, System

WAIT_S = 30.0


async def test_each_use_of_a_key_is_counted_with_all_its_secrets(system: System) -> None:
    store = await system.new_store()
    key, client = await system.new_key(store)
    rotated = await system.operator.keys.RotateKey(keys_pb2.RotateKeyRequest(name=key.name))
    for each in (client, client, client, system.as_(rotated.secret)):
        await each.catalog.ListStores(catalog_pb2.ListStoresRequest())
    uses = await _until_used(system, key.name, 4)
    assert uses == [0] * (DAYS_OF_USE - 1) + [4]


async def test_days_have_their_own_counts_and_old_ones_are_forgotten(system: System, databases: dict[str, str]) -> None:
    key, _ = await system.new_key(await system.new_store())
    key_id = key.name.rpartition("/")[2]
    today = datetime.now(UTC)
    with BlockingDatabase(handle, databases["keys"], "test-uses") as database:
        (secret,) = database.read(lambda: _secrets(key_id))
        for days, count in ((40, 9), (13, 2), (1, 5), (1, 6), (0, 1)):
            use = Use(today - timedelta(days=days), "192.0.2.1", "Shop/1.0", count)
            database.read(queries.note_uses, {secret: use})
        days_kept = database.read(lambda: handle.execute_sql(_DAYS, (key_id,)).fetchone()[0])
    found = (await system.operator.keys.GetKey(keys_pb2.GetKeyRequest(name=key.name))).key
    assert list(found.daily_uses) == [2, *[0] * (DAYS_OF_USE - 3), 11, 1]
    assert days_kept == 3, "the day of forty days ago is gone"


async def test_uses_are_counted_by_the_hour_for_each_store_that_the_key_reaches(
    system: System, databases: dict[str, str]
) -> None:
    store, other = await system.new_store(), await system.new_store()
    key, _ = await system.new_key(store)
    moment = datetime.now(UTC).replace(minute=30)
    with BlockingDatabase(handle, databases["keys"], "test-uses") as database:
        (secret,) = database.read(lambda: _secrets(key.name.rpartition("/")[2]))
        for hours, count in ((60, 9), (24, 7), (23, 2), (3, 5), (3, 6), (0, 1)):
            use = Use(moment - timedelta(hours=hours), "192.0.2.1", "Shop/1.0", count)
            database.read(queries.note_uses, {secret: use})
        kept = database.read(lambda: handle.execute_sql(_HOURS, (key.name.rpartition("/")[2],)).fetchone()[0])
    counted = await system.operator.keys.CountKeyUses(keys_pb2.CountKeyUsesRequest(parent=store))
    assert [each.use_count for each in counted.hours] == [2, *[0] * 19, 11, 0, 0, 1]
    assert counted.hours[-1].start_time.ToDatetime(UTC) == moment.replace(minute=0, second=0, microsecond=0)
    assert kept == 4, "the hour of sixty hours ago is gone"
    elsewhere = await system.operator.keys.CountKeyUses(keys_pb2.CountKeyUsesRequest(parent=other))
    assert not any(each.use_count for each in elsewhere.hours)


async def test_uses_that_could_not_be_told_wait_within_what_a_renewal_takes() -> None:
    """Beyond that Keys would refuse every renewal, and with it every call."""
    source = _Deaf()
    verdicts = LeasedVerdicts(source, Refusals(1_000_000))
    running = asyncio.create_task(verdicts.run())
    try:
        tokens = [token_format.mint(token_format.Kind.LIVE) for _ in range(leased.MAX_USES + 10)]
        async with asyncio.timeout(WAIT_S):
            await source.renewed.wait()
            for token in tokens[: leased.MAX_USES]:
                await verdicts.caller(token, Origin("192.0.2.1"))
            source.is_deaf = True
            await source.refused.wait()  # these are kept for the next renewal
            for token in tokens:
                await verdicts.caller(token, Origin("192.0.2.1"))
            source.is_deaf = False
            told = await source.told.get()
            while not told:
                told = await source.told.get()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert len(told) == leased.MAX_USES
    assert {use.count for use in told} == {2}


class _Deaf:
    """Keys, as far as a watcher sees it, which at times cannot be reached."""

    def __init__(self) -> None:
        self.is_deaf = False
        self.renewed, self.refused = asyncio.Event(), asyncio.Event()
        self.told: asyncio.Queue[list[keys_pb2.RenewLeaseRequest.SecretUse]] = asyncio.Queue()

    async def verify(self, token: str) -> keys_pb2.VerifyTokenResponse:
        return keys_pb2.VerifyTokenResponse(
            principal=f"keys/{token}", audience=access_pb2.AUDIENCE_INTEGRATION, secret=token, epoch=1
        )

    async def renew(self, request: keys_pb2.RenewLeaseRequest) -> keys_pb2.RenewLeaseResponse:
        await asyncio.sleep(0.05)
        if self.is_deaf:
            if request.uses:
                self.refused.set()
            raise Unavailable("Keys cannot be reached.")
        if self.refused.is_set():
            self.told.put_nowait(list(request.uses))
        self.renewed.set()
        answer = keys_pb2.RenewLeaseResponse(watcher="w", epoch=1)
        answer.lease.seconds = 60
        return answer


_HOURS = "SELECT count(*) FROM key_use_hour WHERE key_id = %s"
_DAYS = "SELECT count(*) FROM key_use_day WHERE key_id = %s"


def _secrets(key_id: str) -> list[str]:
    rows = handle.execute_sql("SELECT id FROM key_secret WHERE key_id = %s", (key_id,))
    return [str(row[0]) for row in rows]


async def _until_used(system: System, name: str, times: int) -> list[int]:
    """The key's uses once there are so many: what is written in batches gives no notice."""
    client: Client = system.operator
    async with asyncio.timeout(WAIT_S):
        while True:
            uses = list((await client.keys.GetKey(keys_pb2.GetKeyRequest(name=name))).key.daily_uses)
            if sum(uses) >= times:
                return uses
            await asyncio.sleep(0.1)
