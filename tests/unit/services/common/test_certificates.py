"""Files of mutual TLS: what is wrong is named before a process starts, what is renewed is taken over while it runs."""

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from services.common import certificates
from services.common.certificates import Files, Identity
from services.common.settings import EX_CONFIG, GatewaySettings, Settings, load
from tests.authority import Authority, replace

VARIABLES = ("SEDIFEX_TLS_CERTIFICATE", "SEDIFEX_TLS_KEY", "SEDIFEX_TLS_ROOTS")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.new(tmp_path)


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Reads the settings of a process with these files; answers what it says when it does not start, else nothing."""

    def begin(*files: Path | str) -> str:
        monkeypatch.setenv("SEDIFEX_SERVICE_SECRET", "s" * 32)
        for variable, path in zip(VARIABLES, files, strict=True):
            monkeypatch.setenv(variable, str(path))
        with suppress(SystemExit):
            load(GatewaySettings)
        return capsys.readouterr().err

    return begin


def test_all_three_are_taken(authority: Authority, start: Callable[..., str]) -> None:
    files = authority.issue("gateway")
    assert start(files.certificate, files.key, files.roots) == ""
    assert load(GatewaySettings).tls == files


def test_a_process_that_cannot_use_them_ends_as_one_whose_settings_are_wrong(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEDIFEX_TLS_KEY", str(authority.issue("gateway").key))
    with pytest.raises(SystemExit) as refused:
        load(Settings)
    assert refused.value.code == EX_CONFIG


def test_none_is_no_tls(start: Callable[..., str]) -> None:
    assert start("", "", "") == ""
    assert load(GatewaySettings).tls is None


@pytest.mark.parametrize("missing", range(3))
def test_a_lone_one_is_refused_and_what_is_missing_named(
    authority: Authority, start: Callable[..., str], missing: int
) -> None:
    files = authority.issue("gateway")
    given = [str(files.certificate), str(files.key), str(files.roots)]
    given[missing] = ""
    assert f"{VARIABLES[missing]} is not set" in start(*given)


@pytest.mark.parametrize("wrong", range(3))
@pytest.mark.parametrize(
    ("contents", "says"),
    [(None, "cannot be read (No such file or directory)"), (b"hunter2", "in PEM"), (b"", "in PEM")],
)
def test_a_file_that_is_not_what_it_should_be_is_named(
    authority: Authority, start: Callable[..., str], wrong: int, contents: bytes | None, says: str
) -> None:
    files = authority.issue("gateway")
    paths = [files.certificate, files.key, files.roots]
    if contents is None:
        paths[wrong].unlink()
    else:
        paths[wrong].write_bytes(contents)
    said = start(*paths)
    assert f"{VARIABLES[wrong]}: {paths[wrong]} " in said
    assert says in said
    assert "hunter2" not in said


def test_a_folder_is_no_file(authority: Authority, start: Callable[..., str]) -> None:
    files = authority.issue("gateway")
    assert "SEDIFEX_TLS_KEY" in start(files.certificate, files.key.parent, files.roots)


def test_a_key_of_another_certificate_is_refused(authority: Authority, start: Callable[..., str]) -> None:
    files, other = authority.issue("gateway"), authority.issue("keys")
    said = start(files.certificate, other.key, files.roots)
    assert f"SEDIFEX_TLS_KEY: {other.key} does not belong to the certificate in {files.certificate}" in said


def test_a_key_under_a_password_is_refused(authority: Authority, start: Callable[..., str]) -> None:
    files = authority.issue("gateway")
    key = ec.generate_private_key(ec.SECP256R1())
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"word"))
    files.key.write_bytes(locked)
    assert "without a password" in start(files.certificate, files.key, files.roots)


def test_an_expired_certificate_is_refused(authority: Authority, start: Callable[..., str]) -> None:
    files = authority.issue("gateway", valid_for=timedelta(seconds=-1))
    said = start(files.certificate, files.key, files.roots)
    assert f"SEDIFEX_TLS_CERTIFICATE: {files.certificate} has expired on 2" in said


def test_roots_that_have_all_expired_are_refused(authority: Authority, start: Callable[..., str]) -> None:
    files, old = authority.issue("gateway"), authority.issue("old", valid_for=timedelta(seconds=-1))
    assert "SEDIFEX_TLS_ROOTS" in start(files.certificate, files.key, old.certificate)
    replace(files.roots, old.certificate.read_bytes() + authority.pem)
    assert start(files.certificate, files.key, files.roots) == ""


@pytest.fixture
def _always_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "LOOK_S", 0.0)


@pytest.mark.usefixtures("_always_looks")
def test_new_files_are_taken_over(authority: Authority) -> None:
    identity = Identity(authority.issue("keys"))
    before = identity.current()
    assert identity.current() is before
    authority.issue("keys", valid_for=timedelta(hours=9))
    assert identity.current().expires - before.expires > timedelta(hours=7)
    assert identity.expires() == identity.current().expires.timestamp()


@pytest.mark.usefixtures("_always_looks")
def test_files_that_are_swapped_as_kubernetes_does_it_are_taken_over(authority: Authority, tmp_path: Path) -> None:
    """A folder of links through a link "..data", which another one takes the place of."""
    mounted = tmp_path / "mounted"
    mounted.mkdir()

    def mount(version: str, files: Files) -> None:
        folder = mounted / version
        folder.mkdir()
        for path, name in ((files.certificate, "tls.crt"), (files.key, "tls.key"), (files.roots, "ca.crt")):
            (folder / name).write_bytes(path.read_bytes())
            os.utime(folder / name, (0, 0))  # all of one age and length: another file all the same
        (mounted / "..new").symlink_to(version)
        (mounted / "..new").replace(mounted / "..data")

    mount("..1", authority.issue("keys"))
    for name in ("tls.crt", "tls.key", "ca.crt"):
        (mounted / name).symlink_to(f"..data/{name}")
    identity = Identity(Files(mounted / "tls.crt", mounted / "tls.key", mounted / "ca.crt"))
    before = identity.current()
    mount("..2", authority.issue("keys"))
    assert identity.current().chain != before.chain
    assert identity.current().key != before.key


@pytest.mark.usefixtures("_always_looks")
def test_new_files_that_cannot_be_used_leave_the_old_ones_and_are_told_of_once(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    files = authority.issue("keys")
    identity = Identity(files)
    before = identity.current()
    key = files.key.read_bytes()
    files.key.write_bytes(b"half of a k")
    with caplog.at_level(logging.ERROR):
        assert [identity.current() for _ in range(3)] == [before] * 3
    (told,) = caplog.records
    assert f"SEDIFEX_TLS_KEY: {files.key} is no private key in PEM" in told.__dict__["cause"]
    assert "half of a k" not in str(told.__dict__)
    files.key.write_bytes(key)
    assert identity.current() is before
    authority.issue("keys")
    assert identity.current() is not before


def test_a_key_is_in_no_text(authority: Authority) -> None:
    material = Identity(authority.issue("keys")).current()
    assert material.key.splitlines()[1].decode() not in f"{material!r} {material}"
