"""One request of somebody to a page: who they are, which shop they look at, and how to answer them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment
from sedifex.access.v1 import access_pb2
from sedifex.catalog.v1 import catalog_pb2
from sedifex.keys.v1 import members_pb2
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from gateway.admin import contract
from gateway.admin.calls import Services
from gateway.admin.cookies import NOTICE, SESSION, SESSION_MAX_AGE_S, VISITOR, Cookies
from gateway.admin.family import Family
from gateway.admin.forms import Form
from gateway.admin.protection import Policy, Seal, protect
from services.common import telemetry

FRESH = timedelta(minutes=10)
"""For how long a password that was given counts, before something is revealed or ended."""


@dataclass(frozen=True)
class Surroundings:
    """What all visits share."""

    templates: Environment
    seal: Seal
    families: tuple[Family, ...]
    public_url: str
    """Where the gateway is reached from outside; empty: not known."""
    plugin_zip: Path
    """Where the WordPress plugin lies, if it was built."""
    has_guide: bool
    """The documentation's site is served, at /guide."""


@dataclass
class Visit:
    """A request, from its cookies to its answer. Templates know it as `visit`."""

    request: Request
    surroundings: Surroundings
    cookies: Cookies
    services: Services
    family: Family
    form: Form = field(default_factory=Form)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    policy: Policy = field(default_factory=Policy.new)
    visitor: str = ""
    """What forms are bound to while nobody is signed in."""
    _member: members_pb2.Member | None = None
    _store: catalog_pb2.Store | None = None

    # Who and where

    @property
    def token(self) -> str:
        """The session's token; empty: nobody is signed in."""
        return self.cookies.get(SESSION)

    @property
    def is_signed_in(self) -> bool:
        """Whether the service has said who this is."""
        return self._member is not None

    @property
    def member(self) -> members_pb2.Member:
        """Who looks at the page."""
        assert self._member is not None  # noqa: S101 - only pages that are public are reached without
        return self._member

    @property
    def has_store(self) -> bool:
        """Whether the page is about a shop."""
        return self._store is not None

    @property
    def store(self) -> catalog_pb2.Store:
        """The shop that the page is about."""
        assert self._store is not None  # noqa: S101 - a family outside of shops has no business asking
        return self._store

    @property
    def role(self) -> contract.Role:
        """The member's role in the shop."""
        return self.role_in(self.store.name)

    def role_in(self, store: str) -> contract.Role:
        """The member's role in a shop, "stores/{store}"."""
        found = (each.role for each in self.member.memberships if each.store == store)
        return next(found, access_pb2.ROLE_UNSPECIFIED)

    def may(self, method: str) -> bool:
        """Whether the member may call "KeysService.CreateKey" in this shop, so that a button for it makes sense."""
        return contract.allows(self.role, method)

    def enter(self, member: members_pb2.Member, store: catalog_pb2.Store | None) -> None:
        """Notes what the services have said."""
        self._member, self._store = member, store

    @property
    def subject(self) -> str:
        """What forms and notices are bound to."""
        return self.token or self.visitor

    # Where to

    def at(self, *parts: str) -> str:
        """A path in this shop: at("keys", id) is "/admin/stores/{store}/keys/{id}"."""
        return self.in_store(self.store.name, *parts)

    def in_store(self, store: str, *parts: str) -> str:
        """The same in another shop, "stores/{store}"."""
        return "/".join(["/admin", store, *(quote(part, safe="") for part in parts)])

    def of(self, name: str, *parts: str) -> str:
        """The page of a resource, which may be another shop's: of("stores/{store}/keys/{key}", "edit")."""
        return "/".join(["/admin", name, *parts])

    def name(self, collection: str, parameter: str = "id") -> str:
        """The resource name that the path speaks of: name("keys") is "stores/{store}/keys/{id}"."""
        return f"{self.store.name}/{collection}/{self.request.path_params[parameter]}"

    def query(self, name: str) -> str:
        """A parameter of the query; empty if there is none."""
        return self.request.query_params.get(name, "").strip()

    def again(self, path: str = "", **changes: str | None) -> str:
        """This page's own path, or another, with this query and these changes to it; None takes a parameter away."""
        query = {name: value for name, value in self.request.query_params.items() if value} | changes
        text = "&".join(f"{quote(name)}={quote(value, safe='')}" for name, value in query.items() if value)
        return (path or self.request.url.path) + (f"?{text}" if text else "")

    # Answers

    def show(self, template: str, status: int = 200, *, pictures: bool = False, **context: Any) -> Response:
        """A page. `pictures`: it shows products, whose pictures lie anywhere."""
        policy = Policy(self.policy.nonce, shows_pictures=pictures)
        notice = self.surroundings.seal.read_notice(self.subject, self.cookies.get(NOTICE))
        shared = {"visit": self, "notice": notice, "problems": None, "request_id": telemetry.request_id()}
        html = self.surroundings.templates.get_template(template).render(shared | context)
        response = HTMLResponse(html, status)
        if self.cookies.get(NOTICE):
            self.cookies.delete(response, NOTICE)
        if not self.token and self.visitor != self.cookies.get(VISITOR):
            self.cookies.set(response, VISITOR, self.visitor)
        protect(response, policy)
        return response

    def go(self, path: str, notice: str = "", tone: str = "success") -> Response:
        """On to another page, which says `notice`. A form that was taken ends so."""
        response = RedirectResponse(path, 303)
        if notice:
            self.cookies.set(response, NOTICE, self.surroundings.seal.notice(self.subject, tone, notice), 60)
        protect(response, self.policy)
        return response

    def start(self, path: str, token: str) -> Response:
        """On to another page, signed in with a new session."""
        response = self.go(path)
        self.cookies.set(response, SESSION, token, SESSION_MAX_AGE_S)
        self.cookies.delete(response, VISITOR)
        return response

    @property
    def csrf(self) -> str:
        """The form token of this visit."""
        return self.surroundings.seal.form_token(self.subject)

    # Proof

    async def is_fresh(self) -> bool:
        """Whether the password was given for this session within the last minutes."""
        request = members_pb2.ListSessionsRequest(parent="members/me")
        sessions = (await self.services.members.ListSessions(request)).sessions
        current = next((each for each in sessions if each.current), None)
        return current is not None and current.authenticate_time.ToDatetime(UTC) + FRESH > self.now
