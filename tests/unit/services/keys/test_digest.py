"""What is kept of a token, and how a new pepper comes in beside an old one."""

import base64

import pytest

from services.common.settings import VersionedSecret
from services.keys.digest import Digester


def _pepper(version: int) -> VersionedSecret:
    secret = base64.b64encode(bytes([version]) * 32)
    return VersionedSecret.model_validate({"version": version, "secret": secret})


def test_a_digest_depends_on_the_pepper() -> None:
    first, second = (Digester([_pepper(version)]).new("token") for version in (1, 2))
    assert first.value != second.value
    assert len(first.value) == 32


@pytest.mark.parametrize("versions", [[1, 2], [2, 1], [2, 3, 1]])
def test_new_digests_use_the_first_pepper_whatever_its_version(versions: list[int]) -> None:
    digester = Digester([_pepper(version) for version in versions])
    assert digester.new("token").pepper_version == digester.version == versions[0]
    assert [each.pepper_version for each in digester.candidates("token")] == versions


def test_a_token_from_before_the_new_pepper_is_still_found() -> None:
    before = Digester([_pepper(1)]).new("token")
    assert before in Digester([_pepper(2), _pepper(1)]).candidates("token")
