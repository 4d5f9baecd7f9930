"""Calls of workflows as a run has them: which files are called, and which secrets and permissions their jobs get.

A run keeps the text of every called file as it was when it began, so that a rerun calls the same.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import cast

from localforge.actions.expressions import Environment, to_text
from localforge.actions.progress import Progress, job_environment, leg_environment
from localforge.actions.workflow.linking import DEFAULT_PERMISSIONS, Found, link
from localforge.actions.workflow.model import InvalidWorkflow, Job, Workflow
from localforge.actions.workflow.reader import read_workflow
from localforge.actions.workflow.tree import resolve
from localforge.forge import Forge
from localforge.git import objects, refnames
from localforge.json_types import Json, decode, encode
from localforge.store import accounts, repos
from localforge.store.database import Db
from localforge.store.repos import Repository

LARGEST_FILE = 512 << 10
# Both mean the caller's own repository and commit (GitHub changelog, 2026-07-30, of `$/`).
OWN = ("./", "$/")
_REMOTE = re.compile(r"(?P<owner>[^/@]+)/(?P<repo>[^/@]+)/(?P<path>[^@]+)@(?P<ref>.+)")

Called = Mapping[str, Json]


@lru_cache(maxsize=256)
def parsed(path: str, source: str) -> Workflow | InvalidWorkflow:
    """The workflow in this text, without what it calls; read once for all that ask."""
    return read_workflow(path, source)


def linked(path: str, source: str, called: Called) -> Workflow | InvalidWorkflow:
    """The workflow with the called files that a run keeps."""
    return _linked(path, source, encode(called).decode())


@lru_cache(maxsize=256)
def _linked(path: str, source: str, called: str) -> Workflow | InvalidWorkflow:
    read = parsed(path, source)
    if isinstance(read, InvalidWorkflow):
        return read
    kept = cast("Mapping[str, Mapping[str, str]]", decode(called))

    def fetch(uses: str, origin: str) -> Found | None:
        row = kept.get(f"{origin}|{uses}")
        return Found(name=row["name"], source=row["source"], origin=row["origin"]) if row else None

    return link(read, fetch)


def find_called(forge: Forge, db: Db, repo: Repository, sha: str, workflow: Workflow) -> dict[str, Json]:
    """Every file that the workflow calls, directly or not, by who calls it; those that cannot be found are left out."""
    kept: dict[str, Json] = {}

    def fetch(uses: str, origin: str) -> Found | None:
        home, _, at = (origin or f"{repo.id}:{sha}").partition(":")
        found = _found(forge, db, repo, uses, (int(home), at))
        if found is not None:
            kept[f"{origin}|{uses}"] = found
            return Found(name=str(found["name"]), source=str(found["source"]), origin=str(found["origin"]))
        return None

    link(workflow, fetch)
    return kept


def _found(
    forge: Forge, db: Db, repo: Repository, uses: str, home: tuple[int, str]
) -> dict[str, Json] | None:
    """A called file of the caller's own commit, or of a repository that is public or of the same owner."""
    if uses.startswith(OWN):
        target, path, sha = repos.by_id(db, home[0]), uses[len(OWN[0]) :], home[1]
        ref = sha
    else:
        match = _REMOTE.fullmatch(uses)
        target = repos.by_name(db, match["owner"], match["repo"]) if match else None
        if match is None or target is None or (target.private and target.owner_id != repo.owner_id):
            return None
        path, ref = match["path"], match["ref"]
        sha = _commit(forge, target, ref)
    blob = forge.git(target.id).object(f"{sha}:{path}") if target and sha else None
    if target is None or blob is None or blob.kind != "blob" or len(blob.data) > LARGEST_FILE:
        return None
    full_name = f"{accounts.by_id(db, target.owner_id).login}/{target.name}"
    return {
        "name": uses,
        "source": blob.data.decode("utf-8", "replace"),
        "origin": f"{target.id}:{sha}",
        "path": f"{full_name}/{path}@{ref}",
        "sha": sha,
    }


def _commit(forge: Forge, repo: Repository, ref: str) -> str:
    """The commit that a branch, tag or commit id names; empty when none."""
    git = forge.git(repo.id)
    names = (ref,) if ref.startswith("refs/") else (refnames.TAG + ref, refnames.BRANCH + ref)
    for name in names:
        if sha := refnames.commit_sha(git, name):
            return sha
    found = objects.commit(git, ref) if re.fullmatch(r"[0-9a-f]{40}", ref) else None
    return found.sha if found else ""


def secrets_within(progress: Progress, secrets: Mapping[str, str]) -> dict[str, str]:
    """The secrets that jobs of a call get: what its caller passes on. Raises ExpressionError."""
    caller = progress.caller
    if caller is None:
        return dict(secrets)
    outer, call = secrets_within(caller.progress, secrets), caller.job.call
    if call is None or call.inherits:
        return outer
    environment = leg_environment(job_environment(caller.progress, caller.job), caller.leg)
    seen = Environment(
        contexts={**environment.contexts, "secrets": dict(outer)}, functions=environment.functions
    )
    return {name: to_text(resolve(node, seen)) for name, node in call.secrets.items()}


def permissions_within(progress: Progress, job: Job) -> Mapping[str, str]:
    """What `permissions` gives a job: its own, else its workflow's, else its caller's, else the default."""
    if job.permissions is not None:
        return job.permissions
    if progress.workflow.permissions is not None:
        return progress.workflow.permissions
    caller = progress.caller
    return permissions_within(caller.progress, caller.job) if caller else DEFAULT_PERMISSIONS
