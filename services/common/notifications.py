"""Hears PostgreSQL's NOTIFY, so that work which has just been committed is taken up at once.

A notification is a hint, never a fact that something relies on: it can be lost while the connection is down. Whoever
listens also looks by itself now and then.
"""

import logging
import selectors
import threading
from collections.abc import Callable

import psycopg2
from psycopg2 import sql

log = logging.getLogger(__name__)

RECONNECT_S = 1.0
LOOK_S = 0.25
"""How soon a stop is noticed."""


class Listener:
    """Calls `heard` from a thread of its own whenever `channel` is notified, and after each (re)connection."""

    def __init__(self, url: str, channel: str, heard: Callable[[], object]) -> None:
        self._url = url
        self._channel = channel
        self._heard = heard
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"listen-{channel}", daemon=True)

    def start(self) -> None:
        """Begins to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the listening; returns when the thread has ended."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._listen()
            except (psycopg2.Error, OSError) as failure:
                log.warning("not listening", extra={"channel": self._channel, "cause": type(failure).__name__})
                self._stopping.wait(RECONNECT_S)

    def _listen(self) -> None:
        connection = psycopg2.connect(self._url, connect_timeout=3)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self._channel)))
            self._heard()  # whatever came while nobody listened
            with selectors.DefaultSelector() as waiting:
                waiting.register(connection, selectors.EVENT_READ)
                while not self._stopping.is_set():
                    if waiting.select(LOOK_S):
                        connection.poll()
                        if connection.notifies:
                            connection.notifies.clear()
                            self._heard()
        finally:
            connection.close()
