"""What a form says of an endpoint: read, shown again as it was filled in, and put into a request."""

from collections.abc import Sequence
from dataclasses import dataclass

from google.protobuf.duration_pb2 import Duration
from sedifex.webhooks.v1 import webhooks_pb2

from gateway.admin.forms import Form, Problems

Endpoint = webhooks_pb2.WebhookEndpoint
EVERYTHING, SOME = "products", "some"
CHANGEABLE = (
    "url",
    "display_name",
    "event_types",
    "rate_limit_per_second",
    "max_concurrency",
    "coalesce_window",
)


@dataclass(frozen=True)
class EndpointForm:
    """The fields, as text: what somebody has filled in may be anything."""

    url: str = ""
    display_name: str = ""
    choice: str = EVERYTHING
    event_types: Sequence[str] = ()
    rate_limit_per_second: str = ""
    max_concurrency: str = ""
    coalesce_window: str = ""

    @classmethod
    def read(cls, form: Form) -> "EndpointForm":
        """What a form has brought."""
        return cls(
            url=form["url"],
            display_name=form["display_name"],
            choice=SOME if form["choice"] == SOME else EVERYTHING,
            event_types=form.all("event_types"),
            rate_limit_per_second=form["rate_limit_per_second"],
            max_concurrency=form["max_concurrency"],
            coalesce_window=form["coalesce_window"],
        )

    @classmethod
    def of(cls, endpoint: Endpoint) -> "EndpointForm":
        """How an endpoint is set up."""
        return cls(
            url=endpoint.url,
            display_name=endpoint.display_name,
            choice=SOME if endpoint.event_types else EVERYTHING,
            event_types=list(endpoint.event_types),
            rate_limit_per_second=_text(endpoint.rate_limit_per_second),
            max_concurrency=_text(endpoint.max_concurrency),
            coalesce_window=_text(round(endpoint.coalesce_window.ToMilliseconds() / 1000)),
        )

    @property
    def has_more_settings(self) -> bool:
        """Whether any of those is filled in that stand under "More settings"."""
        return bool(self.rate_limit_per_second or self.max_concurrency or self.coalesce_window)

    def problems(self) -> Problems:
        """What can be told without asking the service."""
        fields = {
            name: "Enter a whole number, or leave it empty."
            for name in ("rate_limit_per_second", "max_concurrency", "coalesce_window")
            if getattr(self, name) and not _is_number(getattr(self, name))
        }
        if not self.url:
            fields["url"] = "Enter the address that your receiver listens at."
        if self.choice == SOME and not self.event_types:
            fields["event_types"] = "Choose at least one type, or all of products."
        return Problems("Some of this needs another look.", fields) if fields else Problems()

    def endpoint(self, name: str = "", etag: str = "") -> Endpoint:
        """The endpoint that is wanted; only after `problems` has found none."""
        return Endpoint(
            name=name,
            etag=etag,
            url=self.url,
            display_name=self.display_name,
            event_types=self.event_types if self.choice == SOME else (),
            rate_limit_per_second=int(self.rate_limit_per_second or 0),
            max_concurrency=int(self.max_concurrency or 0),
            coalesce_window=Duration(seconds=int(self.coalesce_window or 0)),
        )


def _text(number: int) -> str:
    return str(number) if number else ""


def _is_number(text: str) -> bool:
    """Whether it is one that a request can carry; the service says which of them make sense."""
    return text.isascii() and text.isdecimal() and len(text) <= 6
