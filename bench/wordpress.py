"""Figures of the WordPress plugin: what a list of products costs a page, and what a refresh costs."""

import asyncio
import json
import re
import shutil
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from sedifex.catalog.v1 import catalog_pb2

from bench.figures import Figure, Row, Run
from rig.operator import DEADLINE_S, Operator
from rig.system import free_address
from rig.wordpress import packages
from rig.wordpress.site import Site, site

PRODUCTS = 1_000
SHOWN = 24
WARM_UP = 10
REFRESHES = 15
START_S = 20.0

_METER = """<?php
// Processor time, in milliseconds: the machine may be busy with other things.
function bench_cpu() {
    $used = getrusage();
    $seconds = $used['ru_utime.tv_sec'] + $used['ru_stime.tv_sec'];
    return $seconds * 1000 + ($used['ru_utime.tv_usec'] + $used['ru_stime.tv_usec']) / 1000;
}
$GLOBALS['bench_began'] = bench_cpu();
add_action('http_api_debug', function () { $GLOBALS['bench_calls'] = ($GLOBALS['bench_calls'] ?? 0) + 1; });
add_action('shutdown', function () {
    $calls = $GLOBALS['bench_calls'] ?? 0;
    $told = [bench_cpu() - $GLOBALS['bench_began'], get_num_queries(), $calls];
    is_singular() && print('<!-- bench ' . wp_json_encode($told) . ' -->');
}, 0);
add_filter('pre_option_sedifex_window', function () { return 120; });
"""
_CONNECT = """
$api = new Sedifex\\Api($argv[1], $argv[2]);
$connection = Sedifex\\Connections::add($argv[1], $api->stores()[0]);
Sedifex\\Secrets::setKey($connection['id'], $argv[2]);
Sedifex\\Sync::now($connection['id'], 30);
$pages = ['with' => '[sedifex_products limit="' . $argv[3] . '"]', 'without' => '<p>Nothing.</p>'];
foreach ($pages as $name => $text) {
    wp_insert_post(['post_type' => 'page', 'post_status' => 'publish', 'post_name' => $name, 'post_content' => $text]);
}
echo $connection['id'];
"""
_REFRESH = """
$id = $argv[1];
Sedifex\\Status::clearFailure($id);
Sedifex\\Sync::run($id);
echo wp_json_encode(Sedifex\\Status::fresh($id)['attempts'][0]);
"""


async def wordpress(run: Run) -> Sequence[Row]:
    """A warm page with 24 of 1,000 products, and the same without; refreshes with nothing and one thing changed."""
    if shutil.which("php") is None:
        return [Row("WordPress page", "not measured", "php is not installed: tests/programs.sh installs it")]
    store = await run.operator.new_store()
    await _fill(run.operator, store, range(PRODUCTS), "45.00")
    key = (await run.operator.create(store, scopes=("catalog.read",))).secret
    with tempfile.TemporaryDirectory(prefix="sedifex-bench-wordpress-") as folder:
        try:
            async with _gateway(run) as address:
                with site(Path(folder) / "site") as made:
                    return await _measure(run, made, address, key, store)
        except packages.UnavailableError as problem:
            return [Row("WordPress page", "not measured", str(problem))]


async def _measure(run: Run, made: Site, address: str, key: str, store: str) -> list[Row]:
    (made.folder / "wp-content" / "mu-plugins" / "meter.php").write_text(_METER)
    await asyncio.to_thread(made.install)
    shop = await asyncio.to_thread(made.php, _CONNECT, address, key, str(SHOWN))
    with_list, without = await asyncio.to_thread(_pages, made, run.seconds / 3)
    unchanged = [await _refresh(made, shop) for _ in range(REFRESHES)]
    changed = []
    for number in range(REFRESHES):
        await _fill(run.operator, store, range(1), f"{50 + number}.00")
        changed.append(await _refresh(made, shop))
    times = [statistics.median(each[0] for each in pages) for pages in (with_list, without)]
    queries = [statistics.median(each[1] for each in pages) for pages in (with_list, without)]
    calls = sum(int(each[2]) for each in with_list)
    return [
        Row(
            f"warm page with {SHOWN} of {PRODUCTS:,} products, PHP's processor time",
            f"{times[0]:.1f} ms",
            f"{times[1]:.1f} ms: the same page without",
            f"{times[0] - times[1]:+.2f} ms",
            "≤ +2 ms",
        ),
        Row("  database queries of it", f"{queries[0]:.0f}", f"{queries[1]:.0f}", f"{queries[0] - queries[1]:+.0f}"),
        Row(f"  calls to Sedifex in {len(with_list)} views", f"{calls}", "", "", "0"),
        Row(f"refresh of {PRODUCTS:,}, nothing changed", f"{statistics.median(unchanged):.0f} ms"),
        Row(
            f"refresh of {PRODUCTS:,}, 1 changed",
            f"{statistics.median(changed):.0f} ms",
            f"{statistics.median(unchanged):.0f} ms: nothing changed",
            f"{statistics.median(changed) / max(1.0, statistics.median(unchanged)):.1f}×",
        ),
    ]


def _pages(made: Site, seconds: float) -> tuple[list[list[float]], list[list[float]]]:
    """Milliseconds, queries and calls of each view, of the page with products and of that without, in turns."""
    found: dict[str, list[list[float]]] = {"with": [], "without": []}
    with httpx.Client(base_url=made.url, timeout=20) as visitor:
        for _ in range(WARM_UP):
            visitor.get("/with/")
            visitor.get("/without/")
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for name, views in found.items():
                told = re.search(r"<!-- bench (\[.*?\]) -->", visitor.get(f"/{name}/").text)
                if told is None:
                    raise ValueError(f"the page /{name}/ was not measured: {visitor.get(f'/{name}/').text[-500:]}")
                views.append(json.loads(told[1]))
    return found["with"], found["without"]


async def _refresh(made: Site, shop: str) -> float:
    attempt = json.loads(await asyncio.to_thread(made.php, _REFRESH, shop))
    if attempt["reason"]:
        raise ValueError(f"the shop could not be read: {attempt}")
    return float(attempt["ms"])


@asynccontextmanager
async def _gateway(run: Run) -> AsyncIterator[str]:
    """A gateway of the system; its address."""
    host, _, port = free_address().rpartition(":")
    keys = run.system.keys_addresses[0]
    run.system.add("gateway", "gateway", gateway_host=host, gateway_port=port, keys_address=keys)
    address, deadline = f"http://{host}:{port}", time.monotonic() + START_S
    try:
        async with httpx.AsyncClient(timeout=2) as client:
            while True:
                try:
                    if (await client.get(f"{address}/readyz")).status_code == 200:
                        break
                except httpx.HTTPError:
                    pass  # not yet
                if time.monotonic() > deadline:
                    raise TimeoutError("the gateway does not serve")
                await asyncio.sleep(0.05)
        yield address
    finally:
        run.system.processes.pop("gateway").stop()


async def _fill(operator: Operator, store: str, numbers: Sequence[int], amount: str) -> None:
    products = [
        catalog_pb2.Product(
            display_name=f"Product {number}",
            description="Unrefined, from Tamale. In a tub that is used again for many other things.",
            category=f"Category {number % 40}",
            sku=f"SKU-{number:07}",
            price=catalog_pb2.Money(amount=amount),
            stock_count=number % 30,
            images=[catalog_pb2.ProductImage(uri="https://images.example/shea.jpg", alt_text="A tub")],
        )
        for number in numbers
    ]
    request = catalog_pb2.BatchUpsertProductsRequest(parent=store, products=products)
    await operator.catalog.BatchUpsertProducts(request, timeout=DEADLINE_S, metadata=operator.metadata)


FIGURES = (Figure("wordpress", wordpress),)
