"""Settings of every process, from `SEDIFEX_*` environment variables, read once at start.

No secret has a default, in development neither: `sedifex up` makes random ones and hands them over in the environment.
A process that lacks one says which and does not start.
"""

import re
import sys
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from psycopg2 import ProgrammingError
from psycopg2.extensions import parse_dsn
from pydantic import (
    AfterValidator,
    AliasChoices,
    Base64Bytes,
    BaseModel,
    BeforeValidator,
    DirectoryPath,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from services.common import certificates

PREFIX = "SEDIFEX_"
SERVICE_SECRET_LENGTH = 32
EX_CONFIG = 78
"""The exit status for "configuration error" (sysexits.h)."""

Network = IPv4Network | IPv6Network


MAX_SECRETS = 10
"""That a setting may hold: one, and for a while those before it."""


class VersionedSecret(BaseModel):
    """32 random bytes under a version number, in base 64. The version stands beside what was made with it."""

    version: int = Field(ge=1)
    secret: Annotated[Base64Bytes, Field(min_length=32, max_length=32, repr=False)]


def _check_database_url(url: SecretStr) -> SecretStr:
    """Refuses what libpq cannot read, without repeating it: it holds a password."""
    try:
        parts = parse_dsn(url.get_secret_value())
    except ProgrammingError:
        parts = {}
    # A password that holds "#" or "/" unescaped ends up in the port or the name, and from there in libpq's messages.
    strange = re.search(r"[^0-9,]", parts.get("port", "")) or re.search(r"[@:/?#]", parts.get("dbname", ""))
    if strange or not parts.get("dbname"):
        raise ValueError(
            "is no database URL; it must be like postgresql://user:password@host:5432/name, "
            "the password percent-encoded"
        ) from None
    return url


DatabaseUrl = Annotated[SecretStr, AfterValidator(_check_database_url)]


def _check_versions(secrets: list[VersionedSecret]) -> list[VersionedSecret]:
    if len({each.version for each in secrets}) < len(secrets):
        raise ValueError("has a version twice; every secret needs a version of its own")
    return secrets


def _check_public_url(url: str) -> str:
    """Takes the origin of a site, without a slash at its end; empty: not known."""
    if url and not re.fullmatch(r"https?://[A-Za-z0-9.:\[\]_-]+(/[A-Za-z0-9._/-]*)?", url):
        raise ValueError("must be like https://shops.example.com, without a query")
    return url.rstrip("/")


PublicUrl = Annotated[str, AfterValidator(_check_public_url)]


def _check_origin(text: str) -> str:
    """Takes the origin of a site as browsers write it (RFC 6454)."""
    if not re.fullmatch(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?", text):
        raise ValueError("must be an origin like https://shop.example.com, in small letters, without a path")
    return text


Origin = Annotated[str, AfterValidator(_check_origin)]


def _check_metrics_listen(address: str) -> str:
    """Takes "host:port", and a port alone for this machine: nobody opens it to a network by leaving something out."""
    if address and not re.fullmatch(r"(([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):)?[0-9]{1,5}", address):
        raise ValueError("must be a port, like 9464, or host:port, like 10.0.0.5:9464")
    return f"127.0.0.1:{address}" if address.isdigit() else address


def _check_traces_endpoint(url: str) -> str:
    if url and not re.fullmatch(r"https?://[A-Za-z0-9.:\[\]_-]+", url):
        raise ValueError("must be like http://127.0.0.1:4317")
    return url


TracesEndpoint = Annotated[str, AfterValidator(_check_traces_endpoint)]
MetricsListen = Annotated[str, AfterValidator(_check_metrics_listen)]


PemFile = Annotated[Path | None, BeforeValidator(lambda given: given or None)]
"""A file; empty: none."""


VersionedSecrets = Annotated[
    list[VersionedSecret], Field(min_length=1, max_length=MAX_SECRETS), AfterValidator(_check_versions)
]
"""The first makes what is new, all open what there is: so one can be known everywhere before anybody writes with it."""


def _check_service_secret(text: SecretStr) -> SecretStr:
    """Refuses what is too short to be one, without repeating it."""
    secrets = text.get_secret_value().split(",")
    if min(map(len, secrets)) < SERVICE_SECRET_LENGTH or len(set(secrets)) < len(secrets) or len(secrets) > MAX_SECRETS:
        raise ValueError(
            f"must be a secret of {SERVICE_SECRET_LENGTH} characters or more, or at most {MAX_SECRETS} different ones "
            "with commas between them, without spaces"
        )
    return text


ServiceSecret = Annotated[SecretStr, AfterValidator(_check_service_secret)]
"""One secret, or several with a comma between them: see `services.common.access.service_identity`."""


class Settings(BaseSettings):
    """What every process needs."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, hide_input_in_errors=True)

    mode: Literal["production", "development"] = "production"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    keys_address: str = Field(default="127.0.0.1:50051", description="host:port of the Keys service")
    catalog_address: str = Field(default="127.0.0.1:50052", description="host:port of the Catalog service")
    webhooks_address: str = Field(default="127.0.0.1:50053", description="host:port of the Webhooks service")
    drain_seconds: float = Field(default=10, gt=0, description="how long open calls may take when a process stops")
    metrics_listen: MetricsListen = Field(
        default="",
        description="host:port to show metrics and health at, to whoever can reach it; a port alone: on "
        "this machine only; empty: nowhere",
    )
    traces_endpoint: TracesEndpoint = Field(
        default="", description="the OpenTelemetry collector, http://host:port or https://host:port; empty: no traces"
    )
    traces_ratio: float = Field(default=0.1, ge=0, le=1, description="which share of the gateway's requests is traced")
    tls_certificate: PemFile = Field(
        default=None,
        description="the file of this process's certificate and what leads to its issuer, PEM; none: no TLS",
    )
    tls_key: PemFile = Field(default=None, description="the file of its private key, PEM")
    tls_roots: PemFile = Field(
        default=None,
        description="the file of the issuers whose certificates are accepted, PEM: of servers called, and of callers",
    )

    @property
    def tls(self) -> certificates.Files | None:
        """The files for mutual TLS with other processes of Sedifex; None: plaintext."""
        if self.tls_certificate is None or self.tls_key is None or self.tls_roots is None:
            return None
        return certificates.Files(self.tls_certificate, self.tls_key, self.tls_roots)

    @model_validator(mode="after")
    def _tls_is_whole_or_off(self) -> Self:
        named = {
            certificates.CERTIFICATE: self.tls_certificate,
            certificates.KEY: self.tls_key,
            certificates.ROOTS: self.tls_roots,
        }
        missing = [variable for variable, path in named.items() if path is None]
        if missing and len(missing) < len(named):
            raise ValueError(f"{' and '.join(missing)} is not set; set {', '.join(named)}: all of them, or none")
        if self.tls:
            certificates.read(self.tls, datetime.now(UTC))
        return self


class InternalSettings(Settings):
    """What every process needs that speaks to a service as one of ours."""

    service_secret: ServiceSecret = Field(
        description="the secret by which Sedifex's services know each other; several with commas between them: the "
        "first is used, all are accepted"
    )


class ServiceSettings(InternalSettings):
    """What every service needs beside its own."""

    refused_per_minute: int = Field(
        default=60, ge=1, description="how many credentials that nobody accepts an address may try in a minute"
    )
    database_threads: int = Field(default=8, ge=1, le=64, description="database connections of a process")

    @property
    def listen(self) -> str:
        """Where it listens."""
        raise NotImplementedError


class KeysSettings(ServiceSettings):
    """The Keys service."""

    keys_listen: str = Field(default="127.0.0.1:50051", description="host:port to listen on")
    keys_database_url: DatabaseUrl = Field(description="postgresql://… of the Keys service's own database")
    token_peppers: VersionedSecrets = Field(
        description='what tokens are hashed under: [{"version":1,"secret":"<32 bytes in base 64>"}]'
    )
    member_secret_keys: VersionedSecrets = Field(
        description="what members' secrets for one-time codes are encrypted under: "
        '[{"version":1,"secret":"<32 bytes in base 64>"}]'
    )
    public_url: PublicUrl = Field(
        default="",
        description="where the gateway is reached from outside, like https://shops.example.com, for links to its pages",
    )

    @property
    def listen(self) -> str:
        """See ServiceSettings."""
        return self.keys_listen


class CatalogSettings(ServiceSettings):
    """The Catalog service."""

    catalog_listen: str = Field(default="127.0.0.1:50052", description="host:port to listen on")
    catalog_database_url: DatabaseUrl = Field(description="postgresql://… of the Catalog service's own database")

    @property
    def listen(self) -> str:
        """See ServiceSettings."""
        return self.catalog_listen


class WebhooksSettings(ServiceSettings):
    """The Webhooks service and its worker."""

    webhooks_listen: str = Field(default="127.0.0.1:50053", description="host:port to listen on")
    webhooks_database_url: DatabaseUrl = Field(description="postgresql://… of the Webhooks service's own database")
    webhook_secret_keys: VersionedSecrets = Field(
        description='what endpoint secrets are encrypted under: [{"version":1,"secret":"<32 bytes in base 64>"}]',
    )
    worker_drain_seconds: float = Field(
        default=16,
        gt=0,
        description="how long a stopping worker lets what it sends end; an exchange takes 15 s at most",
    )
    webhook_allow_http: bool = Field(default=False, description="let endpoints be http; development only")
    webhook_allowed_networks: list[Network] = Field(
        default=[], description="private networks that deliveries may go to all the same; development only"
    )

    @property
    def listen(self) -> str:
        """See ServiceSettings."""
        return self.webhooks_listen

    @model_validator(mode="after")
    def _production_sends_to_the_internet_only(self) -> "WebhooksSettings":
        if self.mode == "production" and (self.webhook_allow_http or self.webhook_allowed_networks):
            raise ValueError(
                f"{PREFIX}WEBHOOK_ALLOW_HTTP and {PREFIX}WEBHOOK_ALLOWED_NETWORKS are for {PREFIX}MODE=development: "
                "in production they would let a shop's webhook reach inside"
            )
        return self


class KeysDatabaseSettings(BaseSettings):
    """The Keys service's database alone, for commands that need no secret of tokens."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, hide_input_in_errors=True)

    keys_database_url: DatabaseUrl = Field(description="postgresql://… of the Keys service's own database")


class SecretsSettings(BaseSettings):
    """Whichever of the services' databases are named, and the secrets that what is in them hangs on."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, hide_input_in_errors=True)

    keys_database_url: DatabaseUrl | None = None
    token_peppers: VersionedSecrets | None = None
    member_secret_keys: VersionedSecrets | None = None
    webhooks_database_url: DatabaseUrl | None = None
    webhook_secret_keys: VersionedSecrets | None = None

    @model_validator(mode="after")
    def _each_database_has_its_secrets(self) -> "SecretsSettings":
        if self.keys_database_url is None and self.webhooks_database_url is None:
            raise ValueError(f"Name a database: set {PREFIX}KEYS_DATABASE_URL, {PREFIX}WEBHOOKS_DATABASE_URL or both")
        if self.keys_database_url is not None and not (self.token_peppers and self.member_secret_keys):
            raise ValueError(f"{PREFIX}KEYS_DATABASE_URL needs {PREFIX}TOKEN_PEPPERS and {PREFIX}MEMBER_SECRET_KEYS")
        if self.webhooks_database_url is not None and not self.webhook_secret_keys:
            raise ValueError(f"{PREFIX}WEBHOOKS_DATABASE_URL needs {PREFIX}WEBHOOK_SECRET_KEYS")
        return self


class DatabaseSettings(BaseSettings):
    """The databases to migrate: those that are named."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, hide_input_in_errors=True)

    keys_database_url: DatabaseUrl | None = None
    catalog_database_url: DatabaseUrl | None = None
    webhooks_database_url: DatabaseUrl | None = None


def _check_p256(pem: str) -> str:
    """Refuses what is no key for ECDSA signatures over the curve P-256."""
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise ValueError("is no public key of the curve P-256 in PEM")  # noqa: TRY004 - pydantic's word for it
    return pem


class PublicKey(BaseModel):
    """A key of somebody who signs what they send, under the name by which they refer to it."""

    # As GitHub's list of its keys has it as well, so that an entry of that can be taken as it is.
    identifier: str = Field(min_length=1, max_length=200, validation_alias=AliasChoices("identifier", "key_identifier"))
    key: Annotated[str, Field(max_length=2000), AfterValidator(_check_p256)]


class GatewaySettings(InternalSettings):
    """The gateway. It passes its callers' credentials on, and vouches for where they call from."""

    public_url: PublicUrl = Field(
        default="",
        description="where the gateway is reached from outside, like https://shops.example.com: its pages take forms "
        "from there, and tell it to others",
    )
    gateway_host: str = "127.0.0.1"
    gateway_port: int = Field(default=8080, ge=1, le=65535)
    gateway_max_body_bytes: int = Field(
        default=1_048_576,
        ge=1024,
        description="how large a request's body may be; imported files have a bound of 64 MiB",
    )
    gateway_requests_per_minute_per_key: int = Field(
        default=1_200,
        ge=0,
        le=1_000_000,
        description="how many requests a credential may make in a minute at this process; 0: no limit",
    )
    gateway_requests_per_minute_per_address: int = Field(
        default=6_000,
        ge=0,
        le=1_000_000,
        description="how many requests a client's address may make in a minute at this process; 0: no limit",
    )
    gateway_max_requests: int = Field(
        default=500, ge=1, description="how many requests a process answers at the same time; more get 503"
    )
    gateway_max_connections: int = Field(
        default=900,
        ge=1,
        description="how many connections a process holds; more get 503. Each is an open file: see ulimit -n",
    )
    gateway_max_connections_per_address: int = Field(
        default=200,
        ge=0,
        description="how many of them may come from one address; 0: no limit. Not counted behind proxies of ours",
    )
    gateway_cors_origins: list[Origin] = Field(
        default=[],
        max_length=100,
        description="sites whose pages may call the API from a browser, like https://shop.example.com; none unless set",
    )
    gateway_trusted_proxies: int = Field(
        default=0,
        ge=0,
        le=10,
        description="how many proxies of ours stand in front: so many addresses of X-Forwarded-For are believed",
    )
    gateway_plugin_zip: Path = Field(
        default=Path(__file__).resolve().parents[2] / "build" / "plugin" / "sedifex.zip",
        description="the WordPress plugin as `make plugin` builds it, for shop owners to download",
    )
    gateway_sample_shop: bool = Field(default=False, description="serve the pictures of the sample shop")
    gateway_guide: DirectoryPath | None = Field(
        default=None, description="the folder of the documentation's site, build/guide/html, to serve at /guide"
    )
    gateway_github_keys: list[PublicKey] = Field(
        default=[],
        max_length=20,
        description='the keys that GitHub signs its secret scanning with: [{"identifier":"…","key":"<PEM>"}]',
    )


AnySettings = TypeVar("AnySettings", bound=BaseSettings)


def load(kind: type[AnySettings]) -> AnySettings:
    """The settings of this process.

    Raises:
        SystemExit: something is missing or wrong; standard error says what, by the variable's name.
    """
    try:
        return kind()
    except ValidationError as problem:
        lines = [_explain(kind, tuple(each["loc"]), each["msg"], each["type"]) for each in problem.errors()]
    except SettingsError as problem:
        # Lists are written in JSON; what is not JSON does not get as far as validation.
        name = re.search(r'field "(\w+)"', str(problem))
        lines = [_explain(kind, (name[1],) if name else (), "must be JSON", "json")]
    print("Sedifex cannot start:", *lines, sep="\n  - ", file=sys.stderr)  # noqa: T201 - there is no logging yet
    raise SystemExit(EX_CONFIG)


def _explain(kind: type[BaseSettings], location: tuple[int | str, ...], message: str, problem: str) -> str:
    if not location:
        return message.removeprefix("Value error, ")
    name = str(location[0])
    field = kind.model_fields.get(name)
    meaning = f" ({field.description})" if field and field.description else ""
    variable = PREFIX + name.upper()
    if problem == "missing":
        return f"{variable} is not set{meaning}"
    return f"{variable}{meaning}: {message.removeprefix('Value error, ')}"
