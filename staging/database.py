"""A PostgreSQL server of the system's packages, as production has it: TLS, passwords, an archive of its WAL."""

import os
import pwd
import secrets
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg2

from cli.up.state import Refusal
from rig.process import last_lines
from staging.place import DATABASE, programs_of_postgres

START_S = 60
SERVICES = ("keys", "catalog", "webhooks")
USERS = ("postgres", "nobody")
"""PostgreSQL does not run as root; it runs as the first of these that there is."""

_SETTINGS = """
listen_addresses = '{address}'
port = 5432
unix_socket_directories = '{run}'
max_connections = 200
ssl = on
ssl_cert_file = '{certificate}'
ssl_key_file = '{key}'
password_encryption = 'scram-sha-256'
wal_level = replica
archive_mode = on
archive_command = 'test ! -f {archive}/%f && cp %p {archive}/.%f && mv {archive}/.%f {archive}/%f'
archive_timeout = 60
log_line_prefix = '%m %a '
"""
_ACCESS = """
hostssl all         all         10.77.0.0/16    scram-sha-256
hostssl replication postgres    10.77.0.0/16    scram-sha-256
"""


@dataclass(frozen=True)
class Database:
    """The server and where it keeps things."""

    programs: Path
    folder: Path
    passwords: Mapping[str, str]
    """By role: the services' own, and "postgres", who owns everything."""

    @property
    def data(self) -> Path:
        """What is backed up."""
        return self.folder / "data"

    @property
    def archive(self) -> Path:
        """Where its WAL goes."""
        return self.folder / "archive"

    @property
    def log(self) -> Path:
        """What it says."""
        return self.folder / "postgres.log"

    @classmethod
    def make(cls, folder: Path, certificate: Path, key: Path) -> "Database":
        """Makes a server with a role and a database for each service. It is not started yet.

        Raises:
            Refusal: PostgreSQL does not let it be made.
        """
        programs = programs_of_postgres()
        if programs is None:
            raise Refusal("There is no PostgreSQL server here. On Debian: apt-get install postgresql")
        made = cls(programs, folder, {role: secrets.token_hex(24) for role in ("postgres", *SERVICES)})
        owner = owner_of_data()
        for each in (made.folder, made.archive):
            each.mkdir(mode=0o750)
        shutil.copy(certificate, folder / "server.pem")
        shutil.copy(key, folder / "server.key")
        (folder / "server.key").chmod(0o600)
        password = folder / "password"
        password.touch(mode=0o600)
        password.write_text(made.passwords["postgres"])
        made.log.touch()
        for each in (folder, *folder.iterdir()):
            os.chown(each, owner.pw_uid, owner.pw_gid)
        shape = ("--data-checksums", "--encoding=UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256")
        made.run("initdb", f"--pgdata={made.data}", "--username=postgres", f"--pwfile={password}", *shape)
        password.unlink()
        made.configure()
        return made

    def configure(self) -> None:
        """Writes its settings, as the machine's administrator would: they are no part of the data."""
        names = {"address": DATABASE, "run": self.folder, "archive": self.archive}
        text = _SETTINGS.format(**names, certificate=self.folder / "server.pem", key=self.folder / "server.key")
        with (self.data / "postgresql.conf").open("a") as file:
            file.write(text)
        (self.data / "pg_hba.conf").write_text(_ACCESS)

    def start(self) -> None:
        """Starts it, and waits until it answers.

        Raises:
            Refusal: it does not; the message names its log.
        """
        self.run("pg_ctl", "start", f"--pgdata={self.data}", f"--log={self.log}", "--wait", f"--timeout={START_S}")

    def stop(self) -> None:
        """Stops it in order."""
        self.run("pg_ctl", "stop", f"--pgdata={self.data}", "--mode=fast", "--wait", f"--timeout={START_S}")

    def create(self) -> None:
        """Makes the services' roles and databases."""
        connection = psycopg2.connect(self.url("postgres", "postgres", "require"))
        connection.autocommit = True
        with connection.cursor() as cursor:
            for service in SERVICES:
                cursor.execute(f"CREATE ROLE {service} LOGIN PASSWORD %s", (self.passwords[service],))
                cursor.execute(f"CREATE DATABASE {service} OWNER {service}")
        connection.close()

    def url(self, role: str, database: str, sslmode: str = "verify-full", roots: Path | None = None) -> str:
        """The URL of a database for a role."""
        trust = f"&sslrootcert={roots}" if roots else ""
        return f"postgresql://{role}:{self.passwords[role]}@postgres:5432/{database}?sslmode={sslmode}{trust}"

    def run(self, program: str, *arguments: str) -> None:
        """Runs one of PostgreSQL's programs as the user who owns the data.

        Raises:
            Refusal: it fails; the message has what it said.
        """
        owner = owner_of_data()
        with self.log.open("ab") as log:
            done = subprocess.run(  # noqa: S603 - the system's own programs
                [self.programs / program, *arguments],
                user=owner.pw_uid,
                group=owner.pw_gid,
                extra_groups=[],
                cwd=self.folder,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=False,
                start_new_session=True,
            )
        if done.returncode:
            raise Refusal(f"PostgreSQL's {program} ended with {done.returncode}:\n{last_lines(self.log)}")


def owner_of_data() -> pwd.struct_passwd:
    """The user as whom PostgreSQL runs.

    Raises:
        Refusal: there is nobody but root.
    """
    for name in USERS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise Refusal(f"PostgreSQL does not run as root, and there is no user {' or '.join(USERS)} here.")
