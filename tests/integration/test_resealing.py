"""Secrets at rest are sealed again under another key, whatever else happens to them meanwhile."""

import asyncio
import base64
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg2
import pytest
from sedifex.keys.v1 import members_pb2
from typer.testing import CliRunner

from cli.secrets.command import app
from services.common.database import BlockingDatabase
from services.common.ids import new_id
from services.common.resealing import BATCH, Outcome, Rows, reseal
from services.common.settings import VersionedSecret
from services.common.vault import Sealed, Vault
from services.keys import pepper_queries
from services.keys.models import handle as keys_handle
from services.webhooks import seal_queries
from services.webhooks.models import handle
from tests.system import Settings, System, code_of, random_secret

OLD, NEW, LOST = (
    VersionedSecret.model_validate({"version": version, "secret": random_secret()}) for version in (101, 102, 103)
)
"""No other test has these."""


class Endpoints:
    """Signing secrets in a database, sealed under the old key."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.vault = Vault([OLD, LOST])
        self.kept: dict[str, str] = {}

    def add(self, count: int, vault: Vault | None = None, *, end: str = "", deleted: bool = False) -> list[str]:
        """Makes so many endpoints, with a secret each."""
        made = [new_id("whe") for _ in range(count)]
        with _connected(self.url) as cursor:
            for endpoint in made:
                secret = f"whsec_{endpoint}"
                sealed = (vault or self.vault).seal(secret, endpoint)
                cursor.execute(
                    "INSERT INTO endpoint (id, store_id, url, display_name, event_types, state, state_reason, "
                    "create_time, delete_time) VALUES (%s, 'st_1', 'http://x', '', '{}', 'enabled', '', now(), %s)",
                    (endpoint, datetime.now(UTC) if deleted else None),
                )
                self.put(cursor, endpoint, sealed, end)
                self.kept[endpoint] = secret
        return made

    def put(self, cursor: Any, endpoint: str, sealed: Sealed, end: str = "") -> None:
        """Gives an endpoint a secret."""
        cursor.execute(
            "INSERT INTO endpoint_secret (endpoint_id, sealed, seal_version, hint, create_time, end_time) "
            "VALUES (%s, %s, %s, '', clock_timestamp(), %s)",
            (endpoint, sealed.value, sealed.version, end or None),
        )

    def versions(self, endpoints: list[str]) -> list[int]:
        """Under which versions their secrets are sealed."""
        with _connected(self.url) as cursor:
            cursor.execute("SELECT seal_version FROM endpoint_secret WHERE endpoint_id = ANY (%s)", (endpoints,))
            return sorted(row[0] for row in cursor.fetchall())

    def opened(self, vault: Vault) -> dict[str, str]:
        """All secrets, by endpoint, opened with these keys."""
        with _connected(self.url) as cursor:
            cursor.execute(
                "SELECT endpoint_id, sealed, seal_version FROM endpoint_secret WHERE endpoint_id = ANY (%s)",
                (list(self.kept),),
            )
            return {row[0]: vault.open(Sealed(bytes(row[1]), row[2]), row[0]) for row in cursor.fetchall()}


@pytest.fixture
def endpoints(settings: Settings) -> Iterator[Endpoints]:
    made = Endpoints(settings.webhooks.webhooks_database_url.get_secret_value())
    yield made
    with _connected(made.url) as cursor:
        cursor.execute("UPDATE endpoint SET delete_time = now() WHERE id = ANY (%s)", (list(made.kept),))


def _only(endpoints: Endpoints) -> Rows:
    """The rows of one test: other tests seal under keys of their own in the same table."""

    def lock(version: int, after: Any, limit: int) -> Any:
        while found := seal_queries.lock_sealed(version, after, limit):
            if mine := [each for each in found if each.owner_id in endpoints.kept]:
                return mine
            after = found[-1].position
        return []

    def count() -> dict[int, int]:
        return {version: n for version, n in seal_queries.count_sealed().items() if version > 100}

    return Rows(count, lock, seal_queries.update_sealed)


def _reseal(endpoints: Endpoints, *keys: VersionedSecret, tell: Callable[[Outcome], None] = lambda _: None) -> Outcome:
    with BlockingDatabase(handle, endpoints.url, "tests") as database:
        return reseal(database, _only(endpoints), Vault(keys), tell)


def test_every_secret_is_sealed_again_in_batches(endpoints: Endpoints) -> None:
    made = endpoints.add(BATCH + 50)
    told: list[int] = []
    outcome = _reseal(endpoints, NEW, OLD, tell=lambda so_far: told.append(so_far.resealed))
    assert outcome == Outcome(resealed=BATCH + 50)
    assert told[-1] == BATCH + 50
    assert len(told) > 1
    assert set(endpoints.versions(made)) == {NEW.version}
    assert endpoints.opened(Vault([NEW])) == endpoints.kept, "the old key is needed no more"
    assert _reseal(endpoints, NEW, OLD) == Outcome(), "a second time there is nothing to do"


def test_what_was_stopped_in_the_middle_goes_on(endpoints: Endpoints) -> None:
    endpoints.add(BATCH + 50)

    def stop(_so_far: Outcome) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _reseal(endpoints, NEW, OLD, tell=stop)
    assert endpoints.opened(Vault([NEW, OLD])) == endpoints.kept
    outcome = _reseal(endpoints, NEW, OLD)
    assert 0 < outcome.resealed < BATCH + 50
    assert endpoints.opened(Vault([NEW])) == endpoints.kept


def test_a_rotation_that_comes_between_wins(endpoints: Endpoints) -> None:
    first, _ = endpoints.add(2)
    holder = psycopg2.connect(endpoints.url)
    changed = Vault([OLD]).seal("whsec_changed", first)
    with holder.cursor() as cursor:
        cursor.execute(
            "UPDATE endpoint_secret SET sealed = %s WHERE endpoint_id = %s RETURNING 1", (changed.value, first)
        )

        told: list[int] = []

        def commit(so_far: Outcome) -> None:
            told.append(so_far.resealed)
            holder.commit()

        outcome = _reseal(endpoints, NEW, OLD, tell=commit)
    holder.close()
    assert told == [1, 2], "what is locked is left until nobody has it any more"
    assert outcome == Outcome(resealed=2)
    endpoints.kept[first] = "whsec_changed"
    assert endpoints.opened(Vault([NEW])) == endpoints.kept


def test_what_was_replaced_since_it_was_read_is_not_overwritten(endpoints: Endpoints) -> None:
    (endpoint,) = endpoints.add(1)
    with BlockingDatabase(handle, endpoints.url, "tests") as database:
        (kept,) = database.read(_only(endpoints).lock, NEW.version, None, BATCH)
        changed = Vault([OLD]).seal("whsec_changed", endpoint)
        with _connected(endpoints.url) as cursor:
            cursor.execute("UPDATE endpoint_secret SET sealed = %s WHERE endpoint_id = %s", (changed.value, endpoint))
        assert not database.write(seal_queries.update_sealed, kept, Vault([NEW]).seal("whsec_stale", endpoint))
    endpoints.kept[endpoint] = "whsec_changed"
    assert endpoints.opened(Vault([OLD])) == endpoints.kept


def test_what_cannot_be_opened_is_counted_and_left_and_the_rest_is_done(endpoints: Endpoints) -> None:
    fine = endpoints.add(2)
    lost = endpoints.add(1, Vault([LOST]))
    other = Vault([VersionedSecret.model_validate({"version": OLD.version, "secret": random_secret()})])
    damaged = endpoints.add(1, other)
    outcome = _reseal(endpoints, NEW, OLD)
    assert outcome.resealed == 2
    assert outcome.unreadable == {LOST.version: 1, OLD.version: 1}
    assert outcome.busy == 0
    assert endpoints.versions(fine) == [NEW.version] * 2
    assert endpoints.versions([*lost, *damaged]) == [OLD.version, LOST.version]


def test_what_signs_no_more_is_no_matter(endpoints: Endpoints) -> None:
    ended = endpoints.add(1, end="2020-01-01")
    deleted = endpoints.add(1, deleted=True)
    assert _reseal(endpoints, NEW, OLD) == Outcome()
    assert endpoints.versions([*ended, *deleted]) == [OLD.version] * 2


async def test_one_time_codes_work_when_their_key_has_been_replaced(system: System) -> None:
    store = await system.new_store()
    person = await system.new_member(store)
    secret, _ = await person.enable_totp()
    url = system.settings.keys.keys_database_url.get_secret_value()
    old, new = system.settings.keys.member_secret_keys[0], NEW
    member = person.name.removeprefix("members/")

    def only() -> Rows:
        def lock(version: int, after: Any, limit: int) -> Any:
            found = pepper_queries.lock_sealed(version, after, 10_000)
            return [each for each in found if each.owner_id == member]

        return Rows(dict, lock, pepper_queries.update_sealed)

    def move(*keys: VersionedSecret) -> int:
        with BlockingDatabase(keys_handle, url, "tests") as database:
            return reseal(database, only(), Vault(keys), lambda _: None).resealed

    assert await asyncio.to_thread(move, new, old) == 1
    with _connected(url) as cursor:
        cursor.execute("SELECT totp_secret, totp_key_version FROM member WHERE id = %s", (member,))
        ((sealed, version),) = cursor.fetchall()
    assert Vault([new]).open(Sealed(bytes(sealed), version), member) == secret
    assert await asyncio.to_thread(move, old, new) == 1, "and back, as when a replacement is given up"
    sign_in = members_pb2.SignInRequest(email=person.email, password=person.password, code=code_of(secret, 1))
    assert (await system.as_(None).members.SignIn(sign_in)).token


async def test_status_counts_what_hangs_on_which_secret_and_names_whom_to_tell(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await system.new_store()
    key, client = await system.new_key(store)
    await system.new_key(store)
    _set(monkeypatch, system.settings, peppers=[NEW, *system.settings.keys.token_peppers])
    text = await _run("status", "--limit", "10000")
    assert f"  version {NEW.version}, makes what is new: nothing hangs on it" in text
    assert f"{key.name}  sdfx_" in text
    assert f"…{client.token[-4:]}  never used  Test" in text
    assert client.token not in text
    limited = await _run("status", "--limit", "1")
    assert "more secrets of keys (--limit shows more)" in limited
    told = json.loads(await _run("status", "--json", "--limit", "10000"))["SEDIFEX_TOKEN_PEPPERS"]
    assert told["versions"] == [NEW.version, 1]
    assert told["hanging"]["1"]["secrets of keys"] >= 1
    assert key.name in {each["name"] for each in told["refusedWithout"]["1"]}


async def test_status_says_what_has_no_secret_any_more(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    await system.new_key(await system.new_store())
    _set(monkeypatch, system.settings, peppers=[NEW])
    text = await _run("status")
    assert "  version 1, NOT in the settings: secrets of keys: " in text
    assert "  Without version 1 these are refused:" in text


async def test_a_dry_run_counts_and_changes_nothing(
    system: System, endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = endpoints.add(3)
    _set(monkeypatch, system.settings, webhooks=[NEW, OLD])
    text = await _run("reseal", "--dry-run")
    assert f"would be sealed again under version {NEW.version}" in text
    assert endpoints.versions(made) == [OLD.version] * 3


def test_without_a_database_or_its_secrets_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("SEDIFEX_")]:
        monkeypatch.delenv(name)
    assert CliRunner().invoke(app, ["status"]).exit_code == 78
    monkeypatch.setenv("SEDIFEX_KEYS_DATABASE_URL", "postgresql:///keys")
    assert CliRunner().invoke(app, ["reseal"]).exit_code == 78


def _set(
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
    peppers: list[VersionedSecret] | None = None,
    webhooks: list[VersionedSecret] | None = None,
) -> None:
    keys = settings.keys
    for name, value in {
        "KEYS_DATABASE_URL": keys.keys_database_url.get_secret_value(),
        "TOKEN_PEPPERS": _text(peppers or keys.token_peppers),
        "MEMBER_SECRET_KEYS": _text(keys.member_secret_keys),
        "WEBHOOKS_DATABASE_URL": settings.webhooks.webhooks_database_url.get_secret_value(),
        "WEBHOOK_SECRET_KEYS": _text(webhooks or settings.webhooks.webhook_secret_keys),
    }.items():
        monkeypatch.setenv(f"SEDIFEX_{name}", value)


def _text(secrets: list[VersionedSecret]) -> str:
    return json.dumps([{"version": each.version, "secret": base64.b64encode(each.secret).decode()} for each in secrets])


async def _run(*words: str) -> str:
    """What a command prints; it ends with 0."""
    done = await asyncio.to_thread(CliRunner().invoke, app, list(words))
    assert done.exit_code == 0, done.output
    return str(done.stdout)


@contextmanager
def _connected(url: str) -> Iterator[Any]:
    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()
