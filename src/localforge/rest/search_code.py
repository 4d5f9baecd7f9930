"""Searching files of default branches: `git grep` in one repository after the other, within bounds."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from localforge.call import Answer, Call, ok
from localforge.errors import FieldError, InvalidError
from localforge.git import refnames
from localforge.git.directory import GitDir
from localforge.issues.search import Term, in_scope, terms
from localforge.json_types import Json
from localforge.operations import Area
from localforge.paging import page_of
from localforge.render.repository import repository
from localforge.rest.search_issues import RESULTS_SHOWN, asked_for
from localforge.store.repos import Repository
from localforge.urls import quoted

area = Area()

MOST_REPOSITORIES = 200
MOST_WORDS = 16
LARGEST_FILE = 384 << 10
_FRAGMENT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A file in which every word is."""

    repo: Repository
    commit: str
    path: str


@area("GET", "/search/code", "search/code", login=True, resource="search")
def search(call: Call) -> Answer:
    """Files that hold every word; limited by `repo`, `org`, `user`, `path`, `filename`, `extension` and `language`."""
    parsed = list(terms(asked_for(call)))
    words = [term.value for term in parsed if term.name is None and term.value][:MOST_WORDS]
    if not words:
        message = "The search must contain at least one word to look for."
        raise InvalidError(
            errors=(FieldError(resource="Search", field="q", code="invalid", message=message),)
        )
    scope = in_scope(call.db, call.actor, parsed)
    found: list[Hit] = []
    for repo in scope[:MOST_REPOSITORIES]:
        found += _in_repository(call, repo, words, parsed)
        if len(found) >= RESULTS_SHOWN:
            break
    incomplete = len(scope) > MOST_REPOSITORIES or len(found) > RESULTS_SHOWN
    page = page_of(call, found[:RESULTS_SHOWN])
    return ok(
        {
            "total_count": page.total,
            "incomplete_results": incomplete,
            "items": [_item(call, hit, words) for hit in page.items],
        },
        headers=page.headers,
    )


def _in_repository(
    call: Call, repo: Repository, words: Sequence[str], parsed: Sequence[Term]
) -> Iterator[Hit]:
    git = call.forge.git(repo.id)
    head = refnames.branch_sha(git, refnames.head_branch(git))
    if head is None:
        return
    for path in _grep(git, head, words):
        if all(_fits(term, path) != term.negated for term in parsed if term.name in _FILTERS):
            yield Hit(repo=repo, commit=head, path=path)


def _grep(git: GitDir, head: str, words: Sequence[str]) -> list[str]:
    """Paths of text files in which all words are, in any letter case."""
    patterns = [part for word in words for part in ("--or", "-e", word)][1:]
    status, output, _ = git.attempt(
        "grep", "-l", "-z", "-I", "-i", "-F", "--all-match", "--max-depth=-1", *patterns, head
    )
    if status:
        return []
    names = output.decode("utf-8", "surrogateescape").split("\0")
    return [name.removeprefix(f"{head}:") for name in names if name]


_FILTERS = frozenset({"path", "filename", "extension", "language"})
_LANGUAGES = {
    "python": ("py", "pyi"),
    "javascript": ("js", "mjs", "cjs"),
    "typescript": ("ts", "tsx"),
    "yaml": ("yml", "yaml"),
    "markdown": ("md",),
    "shell": ("sh", "bash"),
    "json": ("json",),
    "go": ("go",),
    "rust": ("rs",),
    "toml": ("toml",),
}


def _fits(term: Term, path: str) -> bool:
    name = path.rpartition("/")[2]
    wanted = term.value.casefold()
    extension = name.rpartition(".")[2].casefold() if "." in name else ""
    match term.name:
        case "path":
            return path.casefold().startswith(wanted.strip("/")) or wanted == "/"
        case "filename":
            return wanted in name.casefold()
        case "extension":
            return extension == wanted.removeprefix(".")
        case _:
            return extension in _LANGUAGES.get(wanted, (wanted,))


def _item(call: Call, hit: Hit, words: Sequence[str]) -> dict[str, Json]:
    """`code-search-result-item`."""
    full_name = call.view.full_name(hit.repo)
    api, path = call.urls.repo(full_name), quoted(hit.path)
    found = call.forge.git(hit.repo.id).info(f"{hit.commit}:{hit.path}")
    sha = found[0] if found else ""
    url = f"{api}/contents/{path}?ref={hit.commit}"
    item: dict[str, Json] = {
        "name": hit.path.rpartition("/")[2],
        "path": hit.path,
        "sha": sha,
        "url": url,
        "git_url": f"{api}/git/blobs/{sha}",
        "html_url": call.urls.page(full_name, "blob", hit.commit, hit.path),
        "repository": repository(call.view, hit.repo),
        "score": 1.0,
    }
    if "text-match" in call.headers.get("accept", ""):
        item["text_matches"] = _matches(call, hit, words, url)
    return item


def _matches(call: Call, hit: Hit, words: Sequence[str], url: str) -> list[Json]:
    """Where the words are: the first line of each, as GitHub shows them to who accepts `text-match`."""
    blob = call.forge.git(hit.repo.id).object(f"{hit.commit}:{hit.path}")
    text = blob.data[:LARGEST_FILE].decode("utf-8", "replace") if blob else ""
    shown: list[Json] = []
    for word in words:
        for line in text.splitlines():
            found = re.search(re.escape(word), line[:_FRAGMENT], re.IGNORECASE)
            if found:
                places: list[Json] = [{"text": found[0], "indices": [found.start(), found.end()]}]
                shown.append(
                    {
                        "object_url": url,
                        "object_type": "FileContent",
                        "property": "content",
                        "fragment": line[:_FRAGMENT],
                        "matches": places,
                    }
                )
                break
    return shown
