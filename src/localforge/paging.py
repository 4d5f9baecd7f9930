"""`page` / `per_page` and the Link header."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import parse_qsl, urlencode

from localforge.call import Answer, Call, ok
from localforge.json_types import Json

T = TypeVar("T")

LARGEST_PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """One page of a list, the size of the whole, and the Link header (none when it all fits)."""

    items: Sequence[T]
    total: int
    headers: tuple[tuple[str, str], ...]

    def answer(self, render: Callable[[T], Json]) -> Answer:
        """The page as a JSON array."""
        return ok([render(item) for item in self.items], headers=self.headers)

    def wrapped(self, name: str, render: Callable[[T], Json]) -> Answer:
        """The page as `{total_count, name: [...]}`."""
        rendered = [render(item) for item in self.items]
        return ok({"total_count": self.total, name: rendered}, headers=self.headers)


def bounds(call: Call) -> tuple[int, int]:
    """The page asked for (from 1) and its size (1 to 100, 30 unless told)."""
    size = call.query.number("per_page", 30)
    return max(1, call.query.number("page", 1)), min(max(1, size), LARGEST_PAGE)


def page_of(call: Call, items: Sequence[T]) -> Page[T]:
    """The page asked for of a list that is at hand."""
    return page_from(call, len(items), lambda limit, offset: items[offset : offset + limit])


def page_from(call: Call, total: int, fetch: Callable[[int, int], Sequence[T]]) -> Page[T]:
    """The page asked for of a list of `total` items, fetched by (limit, offset)."""
    page, size = bounds(call)
    items = fetch(size, (page - 1) * size) if (page - 1) * size < total else []
    return Page(items=items, total=total, headers=_link(call, page, -(-total // size)))


def _link(call: Call, page: int, last: int) -> tuple[tuple[str, str], ...]:
    targets = []
    if page > 1:
        targets.append(("prev", min(page - 1, max(last, 1))))
    if page < last:
        targets += [("next", page + 1), ("last", last)]
    if page > 1:
        targets.append(("first", 1))
    if not targets:
        return ()
    kept = [(name, value) for name, value in parse_qsl(call.query.raw) if name != "page"]
    links = (
        f'<{_address(call)}?{urlencode([*kept, ("page", str(number))])}>; rel="{relation}"'
        for relation, number in targets
    )
    return (("link", ", ".join(links)),)


def _address(call: Call) -> str:
    """The list's address; below a repository it is the one that survives a rename."""
    parts = call.path.split("/")
    if call.found_repo and parts[1] == "repos":
        return "/".join([call.urls.repo_by_id(call.found_repo.id), *parts[4:]])
    return call.urls.api + call.path
