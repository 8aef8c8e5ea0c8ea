"""Settings come from the environment; what is missing is named, and what is secret is never repeated."""

import base64
import json

import pytest
from pydantic import SecretStr

from services.common.settings import GatewaySettings, KeysSettings, WebhooksSettings, load

SECRET = base64.b64encode(b"x" * 32).decode()
KEYS = {
    "SEDIFEX_SERVICE_SECRET": "s" * 32,
    "SEDIFEX_KEYS_DATABASE_URL": "postgresql:///keys",
    "SEDIFEX_TOKEN_PEPPERS": json.dumps([{"version": 1, "secret": SECRET}]),
    "SEDIFEX_MEMBER_SECRET_KEYS": json.dumps([{"version": 1, "secret": SECRET}]),
}
WEBHOOKS = {
    "SEDIFEX_SERVICE_SECRET": "s" * 32,
    "SEDIFEX_WEBHOOKS_DATABASE_URL": "postgresql:///webhooks",
    "SEDIFEX_WEBHOOK_SECRET_KEYS": json.dumps([{"version": 1, "secret": SECRET}]),
}


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*KEYS, *WEBHOOKS, "SEDIFEX_MODE", "SEDIFEX_WEBHOOK_ALLOW_HTTP", "SEDIFEX_PUBLIC_URL"):
        monkeypatch.delenv(name, raising=False)


def _set(monkeypatch: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)


def test_a_complete_environment_is_production_unless_it_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, KEYS)
    settings = load(KeysSettings)
    assert settings.mode == "production"
    assert settings.token_peppers[0].secret == b"x" * 32


@pytest.mark.parametrize("missing", KEYS)
def test_each_missing_secret_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], missing: str
) -> None:
    _set(monkeypatch, {name: value for name, value in KEYS.items() if name != missing})
    with pytest.raises(SystemExit) as refused:
        load(KeysSettings)
    assert refused.value.code == 78
    assert f"{missing} is not set" in capsys.readouterr().err


@pytest.mark.parametrize("mode", ["production", "development"])
def test_no_mode_falls_back_to_a_default_secret(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    monkeypatch.setenv("SEDIFEX_MODE", mode)
    with pytest.raises(SystemExit):
        load(KeysSettings)


def test_the_gateway_needs_no_secret_but_that_of_services(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        load(GatewaySettings)
    assert capsys.readouterr().err.count(" is not set") == 1
    monkeypatch.setenv("SEDIFEX_SERVICE_SECRET", "s" * 32)
    assert load(GatewaySettings).gateway_port == 8080


@pytest.mark.parametrize("keys", ["hunter2", '[{"identifier": "1", "key": "hunter2"}]', '[{"key": "hunter2"}]'])
def test_keys_of_github_that_cannot_be_read_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], keys: str
) -> None:
    _set(monkeypatch, {"SEDIFEX_SERVICE_SECRET": "s" * 32, "SEDIFEX_GATEWAY_GITHUB_KEYS": keys})
    with pytest.raises(SystemExit):
        load(GatewaySettings)
    assert "SEDIFEX_GATEWAY_GITHUB_KEYS" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SEDIFEX_SERVICE_SECRET", "hunter2"),
        ("SEDIFEX_SERVICE_SECRET", "s" * 32 + ",hunter2"),
        ("SEDIFEX_SERVICE_SECRET", "hunter2" * 5 + ","),
        ("SEDIFEX_SERVICE_SECRET", ",".join(["hunter2" * 5] * 2)),
        ("SEDIFEX_SERVICE_SECRET", ",".join("hunter2" * 5 + str(number) for number in range(11))),
        ("SEDIFEX_TOKEN_PEPPERS", '[{"version": 1, "secret": "aHVudGVyMg=="}]'),
        ("SEDIFEX_TOKEN_PEPPERS", "[]"),
        ("SEDIFEX_TOKEN_PEPPERS", "hunter2"),
        ("SEDIFEX_TOKEN_PEPPERS", json.dumps([{"version": 1, "secret": SECRET}] * 2)),
        ("SEDIFEX_KEYS_DATABASE_URL", "postgres//u:hunter2@h/db"),
        ("SEDIFEX_KEYS_DATABASE_URL", "postgresql://u:hunter2#x/y@h/db"),
        ("SEDIFEX_KEYS_DATABASE_URL", "postgresql://u:hunter2@h"),
    ],
)
def test_a_wrong_secret_is_named_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    _set(monkeypatch, KEYS | {name: value})
    with pytest.raises(SystemExit) as refused:
        load(KeysSettings)
    said = capsys.readouterr().err + str(refused.value.__context__ or "")
    assert name in said
    assert "hunter2" not in said
    assert "aHVudGVyMg" not in said


def test_lists_of_secrets_keep_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [{"version": version, "secret": SECRET} for version in (1, 3, 2)]
    _set(monkeypatch, KEYS | {"SEDIFEX_TOKEN_PEPPERS": json.dumps(entries)})
    assert [each.version for each in load(KeysSettings).token_peppers] == [1, 3, 2]


def test_secrets_are_not_in_the_settings_text(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, KEYS)
    text = f"{load(KeysSettings)!r} {load(KeysSettings)}"
    assert "xxxx" not in text
    assert SECRET not in text
    assert "ssss" not in text


def test_development_exceptions_are_refused_in_production(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _set(monkeypatch, WEBHOOKS | {"SEDIFEX_WEBHOOK_ALLOW_HTTP": "true"})
    with pytest.raises(SystemExit):
        load(WebhooksSettings)
    assert "SEDIFEX_MODE=development" in capsys.readouterr().err
    monkeypatch.setenv("SEDIFEX_MODE", "development")
    assert load(WebhooksSettings).webhook_allow_http


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("", ""),
        ("https://shops.example.com", "https://shops.example.com"),
        ("https://shops.example.com/", "https://shops.example.com"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("https://example.com/sedifex", "https://example.com/sedifex"),
    ],
)
def test_the_public_address_is_kept_without_a_slash_at_its_end(
    monkeypatch: pytest.MonkeyPatch, given: str, kept: str
) -> None:
    _set(monkeypatch, KEYS | {"SEDIFEX_PUBLIC_URL": given})
    assert load(KeysSettings).public_url == kept


@pytest.mark.parametrize("wrong", ["shops.example.com", "ftp://example.com", "https://a b", "https://example.com/?x=1"])
def test_what_is_no_public_address_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], wrong: str
) -> None:
    _set(monkeypatch, KEYS | {"SEDIFEX_PUBLIC_URL": wrong})
    with pytest.raises(SystemExit):
        load(KeysSettings)
    assert "https://shops.example.com" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "kept"),
    [("", ""), ("9464", "127.0.0.1:9464"), ("10.0.0.5:9464", "10.0.0.5:9464"), ("[::1]:9464", "[::1]:9464")],
)
def test_metrics_are_shown_beyond_this_machine_only_where_an_address_is_named(given: str, kept: str) -> None:
    assert GatewaySettings(service_secret=SecretStr("s" * 32), metrics_listen=given).metrics_listen == kept


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SEDIFEX_METRICS_LISTEN", "somewhere"),
        ("SEDIFEX_METRICS_LISTEN", ":9464"),
        ("SEDIFEX_TRACES_ENDPOINT", "127.0.0.1:4317"),
        ("SEDIFEX_TRACES_RATIO", "2"),
    ],
)
def test_what_is_no_place_to_be_watched_from_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    _set(monkeypatch, KEYS | {name: value})
    with pytest.raises(SystemExit):
        load(KeysSettings)
    assert name in capsys.readouterr().err
