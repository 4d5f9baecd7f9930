"""Calls of workflows as a run has them: which files are called, and which secrets and permissions their jobs get.

A run keeps the text of every called file as it was when it began, so that a rerun calls the same.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import cast

from localforge.actions import sources
from localforge.actions.expressions import Environment, to_text
from localforge.actions.progress import Progress, job_environment, leg_environment
from localforge.actions.workflow.linking import DEFAULT_PERMISSIONS, Found, link
from localforge.actions.workflow.model import InvalidWorkflow, Job, Workflow
from localforge.actions.workflow.reader import read_workflow
from localforge.actions.workflow.tree import resolve
from localforge.forge import Forge
from localforge.json_types import Json, decode, encode
from localforge.store.database import Db
from localforge.store.repos import Repository

LARGEST_FILE = 512 << 10
# Both mean the caller's own repository and commit.
OWN = ("./", sources.OWN)

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
        found = _found(forge, db, repo, uses, origin or f"{repo.id}:{sha}")
        if found is not None:
            kept[f"{origin}|{uses}"] = found
            return Found(name=str(found["name"]), source=str(found["source"]), origin=str(found["origin"]))
        return None

    link(workflow, fetch)
    return kept


def _found(forge: Forge, db: Db, repo: Repository, uses: str, origin: str) -> dict[str, Json] | None:
    """A called file of the caller's own commit, or of a repository that this one may use."""
    if uses.startswith(OWN):
        source = sources.own(db, origin, uses[len(OWN[0]) :])
    else:
        source = sources.of_another(forge, db, repo, uses)
    if source is None or not source.sha or not source.path:
        return None
    blob = forge.git(source.repo.id).object(f"{source.sha}:{source.path}")
    if blob is None or blob.kind != "blob" or len(blob.data) > LARGEST_FILE:
        return None
    return {
        "name": uses,
        "source": blob.data.decode("utf-8", "replace"),
        "origin": source.origin,
        "path": f"{source.name}/{source.path}@{source.ref}",
        "sha": source.sha,
    }


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
