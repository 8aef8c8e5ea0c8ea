"""The wheel of the stubs: installed where nothing else is, it calls the running system.

The empty environment gets what the wheel says that it needs, and that only: those packages are linked from here, since
nothing may be downloaded. A need that the wheel forgot to name is not there.
"""

import os
import socket
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from tests.quickstart import files_of
from tests.relay import Identity, relaying

RUN_S = 60.0


@pytest.fixture(scope="module")
def python(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an empty environment with the wheel in it."""
    folder = tmp_path_factory.mktemp("stubs")
    subprocess.run([sys.executable, "clients/python/build.py", str(folder)], cwd=root, check=True)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "venv", symlinks=True)
    python = folder / "venv" / "bin" / "python"
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python)]
    subprocess.run([*command, "install", "--quiet", "--no-index", "--no-deps", str(wheel)], check=True)
    (packages,) = (folder / "venv" / "lib").glob("*/site-packages")
    (installed,) = (Distribution.at(path) for path in packages.glob("sedifex_client-*.dist-info"))
    for needed in _needs(installed):
        for top in {file.parts[0] for file in needed.files or [] if file.parts[0] not in {"..", "__pycache__"}}:
            _link(Path(str(needed.locate_file(top))), packages / top)
    return python


@pytest.fixture
def run(python: Path, demo: dict[str, Any], tmp_path: Path) -> Callable[..., str]:
    """Runs a program there; what it prints."""

    def begin(program: str, **variables: str) -> str:
        (tmp_path / "program.py").write_text(program, "utf-8")
        environment = {
            "STORE": demo["store"],
            "API_KEY": demo["apiKey"],
            "CATALOG_ADDRESS": demo["grpc"]["catalog"],
            "PATH": os.environ["PATH"],
        }
        done = subprocess.run(
            [python, "-I", tmp_path / "program.py"],
            env=environment | variables,
            capture_output=True,
            text=True,
            timeout=RUN_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return begin


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return Identity.new(tmp_path_factory.mktemp("identity"), "server")


@pytest.mark.parametrize(
    ("name", "prints"),
    [
        ("first_call.py", ""),
        ("first_async_call.py", ""),
        ("refused_call.py", "NOT_FOUND PRODUCT_NOT_FOUND"),
    ],
)
def test_a_program_of_the_page_calls_the_running_system(
    root: Path, run: Callable[..., str], demo: dict[str, Any], identity: Identity, name: str, prints: str
) -> None:
    program = files_of(root / "docs" / "stubs.md")[name, ""]
    with relaying(demo["grpc"]["catalog"], identity.server_context()) as relay:
        printed = run(program, CATALOG_ADDRESS=relay.address, ROOTS=str(identity.chain))
    assert printed == prints if prints else len(printed) > 3


def test_a_server_of_another_authority_is_not_told_the_token(
    run: Callable[..., str], demo: dict[str, Any], identity: Identity, tmp_path: Path
) -> None:
    other = Identity.new(tmp_path, "other")
    with relaying(demo["grpc"]["catalog"], other.server_context()) as relay:
        assert run(_GET, CATALOG_ADDRESS=relay.address, ROOTS=str(identity.chain)) == "UNAVAILABLE"


def test_a_server_that_wants_a_certificate_is_shown_one(
    run: Callable[..., str], demo: dict[str, Any], identity: Identity, tmp_path: Path
) -> None:
    caller = Identity.new(tmp_path, "caller")
    with relaying(demo["grpc"]["catalog"], identity.server_context(wants=caller)) as relay:
        values = {"CATALOG_ADDRESS": relay.address, "ROOTS": str(identity.chain)}
        assert run(_GET, **values) == "UNAVAILABLE"
        assert run(_GET, **values, CHAIN=str(caller.chain), KEY=str(caller.key)) == "OK"


def test_reading_is_tried_again_and_writing_is_not(run: Callable[..., str], demo: dict[str, Any]) -> None:
    for program, answer in ((_GET, "OK"), (_WRITE, "UNAVAILABLE")):
        with relaying(demo["grpc"]["catalog"], hang_up_on=1) as relay:
            assert run(program, CATALOG_ADDRESS=relay.address) == answer
            assert relay.hung_up_on == 1


def test_a_call_has_a_deadline_without_being_given_one(run: Callable[..., str]) -> None:
    program = _GET.replace("plaintext=True", "plaintext=True, deadline=0.5")
    with _silent() as address:
        assert run(program, CATALOG_ADDRESS=address) == "DEADLINE_EXCEEDED"


def test_the_stubs_are_typed(python: Path, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "from sedifex.catalog.v1 import catalog_pb2, catalog_pb2_grpc\n"
        "from sedifex_client import connect\n"
        "catalog = catalog_pb2_grpc.CatalogServiceStub(connect('127.0.0.1:1', 'token', plaintext=True))\n"
        "page = catalog.ListProducts(catalog_pb2.ListProductsRequest(parent='stores/st_1'))\n"
        "name: str = page.products[0].display_name\n"
        "price: int = page.products[0].display_name\n"
    )
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--python-executable", str(python)]
    done = subprocess.run([*command, program], cwd=tmp_path, capture_output=True, text=True, check=False)
    problems = [line for line in done.stdout.splitlines() if ": error:" in line]
    assert len(problems) == 1, done.stdout
    assert "program.py:6: error: Incompatible types in assignment" in problems[0]


def test_a_token_with_a_line_break_is_refused_without_being_shown(run: Callable[..., str]) -> None:
    program = """
from sedifex_client import connect
try:
    connect("127.0.0.1:1", "sdfx_test_notatoken\\n")
except ValueError as problem:
    print(problem)
"""
    printed = run(program)
    assert "line break" in printed
    assert "notatoken" not in printed


_PROGRAM = """
import os
import grpc
from sedifex.catalog.v1 import catalog_pb2, catalog_pb2_grpc
from sedifex_client import Certificate, connect

def read(name):
    return open(os.environ[name], "rb").read()

options = {"roots": read("ROOTS")} if "ROOTS" in os.environ else dict(plaintext=True)
if "KEY" in os.environ:
    options["certificate"] = Certificate(read("KEY"), read("CHAIN"))
with connect(os.environ["CATALOG_ADDRESS"], os.environ["API_KEY"], **options) as channel:
    catalog = catalog_pb2_grpc.CatalogServiceStub(channel)
    store = os.environ["STORE"]
    try:
        CALL
        print("OK")
    except grpc.RpcError as refusal:
        print(refusal.code().name)
"""
_GET = _PROGRAM.replace("CALL", "catalog.GetStore(catalog_pb2.GetStoreRequest(name=store))")
_WRITE = _PROGRAM.replace(
    "CALL", "catalog.DeleteProduct(catalog_pb2.DeleteProductRequest(name=f'{store}/products/prod_none'))"
)


@contextmanager
def _silent() -> Iterator[str]:
    """A server that takes calls and never answers; its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def _needs(wheel: Distribution, extra: str = "typing") -> Iterator[Distribution]:
    """What a distribution needs, with this extra of its own, and what that needs."""
    for text in wheel.requires or []:
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            found = distribution(requirement.name)
            assert requirement.specifier.contains(found.version)
            yield found
            yield from _needs(found, extra="")


def _link(source: Path, target: Path) -> None:
    """Links a package, or what is in it where another one shares the folder (google/)."""
    if source.is_dir() and target.is_dir() and not target.is_symlink():
        for each in source.iterdir():
            _link(each, target / each.name)
    elif source.is_dir() and not (source / "__init__.py").exists() and not source.name.endswith("-info"):
        target.mkdir()
        _link(source, target)
    elif not target.exists():
        target.symlink_to(source)
