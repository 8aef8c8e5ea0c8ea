"""Sending again by clicking: what a disabled endpoint has missed, and events of a time that somebody chooses."""

import asyncio

import pytest
from playwright.async_api import expect
from sedifex.webhooks.v1 import webhooks_pb2

from tests.hooks import Delivery, Hooks, delivered, until
from tests.pages import BrowserPage, Check, Look, Shop, Shot, Viewport
from tests.partner import Partner

pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture
def hooks(shop: Shop) -> Hooks:
    return Hooks.of_store(shop.system, shop.store)


@pytest.mark.parametrize(("viewport", "javascript"), [("phone", True), ("phone", False), ("desktop", True)])
async def test_what_a_disabled_endpoint_missed_is_sent_when_it_is_enabled(
    shop: Shop,
    hooks: Hooks,
    partner: Partner,
    browser_page: BrowserPage,
    viewport: Viewport,
    javascript: bool,
    look: Look,
) -> None:
    endpoint = await hooks.endpoint(partner.url, display_name="Price screens")
    page = await browser_page(viewport, javascript=javascript)
    await shop.enter(page)
    await page.goto(shop.url("webhooks", endpoint.name.rpartition("/")[2]))
    await page.get_by_text("Disable…").click()
    await page.get_by_role("button", name="Disable it now").click()
    await expect(page.get_by_role("heading", name="Nothing is sent to this endpoint")).to_be_visible()
    if javascript:
        await look(page, f"webhooks-disabled-{viewport}")
    missed = [hooks.event(product_id=f"prod_{n}") for n in range(3)]
    await hooks.publish(*missed)
    await page.get_by_role("button", name="Enable it").click()
    await expect(page.get_by_role("heading", name="Send what it has missed?")).to_be_visible()
    await expect(page.get_by_text("3 deliveries would be sent")).to_be_visible()
    if javascript:
        await look(page, f"replay-check-{viewport}")
    await page.get_by_role("button", name="Send 3 deliveries").click()
    came = [await delivered(partner) for _ in missed]
    assert {each.headers["webhook-id"] for each in came} == {each.id for each in missed}
    if javascript:
        await expect(page.get_by_text("Everything has arrived")).to_be_visible()
        await look(page, f"replay-{viewport}")
        await page.get_by_role("link", name="Replays").first.click()
        await expect(page.locator("#replays tbody tr")).to_have_count(1)
        await look(page, f"replays-{viewport}")


async def test_events_since_a_moment_are_sent_again(
    shop: Shop, hooks: Hooks, partner: Partner, browser_page: BrowserPage, check_accessible: Check, shot: Shot
) -> None:
    await hooks.endpoint(partner.url)
    await hooks.publish()
    first = await delivered(partner)
    (done,) = await until(hooks.log, lambda log: log and log[0].state == Delivery.STATE_SUCCEEDED and log)
    page = await browser_page()
    await shop.enter(page)
    await page.goto(shop.url("webhooks", "deliveries", done.name.rpartition("/")[2]))
    await page.get_by_role("link", name="Replay since this moment…").click()
    await page.get_by_role("button", name="Count them first").click()
    await expect(page.get_by_text("Nothing to send")).to_be_visible()
    await page.get_by_label("Delivered").check()
    await page.get_by_role("button", name="Count again").click()
    await expect(page.get_by_text("1 delivery would be sent")).to_be_visible()
    await check_accessible(page)
    await shot(page, "replay-since-desktop")
    await page.get_by_role("button", name="Send 1 delivery").click()
    assert (await delivered(partner)).event == first.event


async def test_a_running_replay_is_stopped(
    shop: Shop, hooks: Hooks, partner: Partner, browser_page: BrowserPage, shot: Shot, check_accessible: Check
) -> None:
    made = await hooks.endpoint(partner.url, max_concurrency=1)
    await hooks.disable(made.name)
    for _ in range(3):
        await hooks.publish(*(hooks.event(product_id=f"prod_{n}") for n in range(500)))
    since = (await hooks.enable(made.name)).missed_since_time
    # It goes on while it may have more under way: the one answer that it waits for does not come.
    partner.may_answer.clear()
    request = webhooks_pb2.ReplayEventsRequest(parent=hooks.store, endpoint=made.name, start_time=since)
    replay = (await hooks.stub.ReplayEvents(request)).replay
    await asyncio.to_thread(partner.next)
    page = await browser_page()
    await shop.enter(page)
    await page.goto(shop.url("webhooks", "replays", replay.name.rpartition("/")[2]))
    await expect(page.get_by_text("Running")).to_be_visible()
    await check_accessible(page)
    await shot(page, "replay-running-desktop")
    await page.get_by_text("Stop it…").click()
    await page.get_by_role("button", name="Stop it now").click()
    await expect(page.get_by_text("It was stopped before its end")).to_be_visible()
    found = await hooks.stub.GetReplay(webhooks_pb2.GetReplayRequest(name=replay.name))
    assert found.replay.state == webhooks_pb2.Replay.STATE_CANCELLED
    await hooks.stub.DeleteWebhookEndpoint(webhooks_pb2.DeleteWebhookEndpointRequest(name=made.name))


async def test_a_time_that_cannot_be_is_told_at_its_field(shop: Shop, hooks: Hooks, browser_page: BrowserPage) -> None:
    await hooks.endpoint()
    page = await browser_page("phone", javascript=False)
    await shop.enter(page)
    await page.goto(shop.url("webhooks", "replays", "new"))
    await page.get_by_label("Events since").fill("2020-01-01T00:00:00")
    await page.get_by_role("button", name="Count them first").click()
    await expect(page.get_by_text("must not lie more than 30 days back", exact=False)).to_be_visible()
