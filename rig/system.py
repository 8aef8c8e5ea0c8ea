"""The whole system as processes of its own: PostgreSQL, one Keys process or several, Catalog and Webhooks."""

import asyncio
import base64
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import psutil
from grpc_health.v1 import health_pb2, health_pb2_grpc

from cli.up import postgres
from cli.up.state import Refusal
from rig.operator import Operator
from rig.process import Process, clean_environment, last_lines
from services.common import tls
from services.common.certificates import Files
from services.common.settings import PREFIX, KeysSettings

READY_S = 30.0
DATABASE_START_S = 20.0
COMMAND_S = 60.0
SERVICES = ("catalog", "webhooks")
DATABASE_FOLDER = "postgres"
UNLIMITED = 1_000_000_000


@dataclass
class System:
    """A running system. What is added to it ends with it."""

    folder: Path
    values: dict[str, Any]
    """The settings, by name."""
    keys_addresses: list[str]
    database: postgres.Server
    processes: dict[str, Process] = field(default_factory=dict)
    """keys-1, keys-2, …, catalog, webhooks, and what has been added."""
    environment: dict[str, str] = field(default_factory=dict)
    """More variables for what is added from now on."""
    _starting: "asyncio.Task[None] | None" = None

    @property
    def addresses(self) -> dict[str, str]:
        """Where each process of a service listens, by the process's name."""
        listening = {
            name: process.environment.get(f"{PREFIX}{name.partition('-')[0].upper()}_LISTEN", "")
            for name, process in self.processes.items()
        }
        return {name: address for name, address in listening.items() if address}

    @property
    def replicas(self) -> list[Process]:
        """The Keys processes."""
        return [self.processes[f"keys-{number}"] for number in range(1, len(self.keys_addresses) + 1)]

    @property
    def keys_settings(self) -> KeysSettings:
        """The settings of a Keys process."""
        return KeysSettings.model_validate(_known(KeysSettings.model_fields, self.values))

    @property
    def tls(self) -> Files | None:
        """The files of mutual TLS, which all processes share; None: plaintext."""
        return self.keys_settings.tls

    def add(self, name: str, *arguments: str, **values: Any) -> Process:
        """Starts a program of ours with the system's settings, some of them other ones."""
        environment = _environment(self.values | values) | self.environment
        process = Process(name, arguments, environment, self.folder / f"{name}.log")
        self.processes[name] = process
        process.start()
        return process

    def link(self, name: str, to: str, *options: str) -> str:
        """Starts a network of its own to an address (see `rig.link`); answers the address of its near end."""
        near = free_address()
        self.add(name, "rig.link", "--listen", near, "--to", to, *options)
        return near

    async def new_operator(self, display_name: str) -> str:
        """Makes an operator of this name; answers the token.

        Raises:
            Refusal: that is not possible.
        """
        return (await asyncio.to_thread(_sedifex, self.values, "operator", "create", display_name)).strip()

    async def until_ready(self) -> None:
        """Waits until every service answers that it serves.

        Raises:
            Refusal: one has ended, or it took too long; the message shows the end of its log.
        """
        for name, address in self.addresses.items():
            await self.until_serving(name, address)

    async def until_serving(self, name: str, address: str) -> None:
        """Waits until the process of this name, "catalog" or "keys-2", serves its service at an address.

        Raises:
            Refusal: as `until_ready`.
        """
        process, service = self.processes[name], name.partition("-")[0]
        request = health_pb2.HealthCheckRequest(service=f"sedifex.{service}.v1.{service.capitalize()}Service")
        deadline = time.monotonic() + READY_S
        async with tls.channel(address, self.tls, options=[("grpc.max_reconnect_backoff_ms", 200)]) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            while True:
                try:
                    if (await stub.Check(request, timeout=1)).status == health_pb2.HealthCheckResponse.SERVING:
                        return
                except grpc.aio.AioRpcError:
                    pass  # not yet
                if time.monotonic() > deadline or not process.is_alive:
                    raise Refusal(f"{name} does not serve. The end of its log:\n{last_lines(process.log)}")
                await asyncio.sleep(0.05)

    async def kill_database(self) -> None:
        """Ends PostgreSQL with kill -9, as the machine's memory killer would."""
        process = psutil.Process(self.database.get_postmaster_info().pid)
        process.kill()
        deadline = time.monotonic() + DATABASE_START_S
        while not _has_ended(process) and time.monotonic() < deadline:  # noqa: ASYNC110 - it is no child of ours
            await asyncio.sleep(0.01)

    async def start_database(self) -> None:
        """Starts PostgreSQL again on its data, or waits for a start that is under way.

        Raises:
            Refusal: it does not start in time.
        """
        if self._starting is None or self._starting.done():
            self._starting = asyncio.create_task(self._start_database())
        # It goes on if the caller is cancelled: a thread cannot be, and a server nobody waits for would be left over.
        await asyncio.shield(self._starting)

    async def stop(self) -> None:
        """Ends all processes, and PostgreSQL."""
        if self._starting is not None:
            await asyncio.gather(self._starting, return_exceptions=True)
        for process in self.processes.values():
            process.ask_to_end()
        for process in self.processes.values():
            process.stop()
        self.database.stop()

    async def _start_database(self) -> None:
        deadline = time.monotonic() + DATABASE_START_S
        while True:
            try:
                self.database = await asyncio.to_thread(postgres.start, self.folder / DATABASE_FOLDER)
            except Refusal:
                # What the killed one has left, its children and their shared memory, may take a moment to go.
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.2)
            else:
                return


@asynccontextmanager
async def running(
    folder: Path,
    *,
    keys: int = 1,
    catalogs: int = 1,
    keys_program: str = "services.keys",
    linked: bool = False,
    **settings: Any,
) -> AsyncIterator[tuple[System, Operator]]:
    """A system with its data in `folder` and so many Keys processes, and an operator of it, while the context lasts.

    With several Catalog processes (catalog, catalog-2, …) everybody spreads their calls over all of Catalog and Keys.
    With `linked`, Catalog and Webhooks reach Keys through networks of their own, named link-catalog and link-webhooks.
    `settings` are further ones of all processes, by name.

    Raises:
        Refusal: it does not start.
    """
    database = postgres.start(folder / DATABASE_FOLDER)  # not in a thread, where a cancellation would leave it behind
    try:
        urls = {f"{name}_database_url": url for name, url in postgres.create_databases(database).items()}
        _sedifex(urls, "migrate")
    except BaseException:
        database.stop()
        raise
    addresses = {name: free_address() for name in SERVICES}
    system = System(folder, _values(addresses) | urls | settings, [free_address() for _ in range(keys)], database)
    more = [free_address() for _ in range(catalogs - 1)]
    if more:
        system.values |= {
            "keys_address": together(*system.keys_addresses),
            "catalog_address": together(addresses["catalog"], *more),
        }
    try:
        for number, address in enumerate(system.keys_addresses, 1):
            system.add(f"keys-{number}", keys_program, keys_listen=address, keys_address=address)
        for number, name in enumerate(SERVICES):
            to = system.values["keys_address"] if more else system.keys_addresses[number % keys]
            system.add(name, f"services.{name}", keys_address=system.link(f"link-{name}", to) if linked else to)
        for number, address in enumerate(more, 2):
            system.add(f"catalog-{number}", "services.catalog", catalog_listen=address)
        await system.until_ready()
        token = await system.new_operator("rig")
        async with Operator.connect(token, system.keys_addresses, addresses["catalog"], system.tls) as operator:
            yield system, operator
    finally:
        await system.stop()


def together(*addresses: str) -> str:
    """The address of all of them, over which gRPC spreads calls (https://grpc.github.io/grpc/core/md_doc_naming.html)."""
    return "ipv4:" + ",".join(addresses)


def free_address() -> str:
    """An address on this machine that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def _sedifex(values: Mapping[str, Any], *arguments: str) -> str:
    """Runs the command `sedifex`; answers what it printed. As a process: in this one a test may have bound databases
    already."""
    command = [sys.executable, "-m", "cli.main", *arguments]
    environment = clean_environment() | _environment(values)
    done = subprocess.run(  # noqa: S603 - our own program
        command, env=environment, check=False, capture_output=True, text=True, timeout=COMMAND_S
    )
    if done.returncode:
        raise Refusal(f"sedifex {arguments[0]} ended with {done.returncode}: {done.stderr}")
    return done.stdout


def _values(addresses: Mapping[str, str]) -> dict[str, Any]:
    """The settings that all processes share; the one place where the rig makes them."""
    return {
        "mode": "development",
        "service_secret": secrets.token_urlsafe(32),
        "token_peppers": [{"version": 1, "secret": _random_secret()}],
        "member_secret_keys": [{"version": 1, "secret": _random_secret()}],
        "webhook_secret_keys": [{"version": 1, "secret": _random_secret()}],
        "drain_seconds": "2",
        # Revoked keys are tried on purpose, millions of times.
        "refused_per_minute": str(UNLIMITED),
        **{f"{name}_{what}": address for name, address in addresses.items() for what in ("listen", "address")},
    }


def _has_ended(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def _environment(values: Mapping[str, Any]) -> dict[str, str]:
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()}
    return {PREFIX + name.upper(): text for name, text in texts.items()} | {"PYTHONUNBUFFERED": "1"}


def _random_secret() -> str:
    return base64.b64encode(os.urandom(32)).decode()


def _known(fields: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in fields}
