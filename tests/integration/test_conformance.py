"""The whole API does what its description says, whoever asks, and whatever: schemathesis makes up the requests.

The services run in this process's event loop, so the requests are made in a thread.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import hypothesis
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, strategies
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks
from sedifex.catalog.v1 import catalog_pb2
from sedifex.webhooks.v1 import webhooks_pb2

from gateway.transcoding import TIMEOUT_HEADER
from tests.system import System

CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]
DEADLINE_S = 20.0
POSITIVE, NEGATIVE = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE


@dataclass
class Shop:
    """A store with something of each kind in it, and who may ask for it."""

    path: dict[str, str]
    """The ids of what there is, by the names of path parameters."""
    tokens: dict[str, str]


@pytest.fixture(scope="module")
async def shop(system: System) -> Shop:
    store = await system.new_store()
    _, client = await system.new_key(store)
    spare, _ = await system.new_key(store)
    owner = await system.new_member(store)
    product = await client.catalog.CreateProduct(
        catalog_pb2.CreateProductRequest(
            parent=store, product=catalog_pb2.Product(display_name="Shea", status=catalog_pb2.Product.STATUS_PUBLISHED)
        )
    )
    endpoint = await client.webhooks.CreateWebhookEndpoint(
        webhooks_pb2.CreateWebhookEndpointRequest(
            parent=store,
            url="http://127.0.0.1:9/hook",
            event_types=["product.updated"],
        )
    )
    names = {"key": spare.name, "product": product.product.name, "webhookEndpoint": endpoint.webhook_endpoint.name}
    return Shop(
        {"store": store.partition("/")[2]} | {kind: name.rpartition("/")[2] for kind, name in names.items()},
        {
            "key": client.token,
            "owner": owner.client.token,
            "operator": system.operator.token,
            "wrong key": "sdfx_test_" + "a" * 38,
            "nobody": "",
        },
    )


@pytest.mark.timeout(400)  # about 40 s, on a machine that has nothing else to do
@pytest.mark.parametrize(
    ("who", "modes", "examples"),
    [
        ("key", (POSITIVE, NEGATIVE), 4),
        ("owner", (POSITIVE,), 3),
        ("operator", (POSITIVE,), 3),
        ("wrong key", (POSITIVE,), 1),
        ("nobody", (POSITIVE,), 1),
    ],
)
async def test_the_api_does_what_it_says(
    live_gateway: str, shop: Shop, who: str, modes: Sequence[Any], examples: int
) -> None:
    async with httpx.AsyncClient(base_url=live_gateway) as client:
        document = (await client.get("/openapi.json")).json()
    schema = schemathesis.openapi.from_dict(document)
    asker = Asker(live_gateway, shop.tokens[who])
    failures = await asyncio.to_thread(lambda: list(_failures(schema, shop, asker, modes, examples)))
    assert not failures, "\n\n".join(failures[:20])
    served = {name for name, statuses in asker.statuses.items() if 200 in statuses}
    public = {each["operationId"] for path in document["paths"].values() for each in path.values()
              if each.get("security") == []}  # fmt: skip
    if who in {"wrong key", "nobody"}:
        assert served <= public
    else:
        assert len(served - public) >= 20, "what is made up is good enough to be served"


class Asker:
    """Sends what is made up, under one credential, and judges the answers."""

    def __init__(self, gateway: str, token: str) -> None:
        self._gateway = gateway
        self._headers = {"X-Api-Key": token} if token else {}
        self._session = requests.Session()
        self.statuses: dict[str, set[int]] = {}
        """What was answered, by operation."""

    def __enter__(self) -> "Asker":
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def ask(self, case: Any) -> None:
        """Sends one request.

        Raises:
            schemathesis.errors.SchemathesisError, or a group of them: the answer is not as described.
        """
        if case.headers:
            case.headers.pop(TIMEOUT_HEADER, None)  # a wish of microseconds is answered 504, as it should be
        until = time.monotonic() + DEADLINE_S
        while True:
            sent = {"base_url": self._gateway, "session": self._session, "headers": self._headers}
            response = case.call(**sent, timeout=DEADLINE_S)
            # The services share a loop with all of this: one may have been held up past its lease.
            if response.status_code != 503 or time.monotonic() > until:
                break
            time.sleep(0.2)
        name = case.operation.definition.raw["operationId"]
        self.statuses.setdefault(name, set()).add(response.status_code)
        case.validate_response(response, checks=CHECKS, headers=self._headers)


def _failures(schema: Any, shop: Shop, asker: Asker, modes: Sequence[Any], examples: int) -> Iterator[str]:
    """What is wrong, an operation at a time."""
    with asker:
        operations = [found.ok() for found in schema.get_all_operations()]
        # Last what may end the very session under which all of it is asked.
        for operation in sorted(operations, key=lambda each: "Members" in each.tags):
            for mode in modes:
                try:
                    _try(operation, mode, shop, examples, asker.ask)
                except hypothesis.errors.Unsatisfiable:
                    assert mode is NEGATIVE, operation.label  # nothing can be wrong with what takes no parameter
                except BaseExceptionGroup as failed:
                    yield "\n".join([operation.label, *(str(each)[:1500] for each in failed.exceptions)])
                except Exception as failed:
                    yield f"{operation.label}\n{str(failed)[:1500]}"


def _try(operation: Any, mode: Any, shop: Shop, examples: int, ask: Callable[[Any], None]) -> None:
    """Makes up so many requests of a mode, for what is in the shop; wrong ones also for what is not."""
    names = {each.name for each in operation.path_parameters}
    known = {name: value for name, value in shop.path.items() if name in names}
    store = {name: value for name, value in known.items() if name == "store"}
    paths = [known, store] if mode is NEGATIVE else [known]
    made = [operation.as_strategy(generation_mode=mode, path_parameters=path) for path in paths]

    @hypothesis.seed(0)
    @hypothesis.settings(
        max_examples=min(examples, 2) if mode is NEGATIVE else examples,
        phases=[Phase.generate],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(strategies.one_of(made))
    def run(case: Any) -> None:
        ask(case)

    run()
