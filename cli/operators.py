"""Makes operators, straight in the Keys database: whoever can do that runs the system anyway."""

from dataclasses import dataclass
from datetime import UTC, datetime

from services.common.access import token as token_format
from services.common.database import BlockingDatabase
from services.common.ids import new_id
from services.common.settings import KeysSettings
from services.keys import queries
from services.keys.digest import Digester
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
        database.write(
            queries.insert_operator,
            made.id,
            display_name,
            digest,
            token_format.hint(made.token),
            datetime.now(UTC),
        )
    return made
