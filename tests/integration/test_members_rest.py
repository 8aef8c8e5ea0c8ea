"""Members over REST: what the admin pages, and whoever writes others, build on."""

import httpx
import pytest

from tests.system import System


@pytest.fixture
async def store(system: System) -> str:
    return await system.new_store()


async def test_people_sign_in_over_rest_and_sessions_are_listed_and_ended(
    system: System, gateway: httpx.AsyncClient, store: str
) -> None:
    token = (await system.invite(store, "rest@shop.example")).token
    told = await gateway.post("/v1/invitations:lookUp", json={"token": token})
    assert (told.json()["email"], told.json()["role"]) == ("rest@shop.example", "ROLE_OWNER")
    accept = {"token": token, "displayName": "Ama", "password": "kenkey and shito"}
    assert (await gateway.post("/v1/invitations:accept", json=accept)).status_code == 200
    wrong = {"email": "rest@shop.example", "password": "not the password"}
    refused = await gateway.post("/v1/members:signIn", json=wrong)
    assert refused.status_code == 401
    assert refused.json()["error"]["details"][0]["reason"] == "SIGN_IN_NOT_ACCEPTED"
    right = wrong | {"password": accept["password"]}
    headers = {"X-Forwarded-For": "192.0.2.77", "User-Agent": "Firefox"}
    signed_in = (await gateway.post("/v1/members:signIn", json=right, headers=headers)).json()
    own = {"Authorization": f"Bearer {signed_in['token']}"}
    me = (await gateway.get("/v1/members/me", headers=own)).json()
    assert me["memberships"] == [{"store": store, "role": "ROLE_OWNER"}]
    assert (await gateway.get(f"/v1/{store}/products", headers=own)).status_code == 200
    assert len((await gateway.get(f"/v1/{store}/memberships", headers=own)).json()["memberships"]) == 1
    sessions = (await gateway.get("/v1/members/me/sessions", headers=own)).json()["sessions"]
    assert [each.get("current", False) for each in sessions] == [True, False]
    assert (sessions[0]["lastUseAddress"], sessions[0]["lastUseAgent"]) == ("192.0.2.77", "Firefox")
    assert (await gateway.post(f"/v1/{sessions[1]['name']}:end", json={}, headers=own)).status_code == 200
    assert (await gateway.post("/v1/members:signOut", json={}, headers=own)).status_code == 200
    for path in ("/v1/members/me", f"/v1/{store}/products"):
        assert (await gateway.get(path, headers=own)).status_code == 401


async def test_too_many_attempts_get_429_with_when_to_try_again(gateway: httpx.AsyncClient) -> None:
    wanted = {"email": "rest.stranger@shop.example", "password": "x"}
    headers = {"X-Forwarded-For": "192.0.2.78"}
    answers = [await gateway.post("/v1/members:signIn", json=wanted, headers=headers) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert 0 < int(answers[-1].headers["retry-after"]) <= 900


async def test_each_process_is_one_line_of_readiness(gateway: httpx.AsyncClient) -> None:
    assert set((await gateway.get("/readyz")).json()["services"]) == {"keys", "catalog", "webhooks"}


async def test_no_secret_of_a_member_is_in_a_path_or_query(gateway: httpx.AsyncClient) -> None:
    """What the description says can be sent: secrets only in bodies."""
    paths = (await gateway.get("/openapi.json")).json()["paths"]
    outside_bodies = {
        parameter["name"] for path in paths.values() for each in path.values() if isinstance(each, dict)
        for parameter in each.get("parameters", [])
    }  # fmt: skip
    assert not outside_bodies & {"token", "password", "newPassword", "code"}
