"""Makes operators, straight in the Keys database: whoever can do that runs the system anyway."""

from dataclasses import dataclass
from datetime import UTC, datetime

from services.common.access import token as token_format
from services.common.database import BlockingDatabase
from services.common.ids import new_id
from services.common.settings import KeysSettings
from services.keys import leases, queries
from services.keys.digest import Digest, Digester
from services.keys.models import handle


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
    with BlockingDatabase(handle, settings.keys_database_url.get_secret_value(), "operator") as database:
        database.write(_insert, made, display_name, digest)
    return made


def _insert(made: NewOperator, display_name: str, digest: Digest) -> None:
    queries.insert_operator(made.id, display_name, digest, token_format.hint(made.token), datetime.now(UTC))
    leases.announce_token()
