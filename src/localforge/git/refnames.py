"""Names of refs: which are valid, what exists, what a name in a request stands for. Git is their only home."""

import re
from dataclasses import dataclass

from localforge.git.directory import GitDir
from localforge.git.loose import no_ref

SHA = re.compile(r"[0-9a-f]{40}")
_SHORT_SHA = re.compile(r"[0-9a-f]{4,39}")
# What git-check-ref-format(1) forbids.
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(/|$)|^[./]|[./]$|^@$")

BRANCH = "refs/heads/"
TAG = "refs/tags/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ref:
    """A ref and what it points at; `kind` is the object's (a tag object for an annotated tag)."""

    name: str
    sha: str
    kind: str


def valid(name: str) -> bool:
    """Whether a full ref name is well formed."""
    return name.startswith("refs/") and name.count("/") >= 2 and not _FORBIDDEN.search(name)


def head_branch(git: GitDir) -> str:
    """The default branch: where HEAD points, whether or not the branch exists yet."""
    return branch_in((git.path / "HEAD").read_text())


def branch_in(head: str) -> str:
    """The branch that the text of a HEAD names."""
    return head.removeprefix(f"ref: {BRANCH}").strip()


def ref(git: GitDir, name: str) -> Ref | None:
    """The ref of this full name, or None."""
    if not valid(name) or no_ref(git.path, name):
        return None
    found = git.info(name)
    return Ref(name=name, sha=found[0], kind=found[1]) if found else None


def refs(git: GitDir, prefix: str) -> list[Ref]:
    """Every ref whose name begins with the prefix (`refs/heads/`, `refs/tags/v1`), in git's order."""
    folder = prefix[: prefix.rindex("/") + 1]
    listing = git.text("for-each-ref", "--format=%(objectname) %(objecttype) %(refname)", folder)
    rows = (line.split(" ", 2) for line in listing.splitlines())
    return [Ref(name=name, sha=sha, kind=kind) for sha, kind, name in rows if name.startswith(prefix)]


def branch_sha(git: GitDir, branch: str) -> str | None:
    """The commit at the head of a branch, or None."""
    found = ref(git, BRANCH + branch)
    return found.sha if found else None


def commit_sha(git: GitDir, name: str) -> str | None:
    """The commit that a name in a request means: a sha (4 digits or more), branch, tag, or full ref name.

    Revision expressions (`main~3`) mean nothing here, as on GitHub.
    """
    if name == "HEAD":
        name = BRANCH + head_branch(git)
    candidates = []
    if SHA.fullmatch(name.lower()):
        candidates.append(name.lower())
    candidates += [prefix + name for prefix in (BRANCH, TAG, "refs/", "") if valid(prefix + name)]
    if _SHORT_SHA.fullmatch(name.lower()):
        candidates.append(name.lower())
    for candidate in candidates:
        found = git.info(candidate + "^{commit}")
        if found and found[1] == "commit":
            return found[0]
    return None
