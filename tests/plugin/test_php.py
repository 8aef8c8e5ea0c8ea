"""The plugin's classes on real WordPress: PHPUnit, once with each version. Its tests are in wp-plugin/tests/phpunit."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.wordpress import mariadb, packages
from rig.wordpress.site import PLUGIN, Site, prepare

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(params=sorted(packages.SUITES))
def unserved(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """A site without a web server, whose plugin is the source itself."""
    try:
        made = prepare(tmp_path / "site", request.param, {})
    except packages.UnavailableError as problem:
        pytest.skip(str(problem))
    (made.folder / "wp-content" / "plugins" / "sedifex").symlink_to(PLUGIN)
    try:
        made.install()
        yield made
    finally:
        shutil.rmtree(made.database, ignore_errors=True)


def test_the_unit_tests_pass(unserved: Site, root: Path) -> None:
    _pass(unserved, root)


def test_those_that_share_rows_pass_on_mariadb_too(tmp_path: Path, root: Path) -> None:
    """What most hosts have: there INSERT IGNORE, UPDATE and the order of rows are another program's."""
    try:
        with mariadb.server() as server:
            constants = {"DB_HOST": f"localhost:{server.socket}", "DB_USER": "root"}
            made = prepare(tmp_path / "site", "7.1", constants)
            made.environment = server.environment
            (made.folder / "wp-content" / "plugins" / "sedifex").symlink_to(PLUGIN)
            made.install()
            _pass(made, root, "--filter", "SyncTest|WebhookTest|SafetyTest")
    except packages.UnavailableError as problem:
        pytest.skip(str(problem))


def _pass(unserved: Site, root: Path, *options: str) -> None:
    folder = root / "wp-plugin" / "tests" / "phpunit"
    environment = {"SEDIFEX_TEST_SITE": str(unserved.folder), "SEDIFEX_TEST_VECTORS": str(root / "tests" / "vectors")}
    # WordPress is loaded at global scope, before PHPUnit has any.
    command = ["php", "-d", f"auto_prepend_file={folder / 'bootstrap.php'}", str(shutil.which("phpunit"))]
    done = subprocess.run(
        [*command, "-c", str(folder / "phpunit.xml"), *options],
        env=os.environ | environment | unserved.environment,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "OK (" in done.stdout
    said = unserved.log.read_text().splitlines() if unserved.log.exists() else []
    assert [line for line in said if "sedifex" in line.lower()] == []
