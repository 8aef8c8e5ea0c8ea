"""A WordPress site of its own: files, an SQLite database and PHP's own web server, for as long as it is needed."""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rig.wordpress import packages

START_S = 60.0
MEMORY = Path("/dev/shm")  # noqa: S108 - mkdtemp makes a folder of our own in it
WORKERS = 6
"""A page, its pictures, and what the site asks of itself go on at the same time."""

_HERE = Path(__file__).parent
_ROOT = _HERE.parents[1]
CACHE = _ROOT / "build" / "wordpress"
PLUGIN = _ROOT / "wp-plugin" / "sedifex"

_INSTALL = """
define('WP_INSTALLING', true);
require 'wp-load.php';
require 'wp-admin/includes/upgrade.php';
wp_install($argv[1], 'admin', 'ama@shop.example', true, '', $argv[2]);
update_option('permalink_structure', '/%postname%/');
update_option('blogdescription', '');
update_option('show_avatars', 0);
update_option('timezone_string', 'Africa/Accra');
update_user_meta(1, 'show_welcome_panel', 0);
update_user_meta(1, 'wp_persisted_preferences', [
    'core' => ['isComplementaryAreaVisible' => true],
    'core/edit-post' => ['welcomeGuide' => false, 'fullscreenMode' => false],
    '_modified' => gmdate('c'),
]);
"""


@dataclass
class Site:
    """A site. `folder` is its root in the file system; `url` has no slash at its end."""

    folder: Path
    url: str
    password: str
    """Of "admin"."""
    database: Path
    """The folder of its database: in memory where the machine has a file system there, for each write waits for it."""
    environment: dict[str, str] = field(default_factory=dict)
    """What the site's PHP finds in its environment, on top of this process's own."""
    _server: "subprocess.Popen[bytes] | None" = None

    @property
    def log(self) -> Path:
        """What WordPress and PHP complain of (WP_DEBUG_LOG)."""
        return self.folder / "wp-content" / "debug.log"

    def php(self, code: str, *arguments: str) -> str:
        """Runs PHP with WordPress loaded; answers what it prints.

        Raises:
            RuntimeError: PHP ended with an error; the message has what it said.
        """
        return self._run(f"require 'wp-load.php';\n{code}", *arguments)

    def value(self, expression: str, *arguments: str) -> Any:
        """What a PHP expression is, by way of JSON."""
        return json.loads(self.php(f"echo wp_json_encode({expression});", *arguments))

    def install(self, plugin: Path | None = PLUGIN) -> None:
        """Fills the database, and puts the plugin in place and activates it unless it is None."""
        self._run(_INSTALL, "Makola Corner", self.password)
        if plugin is not None:
            target = self.folder / "wp-content" / "plugins" / "sedifex"
            if not target.exists():
                shutil.copytree(plugin, target)
            self.activate()

    def activate(self) -> None:
        """Activates the plugin."""
        self.php(
            "require_once ABSPATH . 'wp-admin/includes/plugin.php'; $failed = activate_plugin('sedifex/sedifex.php');"
            "if (is_wp_error($failed)) { fwrite(STDERR, $failed->get_error_message()); exit(1); }"
        )

    def start(self) -> None:
        """Starts the web server and waits until it answers.

        Raises:
            RuntimeError: it does not answer in time.
        """
        host = self.url.removeprefix("http://")
        environment = {**os.environ, **self.environment, "PHP_CLI_SERVER_WORKERS": str(WORKERS)}
        command = ["php", "-d", "opcache.validate_timestamps=1", "-d", "opcache.revalidate_freq=0"]
        command += ["-S", host, "-t", str(self.folder), str(_HERE / "router.php")]
        with (self.folder.parent / f"{self.folder.name}.log").open("ab") as log:
            self._server = subprocess.Popen(  # noqa: S603 - our own words
                command, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + START_S
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/readme.html", timeout=1):  # noqa: S310 - our own server
                    return
            except (OSError, urllib.error.URLError):
                if time.monotonic() > deadline:
                    self.stop()
                    raise RuntimeError(f"PHP's web server does not answer at {self.url}") from None
                time.sleep(0.02)

    def stop(self) -> None:
        """Stops the web server with all its workers."""
        if self._server is not None:
            os.killpg(self._server.pid, signal.SIGTERM)
            self._server.wait()
            self._server = None

    @contextmanager
    def configured(self, name: str, value: str | bool) -> Iterator[None]:
        """The site with another constant in its configuration, while the context lasts."""
        file = self.folder / "wp-config.php"
        before = file.read_text()
        file.write_text(before.replace("<?php\n", f"<?php\ndefine({_php(name)}, {_php(value)});\n", 1))
        try:
            yield
        finally:
            file.write_text(before)

    def _run(self, code: str, *arguments: str) -> str:
        host = self.url.removeprefix("http://")
        # As if a visitor had asked, for what WordPress takes from a request.
        request = f"$_SERVER['HTTP_HOST'] = '{host}'; $_SERVER['SERVER_NAME'] = '127.0.0.1';"
        request += "$_SERVER['REQUEST_METHOD'] = 'GET'; $_SERVER['REQUEST_URI'] = '/';"
        done = subprocess.run(  # noqa: S603 - our own words
            ["php", "-d", "display_errors=stderr", "-r", request + code, "--", *arguments],  # noqa: S607
            cwd=self.folder,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"PHP ended with {done.returncode}: {done.stderr[-2000:]}{done.stdout[-500:]}")
        return done.stdout


@contextmanager
def site(
    folder: Path, version: str = "7.1", *, constants: Mapping[str, Any] | None = None, serve: bool = True
) -> Iterator[Site]:
    """A site in `folder` with WordPress of this version, not installed yet. Its server ends with the context.

    `constants` go into its configuration, on top of those that keep it on this machine.

    Raises:
        packages.UnavailableError: WordPress cannot be had here.
    """
    made = prepare(folder, version, constants or {})
    try:
        if serve:
            made.start()
        yield made
    finally:
        made.stop()
        shutil.rmtree(made.database, ignore_errors=True)


def prepare(folder: Path, version: str, constants: Mapping[str, Any]) -> Site:
    """The files of a site and its configuration; nothing runs yet. With a DB_HOST in the constants its data are there.

    Raises:
        packages.UnavailableError: WordPress cannot be had here.
    """
    tree, drop_in = packages.wordpress(version, CACHE), packages.sqlite_drop_in(CACHE)
    shutil.copytree(tree, folder, copy_function=_link)
    content = folder / "wp-content"
    for name in ("plugins", "mu-plugins", "uploads"):
        (content / name).mkdir(exist_ok=True)
    shutil.copytree(drop_in, content / "plugins" / "sqlite-database-integration", copy_function=_link)
    if "DB_HOST" not in constants:
        _drop_in(content, content / "plugins" / "sqlite-database-integration")
    shutil.copy(_HERE / "on_one_machine.php", content / "mu-plugins" / "on-one-machine.php")
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    database = Path(tempfile.mkdtemp(prefix="wordpress-", dir=MEMORY if MEMORY.is_dir() else None))
    (folder / "wp-config.php").write_text(_configuration(url, {"DB_DIR": str(database), **constants}))
    return Site(folder, url, secrets.token_urlsafe(12), database)


def _drop_in(content: Path, plugin: Path) -> None:
    """Has WordPress keep its data in SQLite."""
    source = (plugin / "db.copy").read_text().replace("{SQLITE_IMPLEMENTATION_FOLDER_PATH}", str(plugin))
    (content / "db.php").write_text(source.replace("{SQLITE_PLUGIN}", "sqlite-database-integration/load.php"))


def _configuration(url: str, constants: Mapping[str, Any]) -> str:
    salts = ("AUTH", "SECURE_AUTH", "LOGGED_IN", "NONCE")
    values: dict[str, Any] = {
        "DB_NAME": "wordpress",
        "DB_USER": "",
        "DB_PASSWORD": "",
        "DB_HOST": "",
        "DB_CHARSET": "utf8mb4",
        "WP_HOME": url,
        "WP_SITEURL": url,
        "WP_DEBUG": True,
        "WP_DEBUG_LOG": True,
        "WP_DEBUG_DISPLAY": False,
        "WP_HTTP_BLOCK_EXTERNAL": False,  # the must-use plugin says who may be asked
        "AUTOMATIC_UPDATER_DISABLED": True,
        "DISALLOW_FILE_EDIT": True,
        **{f"{name}_{kind}": secrets.token_urlsafe(32) for name in salts for kind in ("KEY", "SALT")},
        **constants,
    }
    lines = [f"define({_php(name)}, {_php(value)});" for name, value in values.items()]
    kind = "define('WP_ENVIRONMENT_TYPE', getenv('SEDIFEX_TEST_PRODUCTION') ? 'production' : 'local');"
    return "\n".join(
        ["<?php", *lines, kind, "$table_prefix = 'wp_';", "require_once __DIR__ . '/wp-settings.php';", ""]
    )


def _link(source: str, target: str) -> None:
    """A second name for the file where the file system can, else a copy."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _php(value: str | bool | int) -> str:
    """A value as PHP writes it."""
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return json.dumps(value)
