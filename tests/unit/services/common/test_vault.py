"""Secrets at rest, and how a new key comes in beside an old one."""

import base64

import pytest
from cryptography.exceptions import InvalidTag

from services.common.settings import VersionedSecret
from services.common.vault import Sealed, Vault


def _vault(*versions: int) -> Vault:
    keys = [{"version": each, "secret": base64.b64encode(bytes([each]) * 32)} for each in versions]
    return Vault([VersionedSecret.model_validate(each) for each in keys])


@pytest.mark.parametrize("versions", [(1, 2), (2, 1), (2, 3, 1)])
def test_the_first_key_seals_whatever_its_version(versions: tuple[int, ...]) -> None:
    vault = _vault(*versions)
    assert vault.seal("secret", "owner").version == vault.version == versions[0]
    assert vault.versions == set(versions)


def test_whoever_knows_the_new_key_already_reads_what_those_write_that_use_it() -> None:
    knows, uses = _vault(1, 2), _vault(2, 1)
    assert knows.open(uses.seal("secret", "owner"), "owner") == "secret"
    assert uses.open(knows.seal("secret", "owner"), "owner") == "secret"


def test_what_was_sealed_for_one_is_not_opened_for_another() -> None:
    vault = _vault(1)
    sealed = vault.seal("secret", "owner")
    with pytest.raises(InvalidTag):
        vault.open(sealed, "thief")
    with pytest.raises(InvalidTag):
        vault.open(Sealed(sealed.value[:-1] + bytes([sealed.value[-1] ^ 1]), 1), "owner")
