"""`sedifex up`, step by step: database, services, sample shop, and a page of what to try."""

import os
import signal
import socket
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

from rich.console import Console

from cli import migrations
from cli.listening import SECRET_VARIABLE
from cli.up import demo, postgres
from cli.up.demo import Demo
from cli.up.state import Refusal, State
from cli.up.supervisor import Member, Supervisor
from services.common.settings import (
    PREFIX,
    CatalogSettings,
    GatewaySettings,
    KeysSettings,
    Settings,
    WebhooksSettings,
    load,
)

READY_S = 30.0
TEND_S = 0.5
GUIDE = Path(__file__).resolve().parents[2] / "build" / "guide" / "html"
"""The documentation's site, where somebody has built it with `make docs`."""

PROCESSES: tuple[tuple[str, str, type[Settings]], ...] = (
    ("keys", "services.keys", KeysSettings),
    ("webhooks", "services.webhooks", WebhooksSettings),
    ("catalog", "services.catalog", CatalogSettings),
    ("webhooks-worker", "services.webhooks.worker", WebhooksSettings),
    ("gateway", "gateway", GatewaySettings),
)

console = Console(highlight=False)


def run(folder: Path, *, port_base: int | None, any_ports: bool) -> int:
    """Runs the system until Ctrl-C or SIGTERM; answers the exit status."""
    stop = threading.Event()
    # Also when the terminal goes away: nothing must be left running that nobody sees.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    try:
        with State(folder) as state:
            return _System(state, stop).run(port_base=port_base, any_ports=any_ports)
    except Refusal as problem:
        console.print(f"[red]Sedifex cannot start.[/red] {problem}", soft_wrap=True)
        return 1


class _System:
    """One run of the system."""

    def __init__(self, state: State, stop: threading.Event) -> None:
        self._state = state
        self._stop = stop
        self._supervisor = Supervisor(state, lambda text: _say(f"[yellow]{text}[/yellow]"))

    def run(self, *, port_base: int | None, any_ports: bool) -> int:
        """Starts everything, waits, stops everything."""
        began = time.monotonic()
        if ended := self._state.end_leftovers():
            console.print(f"An earlier run was killed; ended {ended} process(es) that it had left.")
        ports = self._state.ports(port_base=port_base, any_ports=any_ports)
        with console.status("Starting PostgreSQL …"):
            server = postgres.start(self._state.folder / "postgres")
        console.print("PostgreSQL is up.")
        try:
            self._serve(server, ports, began)
            while not self._stop.wait(TEND_S):
                server = self._tend(server)
            return 0
        finally:
            # A second Ctrl-C ends it at once; the next run clears up after this one.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            _say("\nStopping … (Ctrl-C again: at once)")
            self._supervisor.stop()
            server.stop()
            _say(f"Everything has stopped. The data stays in {self._state.folder}")

    def _tend(self, server: postgres.Server) -> postgres.Server:
        """Starts again what has died."""
        if not postgres.is_running(server):
            _say("[yellow]PostgreSQL has died; starting it again.[/yellow]")
            server = postgres.start(self._state.folder / "postgres")
        self._supervisor.tend()
        return server

    def _serve(self, server: postgres.Server, ports: dict[str, int], began: float) -> None:
        environment = self._environment(postgres.create_databases(server), ports)
        os.environ.update(environment)  # for what runs in this process: migrations, and making the operator
        with console.status("Bringing the databases up to date …"):
            migrations.migrate_all()
        console.print("The databases are up to date.")
        listens = self._state.metrics_addresses([name for name, _, _ in PROCESSES])
        for name, module, kind in PROCESSES:
            own = {"SEDIFEX_METRICS_LISTEN": listens[name]}
            self._supervisor.start(Member(name, [module], _environment_of(kind, environment) | own))
        with console.status("Starting the services …"):
            self._until_ready(ports["gateway"])
        console.print("keys, catalog, webhooks, webhooks-worker and gateway are up.")
        with console.status("Opening the sample shop …"):
            made, is_new = demo.prepare(self._state, load(KeysSettings), ports)
        console.print("The sample shop is " + ("stocked." if is_new else "as you left it."))
        receiver = ["cli.main", "listen", "--brief", "--port", str(ports["receiver"])]
        self._supervisor.start(
            Member("receiver", receiver, {SECRET_VARIABLE: made.webhookSecret}, shows=True, stops_last=True)
        )
        self._until_listening(ports["receiver"])
        _explain(made, self._state, time.monotonic() - began)

    def _environment(self, databases: dict[str, str], ports: dict[str, int]) -> dict[str, str]:
        addresses = {name: f"127.0.0.1:{ports[name]}" for name in databases}
        return {
            **self._state.secrets(),
            "SEDIFEX_MODE": "development",
            **{f"SEDIFEX_{name.upper()}_DATABASE_URL": url for name, url in databases.items()},
            **{f"SEDIFEX_{name.upper()}_LISTEN": address for name, address in addresses.items()},
            **{f"SEDIFEX_{name.upper()}_ADDRESS": address for name, address in addresses.items()},
            "SEDIFEX_GATEWAY_PORT": str(ports["gateway"]),
            "SEDIFEX_PUBLIC_URL": f"http://127.0.0.1:{ports['gateway']}",
            "SEDIFEX_GATEWAY_SAMPLE_SHOP": "true",
            # The receiver is on this machine.
            "SEDIFEX_WEBHOOK_ALLOW_HTTP": "true",
            "SEDIFEX_WEBHOOK_ALLOWED_NETWORKS": '["127.0.0.0/8"]',
            "PYTHONUNBUFFERED": "1",
            **({"SEDIFEX_GATEWAY_GUIDE": str(GUIDE)} if GUIDE.is_dir() else {}),
        }

    def _until_ready(self, port: int) -> None:
        """Waits until the gateway says that every service is ready.

        Raises:
            Refusal: a process died, or it took too long.
        """
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            if name := self._supervisor.died():
                raise Refusal(f"The {name} process ended as it started. Its log: {self._supervisor.log(name)}")
            if self._stop.is_set():
                raise Refusal("Stopped before it was up.")
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                self._stop.wait(0.05)
        raise Refusal(f"The services were not ready after {READY_S:.0f} s. Logs: {self._state.folder / 'logs'}")

    def _until_listening(self, port: int) -> None:
        """Waits until the receiver takes connections: the first event that somebody tries must not find it away."""
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline and not self._stop.is_set():
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2):
                return
            self._stop.wait(0.05)


def _environment_of(kind: type[Settings], everything: dict[str, str]) -> dict[str, str]:
    """What a process with these settings needs to know, and no more: above all no secret of another."""
    wanted = {PREFIX + name.upper() for name in kind.model_fields}
    return {name: value for name, value in everything.items() if name in wanted or not name.startswith(PREFIX)}


def _say(text: str) -> None:
    """Tells the person at the terminal, if there still is one: a closed terminal must not keep us from stopping."""
    with suppress(OSError):
        console.print(text, soft_wrap=True)


def _explain(made: Demo, state: State, seconds: float) -> None:
    """Prints what to open and what to paste."""
    console.print(
        f"""
[bold]Sedifex is up[/bold] after {seconds:.1f} s. Ctrl-C stops it; the data stays.

  admin pages     {made.admin}
  first owner     {made.ownerInvitation or "has joined: sign in there"}
  API             {made.gateway}/v1/{made.store}/products
  reference       {made.gateway}/docs
  guide           {f"{made.gateway}/guide/" if GUIDE.is_dir() else "make docs builds it"}
  API key         {made.apiKey}
  operator token  {made.operatorToken}
  webhook secret  {made.webhookSecret}
  gRPC            keys {made.grpc["keys"]}, catalog {made.grpc["catalog"]}, webhooks {made.grpc["webhooks"]}
  for scripts     {state.demo}

[bold]Try this in another terminal:[/bold]
""",
        soft_wrap=True,
    )
    # Not through rich: what is pasted must come out as it stands.
    print(_paste(made))
    console.print("\n[bold]Webhooks that arrive are shown here:[/bold]")


def _paste(made: Demo) -> str:
    product = f"{made.store}/products/{demo.sample()['products'][0]['id']}"
    return f"""  export KEY={made.apiKey}
  curl -H "Authorization: Bearer $KEY" {made.gateway}/v1/{made.store}/products?pageSize=3
  curl -X PATCH -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' \\
       '{made.gateway}/v1/{product}?updateMask=price' -d '{{"price":{{"amount":"48.00"}}}}'
  curl -H "Authorization: Bearer $KEY" {made.gateway}/v1/{made.store}/deliveries?pageSize=3"""
