"""WordPress sites as the shop's keys and webhook endpoints show them: what is connected, and how far it has come.

Nothing says so outright. A site has the key of one connection code, names itself when it uses it, and registers an
endpoint at its own address.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import unquote, urlsplit

from sedifex.keys.v1 import keys_pb2
from sedifex.webhooks.v1 import webhooks_pb2

from gateway.admin.words import ago

AGENT = "Sedifex-WordPress/"
"""How the plugin names itself."""
NAME = "WordPress"
"""What the keys of connection codes are called, with the site's address behind a colon where it is known."""
ENDPOINT = "/sedifex/v1/webhook/"
"""What the address of a site's endpoint has in it, whatever permalinks the site uses."""
SILENT = timedelta(days=1)
"""A site asks every few minutes. One that has not for so long is not up to date."""

Key = keys_pb2.Key
Endpoint = webhooks_pb2.WebhookEndpoint
Level = Endpoint.Health.Level
Progress = Literal["done", "waiting", "wrong"]


@dataclass(frozen=True)
class Step:
    """A line of the checklist."""

    progress: Progress
    title: str
    text: str


@dataclass(frozen=True)
class Site:
    """A WordPress site, or the code that is made for one."""

    key: keys_pb2.Key
    endpoint: webhooks_pb2.WebhookEndpoint | None

    @property
    def title(self) -> str:
        """Its address as far as it is known."""
        host = host_of_name(self.key.display_name)
        return host or (urlsplit(self.endpoint.url).hostname if self.endpoint else None) or "WordPress site"

    @property
    def last_use(self) -> keys_pb2.Key.Secret | None:
        """When and how its key was last used, by whatever program."""
        used = [each for each in self.key.secrets if each.HasField("last_use_time")]
        return max(used, key=lambda each: each.last_use_time.ToNanoseconds(), default=None)

    @property
    def last_read(self) -> datetime | None:
        """When the plugin last asked for something."""
        last = self.last_use
        is_plugin = last is not None and last.last_use_agent.startswith(AGENT)
        return last.last_use_time.ToDatetime(UTC) if last is not None and is_plugin else None

    def steps(self, now: datetime) -> list[Step]:
        """The checklist."""
        made = Step("done", "Code made", f"The key {self.key.hint}, made {ago(self.key.create_time, now)}.")
        return [made, self._pasted(), self._read(now), self._told(now)]

    def is_ready(self, now: datetime) -> bool:
        """Whether everything is done."""
        return all(each.progress == "done" for each in self.steps(now))

    def is_silent(self, now: datetime) -> bool:
        """Whether it did read products once, and does no more."""
        return self.last_read is not None and now - self.last_read > SILENT

    def _pasted(self) -> Step:
        if self.last_use is None:
            return Step("waiting", "Pasted in WordPress", "Paste it under Sedifex in your WordPress menu.")
        return Step("done", "Pasted in WordPress", "Your site knows where your shop is.")

    def _read(self, now: datetime) -> Step:
        title, moment = "Your products are on the website", self.last_read
        if moment is None:
            return Step("waiting", title, "This turns green once the site has asked for them.")
        if now - moment > SILENT:
            text = (
                f"The site has not asked for anything since {ago(moment, now)}. Open Sedifex in WordPress: it says why."
            )
            return Step("wrong", title, text)
        return Step("done", title, f"The site last asked {ago(moment, now)}.")

    def _told(self, now: datetime) -> Step:
        title, endpoint = "Changes show within seconds", self.endpoint
        if endpoint is None:
            return Step(
                "waiting",
                title,
                "The site asks to be told of changes by itself. Until then it looks every few minutes.",
            )
        if endpoint.state == Endpoint.STATE_DISABLED:
            return Step(
                "wrong", title, endpoint.state_reason or "Somebody has turned this off. Turn it on under Webhooks."
            )
        if endpoint.health.level == Level.LEVEL_FAILING:
            return Step("wrong", title, endpoint.health.reason)
        if endpoint.health.HasField("last_success_time"):
            return Step(
                "done", title, f"The site was last told of a change {ago(endpoint.health.last_success_time, now)}."
            )
        return Step("done", title, "The site will be told of the next change.")


def find_sites(keys: Iterable[keys_pb2.Key], endpoints: Sequence[webhooks_pb2.WebhookEndpoint]) -> list[Site]:
    """The sites, newest first; `keys` and `endpoints` newest first as well. Keys that have ended do not count."""
    ended = {Key.STATE_EXPIRED, Key.STATE_REVOKED}
    wanted = [each for each in keys if each.state not in ended and _is_of_wordpress(each)]
    left = [each for each in endpoints if ENDPOINT in unquote(each.url)]
    found: dict[str, webhooks_pb2.WebhookEndpoint] = {}
    for key in wanted:
        host = host_of_name(key.display_name)
        if host and (own := next((each for each in left if _plain(urlsplit(each.url).hostname) == _plain(host)), None)):
            found[key.name] = own
            left.remove(own)
    # What is left belongs to the newest key that was there before it: the site has made it with that.
    for key in wanted:
        if key.name in found:
            continue
        own = next((each for each in left if each.create_time.ToNanoseconds() >= key.create_time.ToNanoseconds()), None)
        if own:
            found[key.name] = own
            left.remove(own)
    return [Site(key, found.get(key.name)) for key in wanted]


def key_name(host: str) -> str:
    """What the key of a code for this site is called."""
    return f"{NAME}: {host}"[:100] if host else NAME


def host_of_name(name: str) -> str:
    """The address of the site that a key is named after; empty: none."""
    prefix, _, host = name.partition(": ")
    return host.strip() if prefix == NAME else ""


def _is_of_wordpress(key: keys_pb2.Key) -> bool:
    is_named = key.display_name == NAME or key.display_name.startswith(f"{NAME}: ")
    return is_named or any(each.last_use_agent.startswith(AGENT) for each in key.secrets)


def _plain(host: str | None) -> str:
    return (host or "").lower().removeprefix("www.")
