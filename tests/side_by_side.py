"""Two Keys processes, of which only one has the new settings: what one makes, the other takes."""

from collections.abc import Callable
from contextlib import AsyncExitStack

import grpc
import pytest
from sedifex.keys.v1 import keys_pb2, members_pb2
from sedifex.webhooks.v1 import webhooks_pb2

from tests.system import Client, error_info, once_leases_hold
from tests.traffic import Shop


async def check(shop: Shop, keys: list[str]) -> None:
    """Makes a key, a session and a secret for codes at each of the processes, and uses it at the other.

    Raises:
        AioRpcError, AssertionError: one of them is not taken.
    """
    async with AsyncExitStack() as stack:
        channels = [await stack.enter_async_context(grpc.aio.insecure_channel(address)) for address in keys]
        for maker, user in (channels, channels[::-1]):
            await _check(shop, _at(shop, maker), _at(shop, user))
    # What Webhooks seals now, the worker opens for the next delivery.
    rotate = webhooks_pb2.RotateWebhookEndpointSecretRequest(name=shop.endpoint)
    rotate.overlap.FromSeconds(0)
    rotated = await once_leases_hold(lambda: shop.system.operator.webhooks.RotateWebhookEndpointSecret(rotate))
    shop.secrets.append(rotated.secret)


async def _check(shop: Shop, maker: Callable[[str], Client], user: Callable[[str], Client]) -> None:
    operator, person = shop.system.operator.token, shop.member
    request = keys_pb2.CreateKeyRequest(parent=shop.store, display_name="Beside", scopes=["keys.read"])
    made = await once_leases_hold(lambda: maker(operator).keys.CreateKey(request))
    await once_leases_hold(lambda: user(made.secret).keys.ListKeys(keys_pb2.ListKeysRequest(parent=shop.store)))
    await once_leases_hold(lambda: user(operator).keys.RevokeKey(keys_pb2.RevokeKeyRequest(name=made.key.name)))
    sign_in = members_pb2.SignInRequest(email=person.email, password=person.password)
    token = (await once_leases_hold(lambda: maker("").members.SignIn(sign_in))).token
    start = members_pb2.StartTotpRequest(name=person.name, password=person.password)
    await once_leases_hold(lambda: maker(token).members.StartTotp(start))
    confirm = members_pb2.ConfirmTotpRequest(name=person.name, code="000000")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await once_leases_hold(lambda: user(token).members.ConfirmTotp(confirm))
    assert error_info(refused.value).reason == "TOTP_NOT_ACCEPTED", "it was opened and looked at"
    await once_leases_hold(lambda: user(token).members.SignOut(members_pb2.SignOutRequest()))


def _at(shop: Shop, channel: grpc.aio.Channel) -> Callable[[str], Client]:
    """How to call one process with a token, or with none."""
    channels = shop.system.channels | {"keys": channel}
    return lambda token: Client(channels, token or None)
