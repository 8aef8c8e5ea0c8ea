"""Statements that are planned once a connection: for those of the hot path, planning takes as long as running.

A plan that is kept must be good whatever the tables hold by then, so the worker's connections are told to look rows up
one by one: each statement touches a few hundred rows of tables that may have millions.
"""

import re
from collections.abc import Mapping
from typing import Any
from weakref import WeakSet

from psycopg2.extensions import make_dsn, parse_dsn

_OPTIONS = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    # It never tells the index which entries are dead, and a queue's index is full of them.
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
}


class Prepared:
    """A statement with `%(name)s` where a value goes, and the PostgreSQL type of each."""

    def __init__(self, name: str, text: str, types: Mapping[str, str]) -> None:
        self._names = list(types)
        numbered = re.sub(r"%\((\w+)\)s", lambda match: f"${self._names.index(match[1]) + 1}", text)
        self._prepare = f"PREPARE {name} ({', '.join(types.values())}) AS {numbered}"
        values = ", ".join(f"%({each})s" for each in self._names)
        self._execute = f"EXECUTE {name} ({values})"
        self._connections: WeakSet[Any] = WeakSet()

    def execute(self, cursor: Any, values: Mapping[str, Any]) -> None:
        """Runs it with values by name; fetch from the cursor."""
        if cursor.connection not in self._connections:
            cursor.execute(self._prepare)
            self._connections.add(cursor.connection)
        cursor.execute(self._execute, values)


def planned_once(url: str) -> str:
    """The database URL with the planner's options that kept plans need."""
    options = " ".join(f"-c {name}={value}" for name, value in _OPTIONS.items())
    given = parse_dsn(url).get("options", "")
    return make_dsn(url, options=f"{options} {given}".strip())
