"""Page families: what belongs together under one path, with one module and one folder of templates."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from starlette.responses import Response

from gateway.admin.contract import lowest_role

if TYPE_CHECKING:
    from gateway.admin.visit import Visit

Handler = Callable[["Visit"], Awaitable[Response]]
Group = Literal["Shop", "Connections", "Team"]


@dataclass(frozen=True)
class Nav:
    """A family's place in the navigation of a store."""

    label: str
    icon: str
    group: Group
    on_bar: bool = False
    """Whether it stands on the bar at the foot of a phone, which has room for four; others are under "More"."""


@dataclass(frozen=True)
class Page:
    """One method of one path."""

    method: Literal["GET", "POST"]
    path: str
    """Below /admin, with Starlette's {parameters}."""
    handler: Handler
    family: "Family"
    needs: str | None
    """Whose rule in the contract decides who may come here: "KeysService.CreateKey". None: all who are signed in."""
    is_public: bool
    is_fresh: bool
    """Whether the member must have given the password within the last minutes."""
    takes_file: bool


@dataclass
class Family:
    """Pages that belong together.

    `path` is theirs below /admin/stores/{store}, or below /admin if they are not about a store.
    """

    name: str
    path: str
    nav: Nav | None = None
    in_store: bool = True
    part_of: "Family | None" = None
    """The family whose entry in the navigation stands for this one as well."""
    pages: list[Page] = field(default_factory=list)

    @property
    def root(self) -> str:
        """The path below /admin at which the family begins."""
        return ("/stores/{store}" if self.in_store else "") + self.path

    def get(self, path: str = "", *, needs: str | None = None, public: bool = False) -> Callable[[Handler], Handler]:
        """Shows a page."""
        return self._add("GET", path, needs, public=public)

    def post(
        self, path: str = "", *, needs: str | None = None, public: bool = False, fresh: bool = False, file: bool = False
    ) -> Callable[[Handler], Handler]:
        """Takes a form, and answers with a redirect or with the form again. `file`: the form brings one."""
        return self._add("POST", path, needs, public=public, fresh=fresh, file=file)

    def _add(
        self,
        method: Literal["GET", "POST"],
        path: str,
        needs: str | None,
        *,
        public: bool,
        fresh: bool = False,
        file: bool = False,
    ) -> Callable[[Handler], Handler]:
        if needs is not None:
            lowest_role(needs)  # a name that the contract does not have stops the gateway as it starts

        def add(handler: Handler) -> Handler:
            page = Page(method, self.root + path, handler, self, needs, public, fresh, file)
            self.pages.append(page)
            return handler

        return add
