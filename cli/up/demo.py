"""The sample shop and its credentials: made on the first run, kept as long as they still work."""

import json
import uuid
from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import Any

import grpc
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.json_format import ParseDict
from sedifex.catalog.v1 import catalog_pb2, catalog_pb2_grpc
from sedifex.keys.v1 import keys_pb2, keys_pb2_grpc
from sedifex.webhooks.v1 import webhooks_pb2, webhooks_pb2_grpc

from cli import members, operators
from cli.up.state import State
from services.common.settings import KeysSettings

DEADLINE_S = 10.0
OWNER_EMAIL = "owner@shop.example"
SCOPES = ("catalog.read", "catalog.write", "webhooks.read", "webhooks.write")


@dataclass(frozen=True)
class Demo:
    """What one needs to try the system; the contents of demo.json."""

    gateway: str
    admin: str
    """Where the admin pages are."""
    store: str
    apiKey: str  # noqa: N815 - as in the file
    operatorToken: str  # noqa: N815
    webhookEndpoint: str  # noqa: N815
    webhookSecret: str  # noqa: N815
    ownerInvitation: str | None  # noqa: N815
    """The single-use link by which the shop gets its first owner; None when it has one."""
    grpc: dict[str, str]


def prepare(state: State, settings: KeysSettings, ports: dict[str, int]) -> tuple[Demo, bool]:
    """Makes what is missing and writes demo.json; says also whether the shop is new.

    Raises:
        RpcError: a service refused, or did not answer in time.
    """
    known = state.read(state.demo.name)
    addresses = {name: f"127.0.0.1:{ports[name]}" for name in ("keys", "catalog", "webhooks")}
    with (
        grpc.insecure_channel(addresses["keys"]) as keys,
        grpc.insecure_channel(addresses["catalog"]) as catalog,
        grpc.insecure_channel(addresses["webhooks"]) as webhooks,
    ):
        shop = _Shop(keys, catalog, webhooks, ports)
        token = known.get("operatorToken")
        if not token or not shop.accepts(token):
            token = operators.create(settings, "the demo's operator").token
        shop.act_as(token)
        is_new = shop.ensure_store()
        key = known.get("apiKey")
        if not key or not shop.accepts(key):
            key = shop.make_key()
        endpoint, secret = known.get("webhookEndpoint"), known.get("webhookSecret")
        if not endpoint or not secret or not shop.has_endpoint(endpoint):
            endpoint, secret = shop.make_endpoint()
        gateway = f"http://127.0.0.1:{ports['gateway']}"
        if known.get("gateway") not in {None, gateway}:
            shop.move_pictures()
    invitation = members.first_owner_invitation(settings, OWNER_EMAIL, shop.store, known.get("ownerInvitation"))
    demo = Demo(gateway, f"{gateway}/admin", shop.store, key, token, endpoint, secret, invitation, addresses)
    state.write(state.demo.name, asdict(demo))
    return demo, is_new


def sample() -> dict[str, Any]:
    """The sample shop as it is shipped: its store and its products."""
    contents: dict[str, Any] = json.loads(files("gateway.sample_shop").joinpath("shop.json").read_text("utf-8"))
    return contents


class _Shop:
    """The sample shop, through the services' own APIs."""

    def __init__(
        self, keys: grpc.Channel, catalog: grpc.Channel, webhooks: grpc.Channel, ports: dict[str, int]
    ) -> None:
        self._keys = keys_pb2_grpc.KeysServiceStub(keys)
        self._catalog = catalog_pb2_grpc.CatalogServiceStub(catalog)
        self._webhooks = webhooks_pb2_grpc.WebhooksServiceStub(webhooks)
        self._sample = sample()
        self._images = f"http://127.0.0.1:{ports['gateway']}/sample-shop/images/"
        self._receiver = f"http://127.0.0.1:{ports['receiver']}/webhooks"
        self._call: dict[str, Any] = {"timeout": DEADLINE_S, "wait_for_ready": True}
        self.store = f"stores/{self._sample['store']['storeId']}"

    def act_as(self, token: str) -> None:
        """Makes every further call with this credential."""
        self._call["metadata"] = (("authorization", f"Bearer {token}"),)

    def accepts(self, token: str) -> bool:
        """Whether a credential of an earlier run still works."""
        try:
            metadata = (("authorization", f"Bearer {token}"),)
            self._catalog.ListStores(catalog_pb2.ListStoresRequest(page_size=1), **self._call | {"metadata": metadata})
        except grpc.RpcError as failure:
            if isinstance(failure, grpc.Call) and failure.code() == grpc.StatusCode.UNAUTHENTICATED:
                return False
            raise
        return True

    def ensure_store(self) -> bool:
        """Makes the store and its products; an existing store is left as its owner has it. True if it was made."""
        store = dict(self._sample["store"])
        request = ParseDict({"storeId": store.pop("storeId"), "store": store}, catalog_pb2.CreateStoreRequest())
        try:
            self._catalog.CreateStore(request, **self._call)
            is_new = True
        except grpc.RpcError as failure:
            if not isinstance(failure, grpc.Call) or failure.code() != grpc.StatusCode.ALREADY_EXISTS:
                raise
            is_new = False
        # A run that was killed while it loaded has left some out; those that are there stay as they are.
        first_page = catalog_pb2.ListProductsRequest(parent=self.store, page_size=200)
        if is_new or len(self._catalog.ListProducts(first_page, **self._call).products) < len(self._sample["products"]):
            for product in self._sample["products"]:
                self._ensure_product(dict(product))
        return is_new

    def make_key(self) -> str:
        """An API key for trying things out; answers its secret."""
        request = keys_pb2.CreateKeyRequest(
            parent=self.store, display_name="Demo", scopes=SCOPES, request_id=str(uuid.uuid4())
        )
        return self._keys.CreateKey(request, **self._call).secret

    def has_endpoint(self, name: str) -> bool:
        """Whether the endpoint of an earlier run is still there; one at another port than now is taken away."""
        request = webhooks_pb2.GetWebhookEndpointRequest(name=name)
        try:
            found = self._webhooks.GetWebhookEndpoint(request, **self._call).webhook_endpoint
        except grpc.RpcError as failure:
            if isinstance(failure, grpc.Call) and failure.code() == grpc.StatusCode.NOT_FOUND:
                return False
            raise
        if found.url == self._receiver:
            return True
        self._webhooks.DeleteWebhookEndpoint(webhooks_pb2.DeleteWebhookEndpointRequest(name=name), **self._call)
        return False

    def move_pictures(self) -> None:
        """Points the products' pictures at the gateway's present port, those that are still there."""
        for sample_product in self._sample["products"]:
            product = ParseDict({"images": self._placed(sample_product)}, catalog_pb2.Product())
            product.name = f"{self.store}/products/{sample_product['id']}"
            request = catalog_pb2.UpdateProductRequest(product=product, update_mask=FieldMask(paths=["images"]))
            try:
                self._catalog.UpdateProduct(request, **self._call)
            except grpc.RpcError as failure:
                if not isinstance(failure, grpc.Call) or failure.code() != grpc.StatusCode.NOT_FOUND:
                    raise

    def make_endpoint(self) -> tuple[str, str]:
        """A webhook endpoint at the local receiver; answers its name and its secret."""
        request = webhooks_pb2.CreateWebhookEndpointRequest(
            parent=self.store, url=self._receiver, display_name="Local receiver"
        )
        made = self._webhooks.CreateWebhookEndpoint(request, **self._call)
        return made.webhook_endpoint.name, made.secret

    def _ensure_product(self, product: dict[str, Any]) -> None:
        product_id = product.pop("id")
        product["images"] = self._placed(product)
        request = catalog_pb2.CreateProductRequest(parent=self.store, product_id=product_id)
        ParseDict(product, request.product)
        try:
            self._catalog.CreateProduct(request, **self._call)
        except grpc.RpcError as failure:
            if not isinstance(failure, grpc.Call) or failure.code() != grpc.StatusCode.ALREADY_EXISTS:
                raise

    def _placed(self, product: dict[str, Any]) -> list[dict[str, Any]]:
        """The product's pictures as the API takes them, at the gateway."""
        return [
            {**{name: value for name, value in image.items() if name != "file"}, "uri": self._images + image["file"]}
            for image in product.get("images", ())
        ]
