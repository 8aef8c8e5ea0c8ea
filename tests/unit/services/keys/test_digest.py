"""What is kept of a token, and how a new pepper comes in beside an old one."""

import base64

from services.common.settings import VersionedSecret
from services.keys.digest import Digester


def _pepper(version: int) -> VersionedSecret:
    secret = base64.b64encode(bytes([version]) * 32)
    return VersionedSecret.model_validate({"version": version, "secret": secret})


def test_a_digest_depends_on_the_pepper() -> None:
    first, second = (Digester([_pepper(version)]).new("token") for version in (1, 2))
    assert first.value != second.value
    assert len(first.value) == 32


def test_new_digests_use_the_newest_pepper_whatever_the_order() -> None:
    assert Digester([_pepper(1), _pepper(3), _pepper(2)]).new("token").pepper_version == 3


def test_a_token_from_before_the_new_pepper_is_still_found() -> None:
    before = Digester([_pepper(1)]).new("token")
    assert before in Digester([_pepper(2), _pepper(1)]).candidates("token")
