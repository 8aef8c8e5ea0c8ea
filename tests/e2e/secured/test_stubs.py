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

import pytest
from packaging.requirements import Requirement

from tests.authority import Authority
from tests.e2e.secured.conftest import Secured
from tests.quickstart import files_of
from tests.relay import relaying

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


@pytest.fixture(scope="module")
async def variables(secured: Secured) -> dict[str, str]:
    """What a program is told to call the running system."""
    await secured.rest.post(f"/v1/{secured.store}/products", json={"displayName": "Kente cloth"})
    program = secured.authority.issue("program")
    return {
        "STORE": secured.store,
        "API_KEY": secured.key,
        "CATALOG_ADDRESS": secured.addresses["catalog"],
        "ROOTS": str(program.roots),
        "KEY": str(program.key),
        "CHAIN": str(program.certificate),
    }


@pytest.fixture
def run(python: Path, variables: dict[str, str], tmp_path: Path) -> Callable[..., str]:
    """Runs a program there, told the same, or something else; what it prints."""

    def begin(program: str, **other: str | None) -> str:
        (tmp_path / "program.py").write_text(program, "utf-8")
        told = {name: value for name, value in (variables | other).items() if value is not None}
        done = subprocess.run(
            [python, "-I", tmp_path / "program.py"],
            env={"PATH": os.environ["PATH"]} | told,
            capture_output=True,
            text=True,
            timeout=RUN_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return begin


@pytest.mark.parametrize(
    ("name", "prints"),
    [
        ("first_call.py", ""),
        ("first_async_call.py", ""),
        ("refused_call.py", "NOT_FOUND PRODUCT_NOT_FOUND"),
    ],
)
def test_a_program_of_the_page_calls_the_running_system(
    root: Path, run: Callable[..., str], name: str, prints: str
) -> None:
    printed = run(files_of(root / "docs" / "stubs.md")[name, ""])
    assert printed == prints if prints else len(printed) > 3


def test_a_server_of_another_authority_is_not_told_the_token(run: Callable[..., str], tmp_path: Path) -> None:
    Authority.new(tmp_path, "other")
    assert run(_GET, ROOTS=str(tmp_path / "other.pem")) == "UNAVAILABLE"


def test_a_server_that_wants_a_certificate_is_shown_one(run: Callable[..., str]) -> None:
    assert run(_GET) == "OK"
    assert run(_GET, KEY=None, CHAIN=None) == "UNAVAILABLE"


def test_reading_is_tried_again_and_writing_is_not(run: Callable[..., str], variables: dict[str, str]) -> None:
    for program, answer in ((_GET, "OK"), (_WRITE, "UNAVAILABLE")):
        with relaying(variables["CATALOG_ADDRESS"], hang_up_on=1) as relay:
            assert run(program, CATALOG_ADDRESS=relay.address) == answer
            assert relay.hung_up_on == 1


def test_a_call_has_a_deadline_without_being_given_one(run: Callable[..., str]) -> None:
    program = _GET.replace("plaintext=True", "plaintext=True, deadline=0.5")
    with _silent() as address:
        assert run(program, CATALOG_ADDRESS=address, ROOTS=None, KEY=None) == "DEADLINE_EXCEEDED"


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
