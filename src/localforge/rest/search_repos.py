"""Searching repositories by words and qualifiers."""

from collections.abc import Callable, Mapping

from localforge.call import Answer, Call, ok
from localforge.issues.search import Term, in_scope, terms
from localforge.json_types import Json
from localforge.operations import Area
from localforge.paging import page_of
from localforge.render.repository import repository
from localforge.rest.search_issues import RESULTS_SHOWN, asked_for
from localforge.store.repos import Repository

area = Area()


@area("GET", "/search/repositories", "search/repos", resource="search")
def search(call: Call) -> Answer:
    """Repositories with every word in name, description or topics; forks only when `fork` says so."""
    parsed = list(terms(asked_for(call)))
    where = ",".join(term.value for term in parsed if term.name == "in") or "name,description,topics"
    forks = next((term.value for term in parsed if term.name == "fork"), "false")
    found = [
        repo
        for repo in in_scope(call.db, call.actor, parsed)
        if _is_wanted_fork(repo, forks)
        and all(_holds(repo, term, where.split(",")) != term.negated for term in parsed)
    ]
    key, newest_first = _ORDERS[call.query.choice("sort", tuple(_ORDERS), "")]
    found.sort(key=key, reverse=newest_first and call.query.get("order") != "asc")
    view, page = call.view, page_of(call, found[:RESULTS_SHOWN])
    items: list[Json] = [{**repository(view, repo), "score": 1.0} for repo in page.items]
    return ok({"total_count": page.total, "incomplete_results": False, "items": items}, headers=page.headers)


_ORDERS: Mapping[str, tuple[Callable[[Repository], str], bool]] = {
    "": (lambda repo: repo.name.casefold(), False),
    "stars": (lambda repo: repo.name.casefold(), False),
    "forks": (lambda repo: repo.name.casefold(), False),
    "help-wanted-issues": (lambda repo: repo.name.casefold(), False),
    "updated": (lambda repo: repo.updated_at, True),
}


def _is_wanted_fork(repo: Repository, asked: str) -> bool:
    return asked == "true" or (asked == "only") == (repo.parent_id is not None)


def _holds(repo: Repository, term: Term, places: list[str]) -> bool:
    """Whether the repository is as the term says; a qualifier that is unknown here limits nothing, as on GitHub."""
    wanted = term.value.casefold()
    match term.name:
        case None:
            texts = {
                "name": repo.name,
                "description": repo.description or "",
                "topics": " ".join(repo.topics),
            }
            return any(wanted in texts.get(place, "").casefold() for place in places)
        case "topic":
            return wanted in repo.topics
        case "language":
            return wanted in {name.casefold() for name in repo.languages}
        case "archived":
            return repo.archived == (wanted == "true")
        case "is" | "visibility":
            return {"public": not repo.private, "private": repo.private}.get(wanted, True)
        case _:
            return not term.negated
