"""The pages as an application: finds out who is there, lets them in or not, and makes pages of what goes wrong."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from urllib.parse import quote, urlsplit

import grpc
from sedifex.catalog.v1 import catalog_pb2
from sedifex.keys.v1 import members_pb2
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from gateway.admin import assets, contract, failures, rendering
from gateway.admin.calls import Services
from gateway.admin.cookies import SESSION, VISITOR, Cookies
from gateway.admin.failures import Refused, SignedOut
from gateway.admin.families import FAMILIES
from gateway.admin.family import Family, Page
from gateway.admin.forms import Problems, problems_of, read_form
from gateway.admin.protection import FIELD, Seal, is_from_here, safe_path
from gateway.admin.visit import Surroundings, Visit
from gateway.clients import Backend
from gateway.transcoding import Problem
from services.common import telemetry
from services.common.settings import GatewaySettings

log = logging.getLogger(__name__)

Metadata = list[tuple[str, str | bytes]]
ALL_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
CONFIRM_PASSWORD, CONFIRM_CODE, CONFIRM_BACK = "confirm_password", "confirm_code", "confirm_back"
"""The fields in which a form that reveals or ends something brings the password along, and where it began."""


def routes(
    settings: GatewaySettings, services: Sequence[Backend], origin: Callable[[Request], Metadata]
) -> list[BaseRoute]:
    """The admin pages under /admin, and the way there from /.

    `origin`: what the services are told of where a request comes from.
    """
    site = _Site(settings, services, origin)
    by_path: dict[str, dict[str, Page]] = {}
    for family in FAMILIES:
        for page in family.pages:
            by_path.setdefault(page.path, {})[page.method] = page
    # What is written out goes before what stands for anything: /keys/new is no key.
    ordered = sorted(by_path, key=lambda path: [(part.startswith("{"), part) for part in path.split("/")])
    pages = Starlette(
        routes=[
            Route(assets.PATH, assets.serve, methods=["GET"]),
            *(Route(path, site.endpoint(by_path[path]), methods=ALL_METHODS) for path in ordered if path),
            Route("/{rest:path}", site.nothing, methods=ALL_METHODS),
        ],
        exception_handlers={HTTPException: site.nothing_http},
    )
    return [
        Route("/", _to_pages, methods=["GET", "HEAD"]),
        Route("/admin", site.endpoint(by_path[""]), methods=ALL_METHODS),
        Mount("/admin", pages),
    ]


async def _to_pages(request: Request) -> Response:
    """A browser that was given the address alone goes to the pages; a program is told that there is nothing."""
    if "text/html" not in request.headers.get("accept", ""):
        raise HTTPException(404)
    return RedirectResponse("/admin", 303)


class _Site:
    def __init__(
        self, settings: GatewaySettings, backends: Sequence[Backend], origin: Callable[[Request], Metadata]
    ) -> None:
        self._backends, self._origin = backends, origin
        self._is_development = settings.mode == "development"
        seal = Seal(settings.service_secret.get_secret_value())
        self._surroundings = Surroundings(
            rendering.environment(),
            seal,
            FAMILIES,
            settings.public_url,
            settings.gateway_plugin_zip,
            settings.gateway_guide is not None,
        )

    def endpoint(self, pages: dict[str, Page]) -> Callable[[Request], Awaitable[Response]]:
        """What serves one path."""

        async def serve(request: Request) -> Response:
            page = pages.get("GET" if request.method == "HEAD" else request.method)
            visit = self._visit(request, page.family if page else next(iter(pages.values())).family)
            try:
                return await self._answer(page, visit)
            except SignedOut:
                return _to_sign_in(visit)
            except Exception as error:
                return _explain(visit, error)
            finally:
                await visit.form.close()

        return serve

    async def nothing(self, request: Request) -> Response:
        """An address at which there is nothing; whoever is signed in is told so within the frame."""
        visit = self._visit(request, FAMILIES[0])
        if request.method in {"GET", "HEAD"} and request.url.path.endswith("/"):
            return visit.go(safe_path(request.url.path.rstrip("/")))
        if visit.token:
            with suppress(grpc.aio.AioRpcError):
                who = await visit.services.members.GetMember(members_pb2.GetMemberRequest(name="members/me"))
                visit.enter(who.member, None)
        return _explain(visit, failures.not_found())

    async def nothing_http(self, request: Request, _error: Exception) -> Response:
        """The same where routing says so."""
        return await self.nothing(request)

    def _visit(self, request: Request, family: Family) -> Visit:
        cookies = Cookies(request, is_development=self._is_development)
        metadata: Metadata = [(telemetry.REQUEST_ID_HEADER, telemetry.request_id()), *self._origin(request)]
        token = cookies.get(SESSION)
        if token.isascii() and token.isprintable() and token.startswith("sdfx_ses_"):
            # Of a session only: a cookie cannot make the pages act as an operator or a key.
            metadata.append(("authorization", f"Bearer {token}"))
        visitor = cookies.get(VISITOR) or secrets.token_urlsafe(16)
        services = Services(self._backends, metadata)
        return Visit(request, self._surroundings, cookies, services, family, visitor=visitor)

    async def _answer(self, page: Page | None, visit: Visit) -> Response:
        if page is None:
            raise failures.no_such_method()
        if page.method == "POST" and not is_from_here(visit.request, self._surroundings.public_url):
            raise failures.stale_form()
        if not page.is_public:
            await self._let_in(page, visit)
        if page.method == "POST":
            visit.form = await read_form(visit.request, takes_file=page.takes_file)
            if not self._surroundings.seal.is_form_token(visit.subject, visit.form[FIELD]):
                raise failures.stale_form()
            if page.is_fresh and (asked := await _ask_for_proof(visit)):
                return asked
        return await page.handler(visit)

    async def _let_in(self, page: Page, visit: Visit) -> None:
        """Finds out who is there and whether they may be.

        Raises:
            SignedOut: nobody is.
            Refused: they do not belong to the shop, or their role is too low.
        """
        if not visit.token:
            raise SignedOut
        who = visit.services.members.GetMember(members_pb2.GetMemberRequest(name="members/me"))
        if not page.family.in_store:
            visit.enter((await who).member, None)
            return
        store = f"stores/{visit.request.path_params['store']}"
        which = visit.services.catalog.GetStore(catalog_pb2.GetStoreRequest(name=store))
        told, shop = await asyncio.gather(who, which, return_exceptions=True)
        if isinstance(told, BaseException):
            raise told
        membership = next((each for each in told.member.memberships if each.store == store), None)
        if membership is None:
            visit.enter(told.member, None)
            raise failures.not_this_shop()
        if membership.suspended:
            visit.enter(told.member, None)
            raise failures.suspended()
        if isinstance(shop, BaseException):
            visit.enter(told.member, None)
            raise shop
        visit.enter(told.member, shop.store)
        if page.needs and not visit.may(page.needs):
            raise failures.role_too_low(contract.role_word(contract.lowest_role(page.needs)))


async def _ask_for_proof(visit: Visit) -> Response | None:
    """A page that asks for the password and brings along what was asked for; None: it was given lately."""
    problems = Problems()
    if password := visit.form.raw(CONFIRM_PASSWORD):
        request = members_pb2.ReauthenticateRequest(name="members/me", password=password, code=visit.form[CONFIRM_CODE])
        try:
            await visit.services.members.Reauthenticate(request)
        except grpc.aio.AioRpcError as error:
            problems = problems_of(error, "PASSWORD_NOT_ACCEPTED", "TOTP_REQUIRED", "TOTP_NOT_ACCEPTED")
        else:
            return None
    elif await visit.is_fresh():
        return None
    left_out = {FIELD, CONFIRM_PASSWORD, CONFIRM_CODE, CONFIRM_BACK}
    carried = [(name, value) for name, value in visit.form.pairs() if name not in left_out]
    back = safe_path(visit.form[CONFIRM_BACK] or _page_of_form(visit.request))
    return visit.show("confirm.html", 403 if problems else 200, carried=carried, back=back, problems=problems)


def _to_sign_in(visit: Visit) -> Response:
    """To the sign-in page, from which one comes back here; from a form, to the page that it stood on."""
    url = visit.request.url
    back = url.path + (f"?{url.query}" if url.query else "")
    if visit.request.method not in {"GET", "HEAD"}:
        back = safe_path(_page_of_form(visit.request))
    query = "" if back == "/admin" else f"?next={quote(back, safe='')}"
    had_session = bool(visit.token)
    response = visit.go("/admin/sign-in" + (query + ("&" if query else "?") + "why=ended" if had_session else query))
    if had_session:
        visit.cookies.delete(response, SESSION)
    return response


def _page_of_form(request: Request) -> str:
    """The path of the page that a form stood on, as the browser says."""
    return urlsplit(request.headers.get("referer", "")).path


def _explain(visit: Visit, error: Exception) -> Response:
    """A page that tells of a failure."""
    if isinstance(error, grpc.aio.AioRpcError):
        try:
            refused = failures.of_call(error)
        except SignedOut:
            return _to_sign_in(visit)
    elif isinstance(error, Problem):
        refused = failures.of_problem(error)
    elif isinstance(error, Refused):
        refused = error
    else:
        refused = failures.unexpected()
    if refused.status == 500:
        log.error("unexpected error on a page", exc_info=error)
    response = visit.show("failure.html", refused.status, failure=refused)
    if refused.retry_after:
        response.headers["Retry-After"] = refused.retry_after
    return response
