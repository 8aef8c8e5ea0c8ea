"""Routes requests by path and HTTP method, in a trie of path segments: cost grows with the path, not with the API."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from .template import Segment, Template, Wildcard, decode_segment, split_path, split_verb

T = TypeVar("T")

ANY_METHOD = "*"
"""The HTTP method of a route that answers every method (`custom { kind: "*" }` in an HttpRule)."""


class RouteConflictError(ValueError):
    """Two routes would answer the same request; the text names both."""


class NoRouteError(LookupError):
    """No route has this path under any method."""


class MethodNotAllowedError(LookupError):
    """The path exists, but not under this method. `allow` lists the methods that it has, sorted."""

    def __init__(self, allow: Sequence[str]) -> None:
        super().__init__(", ".join(allow))
        self.allow = tuple(allow)


@dataclass(frozen=True, slots=True)
class Route(Generic[T]):
    """One template under one HTTP method, and what it leads to."""

    method: str
    template: Template
    target: T


@dataclass(frozen=True, slots=True)
class Match(Generic[T]):
    """The route of a request, and the values of its path variables by field path."""

    route: Route[T]
    variables: dict[str, str]


@dataclass(slots=True)
class _Node(Generic[T]):
    """The routes that end at, or go on from, one place in the path. Leaves are keyed by verb, then by method."""

    literals: "dict[str, _Node[T]]" = field(default_factory=dict)
    one: "_Node[T] | None" = None
    rest: "_Node[T] | None" = None
    leaves: dict[str | None, dict[str, Route[T]]] = field(default_factory=dict)

    def child(self, segment: Segment) -> "_Node[T]":
        if segment is Wildcard.ONE:
            self.one = self.one or _Node()
            return self.one
        if segment is Wildcard.REST:
            self.rest = self.rest or _Node()
            return self.rest
        return self.literals.setdefault(str(segment), _Node())

    def walk(self, segments: Sequence[str], at: int = 0) -> "Iterator[_Node[T]]":
        """Yield the nodes at which the segments end: literals before `*`, `*` before `**`."""
        if at == len(segments):
            yield self
        else:
            literal = self.literals.get(decode_segment(segments[at]))
            if literal is not None:
                yield from literal.walk(segments, at + 1)
            if self.one is not None and segments[at]:
                yield from self.one.walk(segments, at + 1)
        if self.rest is not None:
            yield self.rest


class Router(Generic[T]):
    """Finds the one route for a method and a path.

    A custom verb wins over a plain id: where any route has the verb `revoke` at this place, `/keys/a:revoke` is never
    read as the key "a:revoke", whatever the method. HEAD is answered by GET unless it has a route of its own.
    """

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()
        self._routes: list[Route[T]] = []
        self._verbs: set[str] = set()

    @property
    def routes(self) -> Sequence[Route[T]]:
        """All routes in the order in which they were added."""
        return tuple(self._routes)

    def add(self, method: str, template: Template, target: T) -> None:
        """Add a route. Raises RouteConflictError where a request could belong to this and to an earlier one."""
        route = Route(method, template, target)
        for other in self._routes:
            if other.method == method and _is_ambiguous(other.template, template):
                raise RouteConflictError(
                    f"{method} {template.source} ({target}) and {method} {other.template.source} ({other.target}) "
                    "match the same paths, and neither is more specific; change one of them"
                )
        node = self._root
        for segment in template.segments:
            node = node.child(segment)
        node.leaves.setdefault(template.verb, {})[method] = route
        self._routes.append(route)
        if template.verb is not None:
            self._verbs.add(template.verb)

    def find(self, method: str, path: str) -> Match[T]:
        """Return the route for an HTTP method and a percent-encoded path.

        Raises NoRouteError, MethodNotAllowedError, or PathError where the path cannot be decoded.
        """
        segments, leaves = self._leaves(path)
        for methods in leaves:
            route = methods.get(method) or (methods.get("GET") if method == "HEAD" else None) or methods.get(ANY_METHOD)
            if route is not None:
                return Match(route, route.template.bind(segments))
        raise MethodNotAllowedError(_allow(leaves))

    def allowed(self, path: str) -> tuple[str, ...]:
        """Return the methods of a path, for an `Allow` header. Raises NoRouteError or PathError."""
        return _allow(self._leaves(path)[1])

    def _leaves(self, path: str) -> tuple[list[str], list[dict[str, Route[T]]]]:
        segments = split_path(path)
        head, verb = split_verb(segments[-1])
        if verb in self._verbs:
            verbless = [*segments[:-1], head]
            leaves = [node.leaves[verb] for node in self._root.walk(verbless) if verb in node.leaves]
            if leaves:
                return verbless, leaves
        leaves = [node.leaves[None] for node in self._root.walk(segments) if None in node.leaves]
        if not leaves:
            raise NoRouteError(path)
        return segments, leaves


def _allow(leaves: Sequence[dict[str, Route[T]]]) -> tuple[str, ...]:
    methods = {method for leaf in leaves for method in leaf}
    if ANY_METHOD in methods:
        methods = (methods - {ANY_METHOD}) | {"GET", "POST", "PUT", "PATCH", "DELETE"}
    if "GET" in methods:
        methods.add("HEAD")
    return tuple(sorted(methods | {"OPTIONS"}))


def _is_ambiguous(one: Template, other: Template) -> bool:
    """Whether the two share a path and neither is the more specific of them.

    `/a/b` beside `/a/*` is no conflict, the literal wins; `/a/*/c` beside `/*/b/c` is one, as are equal shapes.
    """
    if one.verb != other.verb or not _overlap(one.segments, other.segments):
        return False
    return _covers(one.segments, other.segments) == _covers(other.segments, one.segments)


def _overlap(one: Sequence[Segment], other: Sequence[Segment]) -> bool:
    """Whether some path fits both."""
    if one and one[0] is Wildcard.REST:
        return True
    if other and other[0] is Wildcard.REST:
        return True
    if not one or not other:
        return not one and not other
    fits = one[0] is Wildcard.ONE or other[0] is Wildcard.ONE or one[0] == other[0]
    return fits and _overlap(one[1:], other[1:])


def _covers(wide: Sequence[Segment], narrow: Sequence[Segment]) -> bool:
    """Whether every path that fits `narrow` fits `wide`."""
    if wide and wide[0] is Wildcard.REST:
        return True
    if not wide or not narrow:
        return not wide and not narrow
    if narrow[0] is Wildcard.REST:
        return False
    return (wide[0] is Wildcard.ONE or wide[0] == narrow[0]) and _covers(wide[1:], narrow[1:])
