"""Makes, shows and ends operators, straight in the Keys database: whoever can do that runs the system anyway."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.common.access import token as token_format
from services.common.database import BlockingDatabase
from services.common.errors import NotFound
from services.common.ids import new_id
from services.common.settings import KeysDatabaseSettings, KeysSettings
from services.keys import leases, queries
from services.keys.digest import Digest, Digester
from services.keys.models import handle
from services.keys.queries import Operator

MAX_LISTED = 1_000


@dataclass(frozen=True)
class NewOperator:
    """An operator and the one sight of the token."""

    id: str
    token: str


def create(settings: KeysSettings, display_name: str) -> NewOperator:
    """Makes an operator of this name.

    Raises:
        Unavailable: the database cannot be reached.
    """
    made = NewOperator(new_id("op"), token_format.mint(token_format.Kind.OPERATOR))
    digest = Digester(settings.token_peppers).new(made.token)
    with _database(settings) as database:
        database.write(_insert, made, display_name, digest)
    return made


def list_all(settings: KeysDatabaseSettings) -> list[Operator]:
    """All operators, newest first, those too that are revoked; the newest 1,000 if there are more.

    Raises:
        Unavailable: the database cannot be reached.
    """
    with _database(settings) as database:
        return database.read(queries.list_operators, MAX_LISTED)


def get(settings: KeysDatabaseSettings, operator_id: str) -> Operator:
    """The operator of this id, "op_…" or "operators/op_…".

    Raises:
        NotFound: there is none.
        Unavailable: the database cannot be reached.
    """
    wanted = operator_id.removeprefix("operators/")
    with _database(settings) as database:
        found = database.read(queries.find_operator, wanted)
    if found is None:
        # Somebody may have taken the token for the id.
        named = printable(token_format.redact(wanted))
        raise NotFound(f"There is no operator {named}. 'sedifex operator list' shows the ids.")
    return found


def revoke(settings: KeysDatabaseSettings, operator_id: str) -> bool:
    """Ends an operator; False if that was done before. Operators' tokens are looked up at every call: no one waits.

    Raises:
        Unavailable: the database cannot be reached.
    """
    with _database(settings) as database:
        return database.write(queries.revoke_operator, operator_id, datetime.now(UTC))


def as_json(operators: Sequence[Operator]) -> str:
    """A list for scripts; times in ISO 8601, `revokeTime` null while the operator may act."""
    told = [
        {
            "name": f"operators/{each.id}",
            "displayName": each.display_name,
            "hint": each.hint,
            "createTime": each.create_time.astimezone(UTC).isoformat(),
            "revokeTime": each.revoke_time.astimezone(UTC).isoformat() if each.revoke_time else None,
        }
        for each in operators
    ]
    return json.dumps(told, ensure_ascii=False, indent=2)


def show(operators: Sequence[Operator]) -> None:
    """Prints a table for people; days are those of UTC."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    # What is cut off cannot be copied: names are folded, and a narrow terminal folds the rest itself.
    for heading, width in (("id", 29), ("token", 13), ("created", 10), ("revoked", 10), ("for", 8)):
        table.add_column(heading, min_width=width, overflow="fold")
    for each in operators:
        texts = [each.id, each.hint, _day(each.create_time), _day(each.revoke_time), printable(each.display_name)]
        table.add_row(*map(Text, texts), style="dim" if each.revoke_time else "")
    Console(highlight=False).print(table if operators else "There are no operators yet.", crop=False)


def printable(text: str) -> str:
    """A name without what would do something to a terminal."""
    return "".join(each for each in text if each.isprintable())


def _insert(made: NewOperator, display_name: str, digest: Digest) -> None:
    queries.insert_operator(made.id, display_name, digest, token_format.hint(made.token), datetime.now(UTC))
    leases.announce_token()


def _day(moment: datetime | None) -> str:
    return moment.astimezone(UTC).date().isoformat() if moment else ""


def _database(settings: KeysSettings | KeysDatabaseSettings) -> BlockingDatabase:
    return BlockingDatabase(handle, settings.keys_database_url.get_secret_value(), "operator")
