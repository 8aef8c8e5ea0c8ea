"""The lists of secrets in the settings: how one is added, comes into use and goes.

The first of a list makes what is new, all of it is accepted.
"""

import base64
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr, TypeAdapter, ValidationError

from services.common.access.service_identity import secrets_of
from services.common.errors import FailedPrecondition, InvalidArgument, NotFound
from services.common.settings import MAX_SECRETS, ServiceSecret, VersionedSecrets

SERVICE_SECRET = "SEDIFEX_SERVICE_SECRET"  # noqa: S105 - its name
VERSIONED = ("SEDIFEX_TOKEN_PEPPERS", "SEDIFEX_MEMBER_SECRET_KEYS", "SEDIFEX_WEBHOOK_SECRET_KEYS")
NAMES = (*VERSIONED, SERVICE_SECRET)

_VERSIONED_LIST: TypeAdapter[Any] = TypeAdapter(VersionedSecrets)
_SERVICE_LIST: TypeAdapter[SecretStr] = TypeAdapter(ServiceSecret)


@dataclass(frozen=True)
class Entry:
    """A secret of a list."""

    version: int
    """0 where secrets have none."""
    secret: str = field(repr=False)


@dataclass(frozen=True)
class Secrets:
    """A list of secrets: the first makes what is new, all are accepted."""

    name: str
    entries: tuple[Entry, ...]

    def add(self) -> "Secrets":
        """With a new one at the end: it is accepted, and makes nothing yet.

        Raises:
            FailedPrecondition: the list is full.
        """
        if len(self.entries) >= MAX_SECRETS:
            raise FailedPrecondition(f"{self.name} holds {MAX_SECRETS} secrets already. Drop what is not needed first.")
        return Secrets(self.name, (*self.entries, self._new()))

    def promote(self, version: int | None) -> "Secrets":
        """With this one, or the last, at the front: it makes what is new.

        Raises:
            NotFound: there is none of this version.
            FailedPrecondition: it is the first already.
        """
        chosen = self._chosen(version)
        if chosen == self.entries[0]:
            raise FailedPrecondition(
                f"{self.name}: {self._called(chosen)} is the first already. Add another one first."
            )
        return Secrets(self.name, (chosen, *(each for each in self.entries if each != chosen)))

    def drop(self, version: int | None) -> "Secrets":
        """Without this one, or the last: what hangs on it works no more.

        Raises:
            NotFound: there is none of this version.
            FailedPrecondition: it is the first, which makes what is new.
        """
        chosen = self._chosen(version)
        if chosen == self.entries[0]:
            raise FailedPrecondition(
                f"{self.name}: {self._called(chosen)} makes what is new. Promote another first, "
                "and have every process started with that."
            )
        return Secrets(self.name, tuple(each for each in self.entries if each != chosen))

    def describe(self) -> str:
        """Its order in words, without a secret."""
        if self.name == SERVICE_SECRET:
            count = len(self.entries)
            return (
                f"{self.name}: one secret" if count == 1 else f"{self.name}: {count} secrets, the first is spoken with"
            )
        first, *others = (each.version for each in self.entries)
        also = "".join(f", version {each} is accepted" for each in others)
        return f"{self.name}: version {first} makes what is new{also}"

    def _new(self) -> Entry:
        if self.name == SERVICE_SECRET:
            return Entry(0, secrets.token_hex(32))
        secret = base64.b64encode(secrets.token_bytes(32)).decode()
        return Entry(1 + max(each.version for each in self.entries), secret)

    def _chosen(self, version: int | None) -> Entry:
        if version is None:
            return self.entries[-1]
        found = [each for each in self.entries if each.version == version and version]
        if not found:
            raise NotFound(f"{self.name} has no version {version}. {self.describe()}.")
        return found[0]

    def _called(self, entry: Entry) -> str:
        return f"version {entry.version}" if entry.version else "this secret"

    def to_text(self) -> str:
        """As it is written in the file."""
        if self.name == SERVICE_SECRET:
            return ",".join(each.secret for each in self.entries)
        entries = [{"version": each.version, "secret": each.secret} for each in self.entries]
        return "'" + json.dumps(entries, separators=(",", ":")) + "'"


def parse(name: str, text: str) -> Secrets:
    """The list that the text of a setting holds.

    Raises:
        InvalidArgument: it holds none; the message repeats nothing of it.
    """
    try:
        if name == SERVICE_SECRET:
            setting = _SERVICE_LIST.validate_python(text).get_secret_value()
            return Secrets(name, tuple(Entry(0, each) for each in secrets_of(setting)))
        entries = _VERSIONED_LIST.validate_json(text)
        return Secrets(name, tuple(Entry(each.version, base64.b64encode(each.secret).decode()) for each in entries))
    except ValidationError:
        # What pydantic has to say would hold what it read.
        raise InvalidArgument(
            f"What {name} has is no list of secrets. Compare with deploy/compose/secrets.sh."
        ) from None
