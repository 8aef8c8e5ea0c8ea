"""Which acts there are, in their order."""

import asyncio
from collections.abc import Mapping, Sequence

from sedifex.keys.v1 import keys_pb2

from staging.acts import Act, all_on_record, revoke, runbook, steady
from staging.stage import Stage

USED_S = 30.0

Reader = tuple[Mapping[str, str], Sequence[str]]


async def _nothing(_stage: Stage) -> Reader:
    return {}, ()


async def _token(stage: Stage) -> Reader:
    return {}, (stage.operator_token,)


async def _lost(stage: Stage) -> Reader:
    _, secret = await stage.new_key("catalog.read", "catalog.write")
    return {"HINT": secret[-4:]}, ()


async def _leaked(stage: Stage) -> Reader:
    """Whoever found it has made a key with it, and that is on record."""
    name, secret = await stage.new_key("catalog.read", "keys.read", "keys.write")
    request = keys_pb2.CreateKeyRequest(parent=stage.store, display_name="Stranger's", scopes=["catalog.read"])
    await stage.keys.CreateKey(request, metadata=(("authorization", f"Bearer {secret}"),), timeout=20)
    async with asyncio.timeout(USED_S):
        while True:
            found = await stage.keys.GetKey(keys_pb2.GetKeyRequest(name=name), metadata=stage.metadata, timeout=20)
            if found.key.secrets[0].HasField("last_use_time"):
                return {}, (secret,)
            await asyncio.sleep(0.2)


_ACTS = {
    "look": runbook("README.md", "looking around", _token),
    "revoke": Act("a key is revoked while it is used", revoke),
    "rotate-key": runbook("rotate-key.md", "a key gets a new secret", _nothing),
    "lost-key": runbook("lost-key.md", "a lost secret", _lost),
    "leaked-key": runbook("leaked-key.md", "a leaked secret", _leaked),
    "rotate-service-secret": runbook("rotate-service-secret.md", "another service secret", _nothing),
    "rotate-peppers": runbook("rotate-peppers.md", "another pepper", _nothing),
    "rotate-secret-keys": runbook("rotate-secret-keys.md", "other secret keys", _nothing),
    "rotate-certificates": runbook("rotate-certificates.md", "other certificates, another issuer", _nothing),
    "upgrade": runbook("upgrade.md", "another version", _nothing),
    "restore": runbook("backup-and-restore.md", "all data lost", _nothing, then=all_on_record, stops=True),
}
NAMES = ["steady", *_ACTS]
RUNBOOKS = [act.runbook for act in _ACTS.values() if act.runbook]
"""The names of their files."""


def acts(names: Sequence[str], seconds: float) -> list[Act]:
    """The acts of these names, in their order; the first lasts so many seconds."""
    every = {"steady": steady(seconds)} | _ACTS
    return [every[name] for name in NAMES if name in names]
