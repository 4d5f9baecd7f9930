"""Whose actions and workflows a repository may use: its own, public ones, and private ones that are shared with it.

Source: docs.github.com, "Managing GitHub Actions settings for a repository", "Reusing workflow configurations"; the
GitHub changelog of 2026-07-30 for `$/`.
"""

import re
from dataclasses import dataclass

from localforge.forge import Forge
from localforge.git import objects, refnames
from localforge.store import accounts, repos
from localforge.store.database import Db
from localforge.store.repos import Repository

# What is in the repository of the file that says it, at that file's commit.
OWN = "$/"
ACCESS = "actions_access"
LEVELS = ("none", "user", "organization")
_NAMED = re.compile(r"(?P<owner>[^/@]+)/(?P<repo>[^/@]+)(?:/(?P<path>[^@]*))?@(?P<ref>.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A path in a repository of this forge at a commit; `sha` is empty when `ref` names none."""

    repo: Repository
    name: str
    path: str
    ref: str
    sha: str

    @property
    def origin(self) -> str:
        """Where its own `$/` leads."""
        return f"{self.repo.id}:{self.sha}"


def own(db: Db, origin: str, path: str) -> Source | None:
    """A path of the repository and commit that `origin` (`id:sha`) says."""
    repo_id, _, sha = origin.partition(":")
    repo = repos.by_id(db, int(repo_id))
    return _source(db, repo, path, (sha, sha)) if repo else None


def of_another(forge: Forge, db: Db, user: Repository, uses: str) -> Source | None:
    """What `owner/repo[/path]@ref` names; None when `user` may not use it, or there is none. Old names do not count."""
    match = _NAMED.fullmatch(uses)
    repo = repos.by_name(db, match["owner"], match["repo"]) if match else None
    if match is None or repo is None or not shared(db, repo, user):
        return None
    ref = match["ref"]
    return _source(db, repo, (match["path"] or "").strip("/"), (ref, _commit(forge, repo, ref)))


def shared(db: Db, repo: Repository, user: Repository) -> bool:
    """Whether what is in `repo` may be used from `user`: a private one by its owner's other private ones, if it says so."""
    if not repo.private or repo.id == user.id:
        return True
    return user.private and repo.owner_id == user.owner_id and access_level(db, repo) != LEVELS[0]


def access_level(db: Db, repo: Repository) -> str:
    """Who may use what is in a private repository: `none`, or all of the `user` or `organization` that owns it."""
    wide = LEVELS[2] if accounts.by_id(db, repo.owner_id).kind == "Organization" else LEVELS[1]
    return wide if repo.settings.get(ACCESS, LEVELS[0]) == wide else LEVELS[0]


def _source(db: Db, repo: Repository, path: str, at: tuple[str, str]) -> Source:
    name = f"{accounts.by_id(db, repo.owner_id).login}/{repo.name}"
    return Source(repo=repo, name=name, path=path, ref=at[0], sha=at[1])


def _commit(forge: Forge, repo: Repository, ref: str) -> str:
    """The commit that a branch, tag or commit id names; empty when none."""
    git = forge.git(repo.id)
    names = (ref,) if ref.startswith("refs/") else (refnames.TAG + ref, refnames.BRANCH + ref)
    for name in names:
        if sha := refnames.commit_sha(git, name):
            return sha
    found = objects.commit(git, ref) if re.fullmatch(r"[0-9a-f]{40}", ref) else None
    return found.sha if found else ""
