"""Files, history, single commits."""

from dataclasses import dataclass

from localforge.call import Answer, Call, redirect
from localforge.errors import NotFoundError
from localforge.git import refnames
from localforge.git.diff import changed_files, parent_tree
from localforge.git.edit import entry_at, malformed
from localforge.git.history import Walk, newest_first
from localforge.git.objects import Commit, TreeEntry, commit, tree
from localforge.operations import MEBIBYTE, Area
from localforge.pages.page import page
from localforge.pages.plain import commit_text, form_of
from localforge.store import checks, statuses

area = Area()

_PER_PAGE = 50
_LAST_PAGE = 100_000
MOST_FILES = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in the repository: the name of a ref or a sha as asked for, its commit, a path (empty: the top)."""

    ref: str
    sha: str
    path: str

    @property
    def crumbs(self) -> list[tuple[str, str]]:
        """Every folder on the way, and the end itself, as (name, path)."""
        parts = self.path.split("/") if self.path else []
        return [(name, "/".join(parts[: number + 1])) for number, name in enumerate(parts)]


@area("GET", "/{owner}/{repo}/tree/{rest*}", "page/tree", needs="contents:read", page=True)
def folder(call: Call) -> Answer:
    """The entries of a folder, folders first."""
    place = _place(call)
    entries = tree(call.git, f"{place.sha}:{place.path}")
    if entries is None:
        return _elsewhere(call, place, "blob")
    rows = sorted(entries, key=lambda entry: (entry.kind != "tree", entry.name))
    return page(call, "tree", place=place, entries=rows)


@area("GET", "/{owner}/{repo}/blob/{rest*}", "page/blob", needs="contents:read", page=True)
def file(call: Call) -> Answer:
    """A file with numbered lines, unless it is binary or larger than a mebibyte."""
    place = _place(call)
    entry = entry_at(call.git, f"{place.sha}^{{tree}}", place.path) if place.path else None
    if entry is None or entry.kind != "blob":
        return _elsewhere(call, place, "tree")
    return page(call, "blob", place=place, entry=entry, size=_size(call, entry), lines=_lines(call, entry))


@area("GET", "/{owner}/{repo}/commits/{ref*}", "page/commits", needs="contents:read", page=True)
def history(call: Call) -> Answer:
    """History from a branch, tag or sha, newest first."""
    sha = refnames.commit_sha(call.git, call.params["ref"])
    if sha is None:
        raise NotFoundError
    number = min(max(1, call.query.number("page", 1)), _LAST_PAGE)
    found = newest_first(call.git, Walk(include=(sha,)), _PER_PAGE + 1, (number - 1) * _PER_PAGE)
    older = number + 1 if len(found) > _PER_PAGE else None
    return page(
        call, "commits", ref=call.params["ref"], commits=found[:_PER_PAGE], number=number, older=older
    )


@area("GET", "/{owner}/{repo}/commit/{sha}", "page/commit", needs="contents:read", page=True)
def one(call: Call) -> Answer:
    """A commit: its message, people, checks and changes against its first parent; `<sha>.diff`: these alone."""
    if form_of(call.params["sha"]):
        return commit_text(call, call.params["sha"])
    sha = refnames.commit_sha(call.git, call.params["sha"])
    item = commit(call.git, sha) if sha else None
    if item is None:
        raise NotFoundError
    files = changed_files(call.git, parent_tree(item), item.sha)
    return page(
        call,
        "commit",
        commit=item,
        files=files[:MOST_FILES],
        total=len(files),
        **checks_of(call, item.sha),
    )


def checks_of(call: Call, sha: str) -> dict[str, object]:
    """The newest check runs and statuses of a commit, for the template `checks`."""
    runs = checks.runs_of_commit(call.db, call.repo.id, sha)
    return {"check_runs": runs, "statuses": statuses.latest(call.db, call.repo.id, sha)}


def commits_between(call: Call, base: str, head: str, limit: int) -> list[Commit]:
    """What a head has that a base lacks, newest first."""
    return newest_first(call.git, Walk(include=(head,), exclude=(base,)), limit)


def _place(call: Call) -> Place:
    """Ref and path share their slashes: the shortest ref that exists counts."""
    parts = call.params["rest"].split("/")
    for length in range(1, len(parts) + 1):
        ref, path = "/".join(parts[:length]), "/".join(parts[length:])
        sha = refnames.commit_sha(call.git, ref)
        if sha and not (path and malformed(path)):
            return Place(ref=ref, sha=sha, path=path)
    raise NotFoundError


def _elsewhere(call: Call, place: Place, kind: str) -> Answer:
    """To the page of what the path really is; 404 when nothing is there."""
    found = call.git.info(f"{place.sha}:{place.path}")
    if found is None or found[1] != kind:
        raise NotFoundError
    return redirect(call.urls.page(call.view.full_name(call.repo), kind, place.ref, place.path))


def _size(call: Call, entry: TreeEntry) -> int:
    found = call.git.info(entry.sha)
    return found[2] if found else 0


def _lines(call: Call, entry: TreeEntry) -> list[str] | None:
    """The file's lines; None when it is not to be shown."""
    if _size(call, entry) > MEBIBYTE:
        return None
    found = call.git.object(entry.sha)
    if found is None or b"\0" in found.data[:8000]:
        return None
    return found.data.decode("utf-8", "replace").removesuffix("\n").split("\n")
