"""The plugin on real WordPress sites, against the real Sedifex, as merchants and their customers have it.

What a machine does not have is named where a test is skipped for it; `tests/programs.sh` installs most of it.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser

from gateway import connection_code
from rig.wordpress import packages
from rig.wordpress.site import CACHE, Site, site
from tests.e2e.conftest import Up
from tests.plugin import browser as browsers
from tests.plugin.front import Front, front_of

PICTURES = "SEDIFEX_PICTURES"
"""Set in the environment, the browser tests write the pictures that are in the guide and in the plugin's zip."""


@dataclass(frozen=True)
class Shop:
    """A shop of the real system, and how to change it."""

    gateway: str
    store: str
    key: str
    """An API key that may do everything in it."""
    operator: str

    @property
    def id(self) -> str:
        """The last part of the store's name."""
        return self.store.removeprefix("stores/")

    def code(self, address: str | None = None, key: str | None = None) -> str:
        """A connection code, as the admin pages make it."""
        return connection_code.make(address or self.gateway, key or self.new_key()[1])

    def new_key(self, *scopes: str) -> tuple[str, str]:
        """The name and the secret of a new key; for a website's scopes unless told others."""
        wanted = {"displayName": "Website", "scopes": scopes or ("catalog.read", "webhooks.read", "webhooks.write")}
        made = self.call("POST", f"{self.store}/keys", wanted, token=self.operator)
        return made["key"]["name"], made["secret"]

    def set_price(self, product: str, amount: str) -> None:
        """Changes a price."""
        self.call("PATCH", f"{product}?updateMask=price", {"price": {"amount": amount}})

    def products(self) -> list[dict[str, Any]]:
        """What integrations see."""
        return list(self.call("GET", f"{self.store}/products?pageSize=200")["products"])

    def call(self, method: str, path: str, body: Any = None, token: str = "") -> Any:
        """Calls the API."""
        headers = {"Authorization": f"Bearer {token or self.key}"}
        answer = httpx.request(method, f"{self.gateway}/v1/{path}", json=body, headers=headers, timeout=20)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="session", autouse=True)
def _programs() -> None:
    if missing := [each for each in ("php", "phpunit", "phpcs", "msgfmt") if shutil.which(each) is None]:
        pytest.skip(f"{', '.join(missing)} not found: run tests/programs.sh as root on Debian, or install it yourself")


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium. Of the package and not of the session: its loop would be in the way of tests that have one."""
    if browsers.PROGRAM is None:
        pytest.skip("chromium not found: run tests/programs.sh as root on Debian, or install it yourself")
    with browsers.running() as started:
        yield started


@pytest.fixture(scope="package")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The sample shop of a system that runs for these tests."""
    run = Up.start(tmp_path_factory.mktemp("plugin-up") / "state", "--any-ports")
    try:
        demo = run.demo()
        yield Shop(demo["gateway"], demo["store"], demo["apiKey"], demo["operatorToken"])
    finally:
        run.stop()


@pytest.fixture
def front(shop: Shop) -> Iterator[Front]:
    """Something in front of the gateway that can be told to fail."""
    with front_of(shop.gateway) as started:
        yield started


@pytest.fixture(scope="package")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Site]]:
    """Sites by the version of WordPress, each made once, with the plugin active."""
    folder = tmp_path_factory.mktemp("sites")
    started: dict[str, tuple[Site, Any]] = {}

    def get(version: str) -> Site:
        if version not in started:
            context = site(folder / version, version)
            try:
                made = context.__enter__()
            except packages.UnavailableError as problem:
                pytest.skip(str(problem))
            started[version] = made, context
            made.install()
        return started[version][0]

    yield get
    for _, context in started.values():
        context.__exit__(None, None, None)


@pytest.fixture(params=sorted(packages.SUITES))
def any_wordpress(request: pytest.FixtureRequest, sites: Callable[[str], Site]) -> Iterator[Site]:
    """A clean site with each WordPress in turn."""
    yield from _clean(sites(request.param))


@pytest.fixture
def wordpress(sites: Callable[[str], Site]) -> Iterator[Site]:
    """A clean site with the newest WordPress."""
    yield from _clean(sites(max(packages.SUITES)))


@pytest.fixture(scope="session")
def pictures(root: Path) -> Path:
    """Where pictures of this run go."""
    folder = root / "wp-plugin" / "sedifex" / "screenshots" if os.environ.get(PICTURES) else CACHE / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def connect(made: Site, shop: Shop, address: str | None = None) -> None:
    """Connects the shop without the pages that are for it, and makes the shop page."""
    made.php(
        """
        wp_set_current_user(1);
        $api = new Sedifex\\Api($argv[1], $argv[2]);
        $connection = Sedifex\\Connections::add($argv[1], $api->stores()[0]);
        Sedifex\\Secrets::setKey($connection['id'], $argv[2]);
        Sedifex\\Sync::now($connection['id'], 10);
        Sedifex\\Subscription::start($connection['id']);
        Sedifex\\ShopPages::create($connection);
        """,
        address or shop.gateway,
        shop.new_key()[1],
    )


def _clean(made: Site) -> Iterator[Site]:
    """The site as it was installed. Afterwards nothing of the plugin may be in its log."""
    made.php("Sedifex\\Uninstaller::run(); switch_theme('twentytwentyfive');")
    made.log.unlink(missing_ok=True)
    yield made
    said = made.log.read_text().splitlines() if made.log.exists() else []
    assert [line for line in said if "sedifex" in line.lower()] == [], "PHP or WordPress complained of the plugin"
