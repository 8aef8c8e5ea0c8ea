"""deploy/certificates.sh: what it makes serves, and nothing that there is is lost."""

import os
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store

from services.common.certificates import Files, read

Script = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "tls"


@pytest.fixture
def script(root: Path, folder: Path) -> Script:
    """Runs the script on a folder of its own."""

    def run(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [root / "deploy" / "certificates.sh", *arguments],
            env={"PATH": os.environ["PATH"], "TLS_FOLDER": str(folder)} | variables,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def _certificate(folder: Path, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / f"{name}.pem").read_bytes())


def _is_accepted(folder: Path, name: str, roots: Path) -> bool:
    """Whether a client that calls a process by its name believes it."""
    store = Store(x509.load_pem_x509_certificates(roots.read_bytes()))
    verifier = PolicyBuilder().store(store).build_server_verifier(x509.DNSName(name))
    try:
        verifier.verify(_certificate(folder, name), [])
    except x509.verification.VerificationError:
        return False
    return True


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_it_issues_is_what_a_process_starts_with(script: Script, folder: Path) -> None:
    assert script("init").returncode == 0
    assert script("issue", "keys,10.0.0.5,::1,keys.example", "webhooks-worker").returncode == 0
    for name in ("keys", "webhooks-worker"):
        read(Files(folder / f"{name}.pem", folder / f"{name}.key", folder / "ca.pem"), datetime.now(UTC))
        assert _is_accepted(folder, name, folder / "ca.pem")
        usage = _certificate(folder, name).extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert set(usage) == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    names = _certificate(folder, "keys").extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["keys", "keys.example"]
    assert [str(each) for each in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.5", "::1"]


def test_keys_can_be_read_by_their_owner_alone(script: Script, folder: Path) -> None:
    script("init")
    script("issue", "keys")
    for path in folder.glob("*.key"):
        assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away; run the tests as root for this one")
def test_a_key_stays_whose_it_is(script: Script, folder: Path) -> None:
    script("init")
    script("issue", "keys", KEY_OWNER="65532:65532")
    script("renew", "keys")
    found = (folder / "keys.key").stat()
    assert (found.st_uid, found.st_mode & 0o777) == (65532, 0o600)


def test_what_there_is_is_left_as_it_is(script: Script, folder: Path) -> None:
    script("init")
    script("issue", "keys")
    before = _contents(folder)
    for arguments in (("init",), ("issue", "keys,other.example")):
        done = script(*arguments)
        assert done.returncode == 0
        assert "left as it is" in done.stdout
    assert _contents(folder) == before


def test_renewed_it_is_for_the_same_names_and_as_long_as_is_wished(script: Script, folder: Path) -> None:
    script("init")
    script("issue", "keys,10.0.0.5,::1", "gateway")
    before = _contents(folder)
    assert "Renewed keys" in script("renew", "keys", DAYS="7").stdout
    after = _contents(folder)
    assert {name for name in after if after[name] != before[name]} == {"keys.pem", "keys.key"}
    old = x509.load_pem_x509_certificate(before["keys.pem"])
    new = _certificate(folder, "keys")
    kind = x509.SubjectAlternativeName
    assert new.extensions.get_extension_for_class(kind) == old.extensions.get_extension_for_class(kind)
    assert new.not_valid_after_utc - new.not_valid_before_utc == timedelta(days=7)


def test_an_issuer_is_replaced_in_steps_at_each_of_which_everybody_believes_everybody(
    script: Script, folder: Path
) -> None:
    script("init")
    script("issue", "keys", "catalog")
    old = folder.parent / "old.pem"
    old.write_bytes((folder / "ca.pem").read_bytes())
    assert script("replace-issuer").returncode == 0
    # Old certificates, where both issuers are accepted.
    assert _is_accepted(folder, "keys", folder / "ca.pem")
    script("renew", "keys")
    assert not _is_accepted(folder, "keys", old)
    for name in ("keys", "catalog"):
        assert _is_accepted(folder, name, folder / "ca.pem")
    refused = script("retire-issuer")
    assert refused.returncode == 1
    assert "catalog.pem is of the old issuer" in refused.stderr
    script("renew")
    assert script("retire-issuer").returncode == 0
    assert _is_accepted(folder, "catalog", folder / "ca.pem")
    assert len(x509.load_pem_x509_certificates((folder / "ca.pem").read_bytes())) == 1
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "none of init"),
        (("issue",), "name what to issue"),
        (("issue", "../keys"), "is no name"),
        (("issue", "ca"), "is no name"),
        (("renew", "keys"), "issue one"),
    ],
)
def test_what_cannot_be_done_is_told(script: Script, arguments: tuple[str, ...], says: str) -> None:
    assert "certificates.sh init" in script("issue", "keys").stderr, "there is no issuer yet"
    script("init")
    done = script(*arguments)
    assert done.returncode == 1
    assert says in done.stderr


def test_two_issuers_are_not_made_three(script: Script) -> None:
    script("init")
    script("replace-issuer")
    assert "certificates.sh retire-issuer" in script("replace-issuer").stderr
