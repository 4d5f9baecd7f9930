"""Searching issues and pull requests."""

from localforge.call import Answer, Call, ok
from localforge.errors import FieldError, InvalidError, NotFoundError
from localforge.issues.listing import SORTS, issue_page
from localforge.issues.search import conditions, terms
from localforge.json_types import Json
from localforge.operations import Area
from localforge.paging import bounds
from localforge.render.issues import issue as render
from localforge.render.view import View
from localforge.store import repos
from localforge.store.issues import Issue

area = Area()

RESULTS_SHOWN = 1000


@area("GET", "/search/issues", "search/issues-and-pull-requests", resource="search")
def search(call: Call) -> Answer:
    """What the query finds in repositories that the caller sees; newest first unless sorted otherwise."""
    query = asked_for(call)
    found = issue_page(call, conditions(call.db, call.actor, query), _order(call, query))
    view = call.view
    items: list[Json] = [_item(view, item) for item in found.items]
    answer: dict[str, Json] = {
        "total_count": found.total,
        "incomplete_results": False,
        "search_type": "lexical",
        "items": items,
    }
    return ok(answer, headers=found.headers)


def asked_for(call: Call) -> str:
    """The query; 422 without one, and beyond the thousand results that a search gives."""
    query = call.query.get("q") or ""
    if not query.strip():
        raise InvalidError(errors=(FieldError(resource="Search", field="q", code="missing"),))
    page, size = bounds(call)
    if page * size > RESULTS_SHOWN + size:
        raise InvalidError("Only the first 1000 search results are available")
    return query


def _order(call: Call, query: str) -> str:
    written = next((term.value for term in terms(query) if term.name == "sort"), "")
    name, _, way = written.partition("-")
    column = SORTS.get(call.query.get("sort") or name, SORTS["created"])
    direction = call.query.get("order") or way
    direction = "asc" if direction == "asc" else "desc"
    return f"{column} {direction}, issue.id {direction}"


def _item(view: View, item: Issue) -> dict[str, Json]:
    repo = repos.by_id(view.db, item.repo_id)
    if repo is None:
        raise NotFoundError
    return {**render(view, repo, item), "body": item.body or "", "score": 1.0}
