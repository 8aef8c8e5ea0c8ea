"""`sedifex up` as a thing that people start, stop, kill and start again."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.e2e.conftest import START_S, Up
from tests.partner import Partner


def test_data_and_credentials_outlive_a_stop(start: Callable[..., Up]) -> None:
    first = start()
    before = first.demo()
    product = _change_first_price(before)
    processes = _processes(first)
    assert first.stop() == 0
    assert [process for process in processes if process.is_running()] == [], "every process has ended"
    assert _database(first.state) is None, "and so has the database"

    second = start(first.state)
    assert second.demo() == before
    headers = {"X-Api-Key": before["apiKey"]}
    kept = httpx.get(f"{before['gateway']}/v1/{product['name']}", headers=headers).json()
    assert kept["price"] == product["price"]
    assert second.stop(signal.SIGTERM) == 0


def test_a_run_that_was_killed_leaves_nothing_in_the_way(start: Callable[..., Up]) -> None:
    first = start()
    before = first.demo()
    left = _processes(first)
    database = _database(first.state)
    assert database is not None
    first.process.kill()
    first.process.wait()
    # The database too, and its pid file as a crash leaves it: naming a process that is somebody else's by now.
    database.kill()
    _await_end(database)
    pid_file = first.state / "postgres" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")

    second = start(first.state)
    assert second.demo() == before
    second.await_line("An earlier run was killed")
    assert [process for process in left if process.is_running() and process.status() != psutil.STATUS_ZOMBIE] == []
    assert second.stop() == 0


def test_a_revoked_demo_key_is_replaced_at_the_next_start(start: Callable[..., Up]) -> None:
    first = start()
    before = first.demo()
    operator = {"Authorization": f"Bearer {before['operatorToken']}"}
    keys = httpx.get(f"{before['gateway']}/v1/{before['store']}/keys", headers=operator).json()["keys"]
    for key in keys:
        httpx.post(f"{before['gateway']}/v1/{key['name']}:revoke", json={}, headers=operator).raise_for_status()
    first.stop()
    after = start(first.state).demo()
    assert after["apiKey"] != before["apiKey"]
    headers = {"X-Api-Key": after["apiKey"]}
    assert httpx.get(f"{after['gateway']}/v1/{after['store']}/products", headers=headers).status_code == 200


def test_a_process_that_dies_is_started_again(up: Up, demo: dict[str, Any]) -> None:
    catalog = next(each for each in _processes(up) if "services.catalog" in each.cmdline())
    catalog.kill()
    up.await_line("The catalog process has died")
    headers = {"X-Api-Key": demo["apiKey"]}
    url = f"{demo['gateway']}/v1/{demo['store']}/products"
    deadline = time.monotonic() + START_S
    while (status := httpx.get(url, headers=headers, timeout=START_S).status_code) != 200:
        assert status == 503, "until it is back, callers are told to try again"
        assert time.monotonic() < deadline


@pytest.mark.timeout(300)
def test_every_change_arrives_though_everything_is_killed_in_between(
    start: Callable[..., Up], partner: Partner
) -> None:
    """Worker, services and database die by kill -9, one after the other, while prices change."""
    run = start()
    demo = run.demo()
    headers = {"X-Api-Key": demo["apiKey"]}
    with httpx.Client(base_url=demo["gateway"], headers=headers, timeout=START_S) as api:
        endpoint = api.post(f"/v1/{demo['store']}/webhookEndpoints", json={"url": partner.url})
        assert endpoint.status_code == 200
        products = api.get(f"/v1/{demo['store']}/products").json()["products"]
        path = f"/v1/{products[0]['name']}"
        expected = set()
        for number, victim in enumerate(
            ["services.webhooks.worker", "services.catalog", "services.webhooks", "postgres"]
        ):
            for step in range(5):
                amount = f"{100 + number * 10 + step}.00"
                _until_accepted(api, path, {"price": {"amount": amount}})
                expected.add(amount)
                if step == 2:
                    _kill(run, victim)
        arrived: set[str] = set()
        while arrived < expected:
            after = partner.next_within(90).event["data"]["after"]
            arrived.add(after["price"]["amount"])
    assert arrived == expected


def test_a_frozen_service_cannot_accept_a_key_that_was_revoked_meanwhile(start: Callable[..., Up]) -> None:
    """In a run of its own: so many refusals would hold up whoever calls from here afterwards."""
    up = start()
    demo = up.demo()
    operator = {"Authorization": f"Bearer {demo['operatorToken']}"}
    with httpx.Client(base_url=demo["gateway"], timeout=START_S) as api:
        wanted = {"displayName": "Frozen", "scopes": ["catalog.read"]}
        made = api.post(f"/v1/{demo['store']}/keys", json=wanted, headers=operator).json()
        own, path = {"X-Api-Key": made["secret"]}, f"/v1/{demo['store']}/products"
        assert api.get(path, headers=own).status_code == 200
        catalog = next(each for each in _processes(up) if "services.catalog" in each.cmdline())
        catalog.suspend()
        try:
            revoked = api.post(f"/v1/{made['key']['name']}:revoke", json={}, headers=operator)
        finally:
            catalog.resume()
        assert revoked.status_code == 200
        assert revoked.json()["lapsed"] == 1, "Catalog did not answer; its lease ran out"
        # Fewer than an address may try in a minute: the next test calls from the same one.
        statuses = {api.get(path, headers=own).status_code for _ in range(30)}
        assert 200 not in statuses
        assert statuses <= {401, 429, 503}, "refused, whether as unknown, as too many or for want of a lease"


def test_the_receiver_shows_a_name_as_it_is(up: Up, demo: dict[str, Any]) -> None:
    headers = {"X-Api-Key": demo["apiKey"]}
    with httpx.Client(base_url=demo["gateway"], headers=headers, timeout=START_S) as api:
        made = api.post(f"/v1/{demo['store']}/products", json={"displayName": "Rice [/bag] [red]"})
        assert made.status_code == 200
        assert "verified product.created" in up.await_line("Rice [/bag] [red]")
        api.delete(f"/v1/{made.json()['name']}")


@pytest.mark.parametrize(
    ("service", "secrets"),
    [
        ("gateway", {"SEDIFEX_SERVICE_SECRET"}),
        ("services.catalog", {"SEDIFEX_SERVICE_SECRET", "SEDIFEX_CATALOG_DATABASE_URL"}),
        (
            "services.keys",
            {
                "SEDIFEX_SERVICE_SECRET",
                "SEDIFEX_KEYS_DATABASE_URL",
                "SEDIFEX_TOKEN_PEPPERS",
                "SEDIFEX_MEMBER_SECRET_KEYS",
            },
        ),
        ("cli.main", set()),
    ],
)
def test_each_process_is_given_its_own_secrets_only(
    up: Up, demo: dict[str, Any], service: str, secrets: set[str]
) -> None:
    process = next(each for each in _processes(up) if service in each.cmdline())
    given = {name for name in process.environ() if name.startswith("SEDIFEX_")}
    assert {name for name in given if "SECRET" in name or "PEPPER" in name or "DATABASE_URL" in name} - {
        "SEDIFEX_LISTEN_SECRET"
    } == secrets


def test_a_hangup_stops_everything(start: Callable[..., Up]) -> None:
    run = start()
    run.demo()
    processes = _processes(run)
    assert run.stop(signal.SIGHUP) == 0
    assert [process for process in processes if process.is_running()] == []
    assert _database(run.state) is None


def test_other_ports_take_the_demo_along(start: Callable[..., Up]) -> None:
    first = start()
    before = first.demo()
    first.stop()
    (first.state / "ports.json").unlink()
    after = start(first.state).demo()
    assert after["gateway"] != before["gateway"]
    headers = {"X-Api-Key": after["apiKey"]}
    listed = httpx.get(f"{after['gateway']}/v1/{after['store']}/products", headers=headers).json()["products"]
    picture = next(image["uri"] for product in listed for image in product.get("images", []))
    assert httpx.get(picture).status_code == 200
    endpoint = httpx.get(f"{after['gateway']}/v1/{after['webhookEndpoint']}", headers=headers).json()
    ports = json.loads((first.state / "ports.json").read_text())
    assert endpoint["url"] == f"http://127.0.0.1:{ports['receiver']}/webhooks"


def test_a_folder_from_before_there_were_members_gets_the_secret_that_it_lacks(start: Callable[..., Up]) -> None:
    first = start()
    before = first.demo()
    first.stop()
    secrets = json.loads((first.state / "secrets.json").read_text())
    del secrets["SEDIFEX_MEMBER_SECRET_KEYS"]
    (first.state / "secrets.json").write_text(json.dumps(secrets))
    (first.state / "demo.json").write_text(
        json.dumps({name: value for name, value in before.items() if name != "ownerInvitation"})
    )
    after = start(first.state).demo()
    assert after["apiKey"] == before["apiKey"]
    made = json.loads((first.state / "secrets.json").read_text())
    assert made == secrets | {"SEDIFEX_MEMBER_SECRET_KEYS": made["SEDIFEX_MEMBER_SECRET_KEYS"]}
    assert after["ownerInvitation"].startswith(f"{after['gateway']}/admin/invitation#sdfx_inv_")


def test_the_shops_first_owner_joins_by_the_link_on_the_page(up: Up, demo: dict[str, Any]) -> None:
    assert demo["ownerInvitation"] in up.await_line("first owner")
    assert demo["admin"] in up.await_line("admin pages")
    for page, says in ((demo["admin"], "Sign in"), (demo["ownerInvitation"], "Your invitation")):
        answer = httpx.get(page, follow_redirects=True, timeout=START_S)
        assert answer.status_code == 200
        assert f"<h1>{says}</h1>" in answer.text
    token = demo["ownerInvitation"].split("#")[1]
    with httpx.Client(base_url=demo["gateway"], timeout=START_S) as api:
        accept = {"token": token, "displayName": "Ama", "password": "kenkey and shito"}
        joined = api.post("/v1/invitations:accept", json=accept)
        assert joined.status_code == 200
        own = {"Authorization": f"Bearer {joined.json()['token']}"}
        assert api.get("/v1/members/me", headers=own).json()["memberships"][0]["store"] == demo["store"]
        assert api.get(f"/v1/{demo['store']}/keys", headers=own).status_code == 200
    settings = _settings_of_keys(up)
    listed = _run_service("member", settings, "list", "--store", demo["store"])
    assert (listed.returncode, "owner@shop.example" in listed.stdout) == (0, True)
    invited = _run_service(
        "member", settings, "invite", "esi@shop.example", "--store", demo["store"], "--role", "staff"
    )
    assert invited.stdout.startswith(f"{demo['gateway']}/admin/invitation#sdfx_inv_")
    wrong = _run_service("member", settings, "reset-password", "nobody@shop.example")
    assert (wrong.returncode, "Traceback" in wrong.stderr) == (1, False)
    assert "nobody@shop.example" in wrong.stderr


def test_a_second_run_in_the_same_folder_is_told_of_the_first(up: Up, start: Callable[..., Up]) -> None:
    second = start(up.state)
    assert second.process.wait(START_S) == 1
    said = second.await_line("running here already")
    assert str(up.process.pid) in said


def test_a_port_that_is_taken_is_named_with_what_to_do(start: Callable[..., Up], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = start(tmp_path / "state", "--port-base", str(port))
        assert run.process.wait(START_S) == 1
        said = run.await_line(f"Port {port}")
    assert "gateway" in said
    assert "PORTS=" in "".join(run.output)


@pytest.mark.parametrize(
    ("missing", "service"),
    [
        ("SEDIFEX_SERVICE_SECRET", "keys"),
        ("SEDIFEX_TOKEN_PEPPERS", "keys"),
        ("SEDIFEX_MEMBER_SECRET_KEYS", "keys"),
        ("SEDIFEX_KEYS_DATABASE_URL", "keys"),
        ("SEDIFEX_CATALOG_DATABASE_URL", "catalog"),
        ("SEDIFEX_WEBHOOK_SECRET_KEYS", "webhooks-worker"),
        ("SEDIFEX_SERVICE_SECRET", "gateway"),
    ],
)
def test_a_process_without_a_secret_names_it_and_does_not_start(missing: str, service: str) -> None:
    done = _run_service(service, {})
    assert done.returncode == 78
    assert f"{missing} is not set" in done.stderr


def test_a_process_with_a_wrong_setting_does_not_repeat_its_value() -> None:
    done = _run_service("keys", {"SEDIFEX_SERVICE_SECRET": "too-short-a-secret"})
    assert done.returncode == 78
    assert "SEDIFEX_SERVICE_SECRET" in done.stderr
    assert "too-short-a-secret" not in done.stderr


@pytest.mark.parametrize(
    "command", [["audit", "verify"], ["operator", "create", "Ama"], ["operator", "list"], ["migrate"], ["keys"]]
)
def test_a_database_that_cannot_be_reached_is_told_in_a_sentence(up: Up, command: list[str]) -> None:
    settings = json.loads((up.state / "secrets.json").read_text())
    settings |= {"SEDIFEX_KEYS_DATABASE_URL": "host=/nonexistent dbname=keys"}
    done = _run_service(command[0], settings, *command[1:])
    assert done.returncode == 1
    assert "cannot be reached" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_audit_log_of_the_running_system_is_genuine(up: Up, demo: dict[str, Any]) -> None:
    settings = {name: value for name, value in _settings_of_keys(up).items() if "_KEYS_" in name}
    done = _run_service("audit", settings, "verify")
    assert done.returncode == 0
    assert "all genuine" in done.stdout


def test_development_exceptions_are_refused_in_production(up: Up) -> None:
    secrets = json.loads((up.state / "secrets.json").read_text())
    settings = {"SEDIFEX_WEBHOOKS_DATABASE_URL": "postgresql:///x", "SEDIFEX_WEBHOOK_ALLOW_HTTP": "true"}
    done = _run_service("webhooks", secrets | settings)
    assert done.returncode == 78
    assert "SEDIFEX_MODE=development" in done.stderr


def _settings_of_keys(up: Up) -> dict[str, str]:
    """What the Keys process was given."""
    keys = next(each for each in _processes(up) if "services.keys" in each.cmdline())
    return {name: value for name, value in keys.environ().items() if name.startswith("SEDIFEX_")}


def _run_service(name: str, settings: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    clean = {key: value for key, value in os.environ.items() if not key.startswith("SEDIFEX_")}
    command = [str(Path(sys.executable).with_name("sedifex")), name, *arguments]
    return subprocess.run(command, env=clean | settings, capture_output=True, text=True, timeout=START_S, check=False)


def _change_first_price(demo: dict[str, Any]) -> Any:
    headers = {"X-Api-Key": demo["apiKey"]}
    listed = httpx.get(f"{demo['gateway']}/v1/{demo['store']}/products", params={"pageSize": 1}, headers=headers)
    url = f"{demo['gateway']}/v1/{listed.json()['products'][0]['name']}"
    changed = httpx.patch(url, params={"updateMask": "price"}, json={"price": {"amount": "3.50"}}, headers=headers)
    changed.raise_for_status()
    return changed.json()


def _processes(up: Up) -> list[psutil.Process]:
    return [psutil.Process(int(pid)) for pid in json.loads((up.state / "processes.json").read_text())]


def _database(state: Path) -> psutil.Process | None:
    pid_file = state / "postgres" / "postmaster.pid"
    return psutil.Process(int(pid_file.read_text().splitlines()[0])) if pid_file.exists() else None


def _kill(up: Up, victim: str) -> None:
    """Kills a process of the system, or its database, and waits until it is gone."""
    process = _database(up.state) if victim == "postgres" else _find(up, victim)
    assert process is not None
    process.kill()
    _await_end(process)


def _find(up: Up, module: str) -> psutil.Process:
    """The process that runs this module. One that was killed just before may still be listed, and be gone."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        for pid in json.loads((up.state / "processes.json").read_text()):
            with suppress(psutil.NoSuchProcess):
                process = psutil.Process(int(pid))
                if module in process.cmdline():
                    return process
        time.sleep(0.05)
    raise AssertionError(f"nothing runs {module}")


def _until_accepted(api: httpx.Client, path: str, change: dict[str, Any]) -> None:
    """Makes a change, again and again while the system says that it cannot just now."""
    deadline = time.monotonic() + START_S
    while True:
        answer = api.patch(path, params={"updateMask": "price"}, json=change)
        if answer.status_code == 200:
            return
        assert answer.status_code in {503, 504}, answer.text
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _await_end(process: psutil.Process) -> None:
    deadline = time.monotonic() + START_S
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
