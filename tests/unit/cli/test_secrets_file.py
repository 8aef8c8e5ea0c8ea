"""The lists of secrets in an env file: edited without mistakes, and without showing a secret."""

import base64
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.secrets.command import app
from cli.secrets.file import edit, read
from cli.secrets.lists import NAMES, SERVICE_SECRET, VERSIONED, Secrets, parse
from services.common.errors import FailedPrecondition, InvalidArgument, NotFound, SedifexError

PEPPERS = "SEDIFEX_TOKEN_PEPPERS"
SERVICE = "s" * 40


def _list(*versions: int) -> str:
    return json.dumps([{"version": each, "secret": _secret(each)} for each in versions])


def _secret(version: int) -> str:
    return base64.b64encode(bytes([version]) * 32).decode()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / ".env"
    path.touch(0o600)
    lines = ["# of this shop's", "POSTGRES_PASSWORD=abc", f"{SERVICE_SECRET}={SERVICE}", ""]
    path.write_text("\n".join([*lines, *(f"{name}='{_list(1)}'" for name in VERSIONED), "OTHER='a=b'"]))
    return path


def _versions(secrets: Secrets) -> list[int]:
    return [each.version for each in secrets.entries]


@pytest.mark.parametrize("name", VERSIONED)
def test_a_secret_is_added_used_and_the_old_one_dropped(file: Path, name: str) -> None:
    assert _versions(edit(file, name, Secrets.add)) == [1, 2], "it makes nothing yet"
    assert _versions(edit(file, name, lambda found: found.promote(None))) == [2, 1]
    assert _versions(edit(file, name, lambda found: found.drop(None))) == [2]
    assert _versions(edit(file, name, Secrets.add)) == [2, 3], "no version comes again"
    assert len({each.secret for each in read(file, name).entries}) == 2


def test_the_service_secret_goes_the_same_way(file: Path) -> None:
    known = edit(file, SERVICE_SECRET, Secrets.add)
    assert known.to_text().startswith(f"{SERVICE},")
    used = edit(file, SERVICE_SECRET, lambda found: found.promote(None))
    assert used.to_text().endswith(f",{SERVICE}")
    alone = edit(file, SERVICE_SECRET, lambda found: found.drop(None))
    assert alone.to_text() + f",{SERVICE}" == used.to_text()
    assert len(alone.to_text()) == 64


def test_a_step_is_taken_back_by_the_same_words(file: Path) -> None:
    edit(file, PEPPERS, Secrets.add)
    edit(file, PEPPERS, lambda found: found.promote(None))
    assert _versions(edit(file, PEPPERS, lambda found: found.promote(None))) == [1, 2]
    assert _versions(edit(file, PEPPERS, lambda found: found.drop(None))) == [1]


def test_all_else_in_the_file_stays_as_it_is(file: Path) -> None:
    before = file.read_text().splitlines()
    edit(file, PEPPERS, Secrets.add)
    after = file.read_text().splitlines()
    assert [line for line in after if not line.startswith(PEPPERS)] == [
        line for line in before if not line.startswith(PEPPERS)
    ]
    assert file.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in file.parent.iterdir()] == [".env"]


def test_a_link_to_the_file_stays_one(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "settings"
    link.symlink_to(file)
    edit(link, PEPPERS, Secrets.add)
    assert link.is_symlink()
    assert _versions(read(file, PEPPERS)) == [1, 2]


@pytest.mark.parametrize(
    ("versions", "version", "says"),
    [([1], None, "makes what is new"), ([2, 1], 2, "makes what is new"), ([2, 1], 3, "no version 3")],
)
def test_what_makes_new_ones_is_not_dropped(versions: list[int], version: int | None, says: str) -> None:
    with pytest.raises(SedifexError, match=says):
        parse(PEPPERS, _list(*versions)).drop(version)


def test_one_of_several_is_chosen_by_its_version() -> None:
    found = parse(PEPPERS, _list(2, 1, 3))
    assert _versions(found.promote(None)) == [3, 2, 1]
    assert _versions(found.promote(1)) == [1, 2, 3]
    assert _versions(found.drop(1)) == [2, 3]
    with pytest.raises(FailedPrecondition, match="the first already"):
        found.promote(2)


def test_a_list_does_not_grow_for_ever() -> None:
    with pytest.raises(FailedPrecondition, match="holds 10"):
        parse(PEPPERS, _list(*range(1, 11))).add()


@pytest.mark.parametrize(
    "line",
    [
        f"{PEPPERS}=[hunter2hunter2",
        f"{PEPPERS}='hunter2hunter2'",
        f"{PEPPERS}='[]'",
        f"{PEPPERS}='{_list(1, 1)}'",
        f"export {PEPPERS}='{_list(1)}'",
        f"{PEPPERS}='{_list(1)}' # hunter2hunter2",
        f"{PEPPERS}='{_list(1)}'\n{PEPPERS}='{_list(2)}'",
        f"{PEPPERS}=$(hunter2hunter2)",
    ],
)
def test_what_cannot_be_understood_is_left_as_it_is(file: Path, line: str) -> None:
    file.write_text(line + "\n")
    with pytest.raises(InvalidArgument) as refused:
        edit(file, PEPPERS, Secrets.add)
    assert "hunter2" not in refused.value.message
    assert _secret(1) not in refused.value.message
    assert file.read_text() == line + "\n"
    assert len(list(file.parent.iterdir())) == 1


def test_two_do_not_edit_at_the_same_time(file: Path) -> None:
    def meanwhile(found: Secrets) -> Secrets:
        with pytest.raises(FailedPrecondition, match="somebody edits this file"):
            edit(file, PEPPERS, Secrets.add)
        return found.add()

    edit(file, PEPPERS, meanwhile)
    assert _versions(read(file, PEPPERS)) == [1, 2]


def test_a_file_or_setting_that_is_not_there_is_named(file: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        edit(tmp_path / "nowhere", PEPPERS, Secrets.add)
    assert not (tmp_path / "nowhere.new").exists()
    file.write_text("")
    with pytest.raises(NotFound, match=PEPPERS):
        read(file, PEPPERS)
    with pytest.raises(InvalidArgument, match="no list of secrets"):
        read(file, "POSTGRES_PASSWORD")


def test_no_command_shows_a_secret(file: Path) -> None:
    printed = ""
    for name in NAMES:
        for words in (["add", name], ["promote", name], ["list"], ["drop", name], ["list"]):
            done = CliRunner().invoke(app, [*words, "--file", str(file)], catch_exceptions=False)
            assert done.exit_code == 0, done.output
            printed += done.output
        secrets = [each.secret for each in read(file, name).entries]
        assert all(secret not in printed for secret in (*secrets, SERVICE, _secret(1)))
    assert f"{PEPPERS}: version 2 makes what is new\n" in printed
    assert "secret=" not in repr(read(file, PEPPERS))
