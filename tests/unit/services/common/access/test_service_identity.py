"""How services know each other, also while their secret is being replaced."""

import pytest

from services.common.access.service_identity import NAMES, identify, token_for

OLD, NEW, OTHER = "o" * 32, "n" * 32, "x" * 32


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_service_is_known_by_its_token(name: str) -> None:
    caller = identify(token_for(name, OLD), OLD)
    assert caller is not None
    assert caller.principal == f"services/{name}"


@pytest.mark.parametrize("listener", [OLD, f"{OLD},{NEW}", f"{NEW},{OLD}", NEW])
@pytest.mark.parametrize("speaker", [OLD, f"{OLD},{NEW}", f"{NEW},{OLD}", NEW])
def test_a_service_speaks_with_the_first_secret_and_accepts_all(speaker: str, listener: str) -> None:
    is_known = identify(token_for("catalog", speaker), listener) is not None
    assert is_known == (speaker.split(",", maxsplit=1)[0] in listener.split(","))


@pytest.mark.parametrize(
    "token",
    [
        token_for("catalog", OTHER),
        token_for("catalog", f"{OTHER},{OLD}"),
        token_for("catalog", OLD).replace("catalog", "keys"),
        token_for("nobody", OLD),
        token_for("catalog", OLD) + "0",
        "sdfx_svc_",
        "sdfx_svc_catalog_é",
        "",
    ],
)
def test_nobody_else_is_a_service(token: str) -> None:
    assert identify(token, f"{OLD},{NEW}") is None
