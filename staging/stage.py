"""Staging, standing: everything started, a shop in it, a partner, and those who use it."""

import asyncio
import os
import shlex
import shutil
import subprocess
import sys
import tarfile
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from sedifex.catalog.v1 import catalog_pb2, catalog_pb2_grpc
from sedifex.keys.v1 import keys_pb2, keys_pb2_grpc
from sedifex.webhooks.v1 import webhooks_pb2, webhooks_pb2_grpc

from cli.up.state import NEW_SECRETS, Refusal
from services.common import tls
from services.common.clients import CHANNEL_OPTIONS
from staging import certificates, load, partner, place
from staging.database import SERVICES, Database, owner_of_data
from staging.front import Front
from staging.load import Load
from staging.partner import Partner
from staging.replicas import ALL, PORTS, VERSION, Installation

ROOT = Path(__file__).resolve().parents[1]
WRITERS = 4
CALL_S = 20.0
KEY_SCOPES = ("catalog.read", "catalog.write")

Say = Callable[[str], None]


@dataclass
class Stage:
    """What acts play on."""

    installation: Installation
    database: Database
    operator_token: str
    keys: Any
    """The Keys service, as an operator calls it through `metadata`."""
    store: str
    partner: Partner
    load: Load

    @property
    def folder(self) -> Path:
        """Where all of it is."""
        return self.installation.folder

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What an operator's calls carry."""
        return (("authorization", f"Bearer {self.operator_token}"),)

    async def new_key(self, *scopes: str) -> tuple[str, str]:
        """The name and the secret of a new key of the shop."""
        made = await _new_key(self.keys, self.metadata, self.store, scopes or KEY_SCOPES)
        return made.key.name, made.secret


@asynccontextmanager
async def standing(folder: Path, old: str | None, say: Say) -> AsyncIterator[Stage]:
    """Staging in a folder, while the context lasts. It begins with the release `old`, a revision of the repository, or
    with the one that this is.

    Raises:
        Refusal: something does not start.
    """
    place.furnish(folder)
    certificates.make(folder)
    installation = Installation.make(folder)
    async with AsyncExitStack() as stack:
        say("PostgreSQL …")
        database = Database.make(
            folder / "postgres", folder / "database" / "postgres.pem", folder / "database" / "postgres.key"
        )
        database.start()
        stack.callback(database.stop)
        database.create()
        installation.write_settings(_settings(installation, database, _releases(folder, old)))
        _place_programs(installation, database)
        run_inside(installation, "migrate", "migrate")
        say("two each of keys, catalog, webhooks, webhooks-worker and gateway …")
        for replica in ALL:
            stack.callback(installation.stop, replica)
        for replica in ALL:
            installation.start(replica)
        for replica in ALL:
            await asyncio.to_thread(installation.until_ready, replica)
        say("nginx …")
        front = Front.make(folder / "nginx", folder)
        front.start()
        stack.callback(front.stop)
        say("a shop, a partner, and those who use it …")
        taking = await stack.enter_async_context(
            partner.listening(folder / "partners" / "partner.pem", folder / "partners" / "partner.key")
        )
        yield await _open(stack, installation, database, taking)


def run_inside(installation: Installation, *arguments: str) -> str:
    """Runs the command `sedifex` where a process of ours runs, the first of the arguments; answers what it printed.

    Raises:
        Refusal: it failed.
    """
    command = [str(installation.folder / "bin" / "inside"), *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - our own program
    if done.returncode:
        raise Refusal(f"sedifex {' '.join(arguments[1:])} ended with {done.returncode}: {done.stderr}")
    return done.stdout


def internal_channel(installation: Installation, service: str) -> grpc.aio.Channel:
    """A channel to all replicas of a service, as processes of ours have it."""
    identity = certificates.files(installation.folder, certificates.OPERATOR)
    return tls.channel(f"dns:///{service}:{PORTS[service]}", identity, options=CHANNEL_OPTIONS)


async def _open(stack: AsyncExitStack, installation: Installation, database: Database, taking: Partner) -> Stage:
    token = run_inside(installation, "keys", "operator", "create", "staging").split()[-1]
    metadata = (("authorization", f"Bearer {token}"),)
    channels = {name: internal_channel(installation, name) for name in SERVICES}
    for channel in channels.values():
        stack.push_async_callback(channel.close)
    keys: Any = keys_pb2_grpc.KeysServiceStub(channels["keys"])
    catalog: Any = catalog_pb2_grpc.CatalogServiceStub(channels["catalog"])
    webhooks: Any = webhooks_pb2_grpc.WebhooksServiceStub(channels["webhooks"])
    options: dict[str, Any] = {"metadata": metadata, "timeout": CALL_S}
    wanted = catalog_pb2.Store(display_name="Staging Corner", city="Accra", country="GH")
    store = (await catalog.CreateStore(catalog_pb2.CreateStoreRequest(store=wanted), **options)).store.name
    made = [
        await catalog.CreateProduct(
            catalog_pb2.CreateProductRequest(parent=store, product=catalog_pb2.Product(display_name=f"Cloth {number}")),
            **options,
        )
        for number in range(WRITERS)
    ]
    endpoint = webhooks_pb2.CreateWebhookEndpointRequest(parent=store, url=partner.URL, event_types=["product.updated"])
    taking.secret = (await webhooks.CreateWebhookEndpoint(endpoint, **options)).secret

    async def new_key() -> str:
        return str((await _new_key(keys, metadata, store, KEY_SCOPES)).secret)

    shop = load.Shop(store, [each.product.name for each in made], new_key)
    using = await stack.enter_async_context(
        load.asking(shop, installation.folder / "public" / "ca.pem", lambda name: internal_channel(installation, name))
    )
    return Stage(installation, database, token, keys, store, taking, using)


async def _new_key(keys: Any, metadata: tuple[tuple[str, str], ...], store: str, scopes: tuple[str, ...]) -> Any:
    request = keys_pb2.CreateKeyRequest(
        parent=store, display_name="Software", scopes=scopes, request_id=str(uuid.uuid4())
    )
    return await keys.CreateKey(request, metadata=metadata, timeout=CALL_S)


def _settings(installation: Installation, database: Database, version: str) -> dict[str, str]:
    return {
        VERSION: version,
        **{name: make() for name, make in NEW_SECRETS.items()},
        **{
            f"SEDIFEX_{service.upper()}_DATABASE_URL": database.url(
                service, service, roots=installation.folder / "database" / "ca.pem"
            )
            for service in SERVICES
        },
    }


def _releases(folder: Path, old: str | None) -> str:
    """Places the releases; answers the version of the one to begin with."""
    (folder / "releases" / "new").symlink_to(ROOT)
    if old is None:
        (folder / "releases" / "old").symlink_to(ROOT)
        return "old"
    target = folder / "releases" / "old"
    target.mkdir()
    packed = folder / "old.tar"
    command = ["git", "-C", str(ROOT), "archive", "--output", str(packed), old]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        raise Refusal(f"There is no release {old} to begin with: {done.stderr.strip()}")
    with tarfile.open(packed) as file:
        file.extractall(target, filter="data")
    packed.unlink()
    return "old"


def _place_programs(installation: Installation, database: Database) -> None:
    """Places what runbooks take for granted: `sedifex`, `inside`, `roll`, `halt`, `database`."""
    folder, python = installation.folder, shlex.quote(sys.executable)
    here = f"PYTHONPATH={shlex.quote(str(ROOT))}"
    programs = {
        "roll": f"{here} exec {python} -m staging.roll {folder}",
        "halt": f"{here} exec {python} -m staging.roll {folder} --halt",
        "inside": f'{here} exec {python} -m staging.inside {folder} "$@"',
        "sedifex": f'{here} exec {python} -m cli.main "$@"',
    }
    owner, data = owner_of_data(), database.data
    programs[
        "database"
    ] = f"""exec {shutil.which("setpriv")} --reuid={owner.pw_uid} --regid={owner.pw_gid} --clear-groups \\
  {database.programs}/pg_ctl "$1" -D {data} -l {database.log} -m fast -w -t 60 >/dev/null"""
    for name, text in programs.items():
        script = folder / "bin" / name
        script.write_text(f"#!/bin/sh\n{text}\n")
        script.chmod(0o755)
    os.environ["PATH"] = ":".join(
        map(str, (folder / "bin", Path(sys.executable).parent, database.programs, os.environ["PATH"]))
    )
