"""From an occasion to workflow runs: which files listen, whether their filters pass, which runs begin.

Source: docs.github.com, "Events that trigger workflows" and "Workflow syntax", `on`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from localforge.actions.approving import must_wait
from localforge.actions.calling import parsed
from localforge.actions.crons import crons_of
from localforge.actions.lifecycle import NewRun, create
from localforge.actions.workflow.filters import paths_pass, ref_passes
from localforge.actions.workflow.model import InvalidWorkflow, Trigger, Workflow
from localforge.forge import Forge
from localforge.git import objects, refnames
from localforge.git.directory import GitDir
from localforge.json_types import Json
from localforge.store import actions, timetable
from localforge.store.database import Tx
from localforge.store.repos import Repository
from localforge.store.timetable import Cron

FOLDER = ".github/workflows"
LARGEST_FILE = 512 << 10
_PULL_TYPES = ("opened", "synchronize", "reopened")
DEFAULT_TYPES = {"pull_request": _PULL_TYPES, "pull_request_target": _PULL_TYPES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """What may begin runs: the event as workflows know it, the commit whose files count, and what filters look at.

    `after_workflow` is the workflow whose run a `workflow_run` event tells of.
    """

    event: str
    action: str | None
    sha: str
    head_sha: str
    ref: str
    head_branch: str
    filtered_ref: str
    actor_id: int
    title: str
    payload: Mapping[str, Json]
    changed: Callable[[], Sequence[str]] = tuple
    after_workflow: str | None = None
    base_branch: str | None = None
    pull_number: int | None = None
    head_repo_id: int | None = None

    def at(self, sha: str, ref: str) -> "Occasion":
        """The same on another commit and ref."""
        return replace(self, sha=sha, ref=ref)

    def as_event(self, event: str) -> "Occasion":
        """The same under another name."""
        return replace(self, event=event)

    def after(self, workflow: str, branch: str, title: str) -> "Occasion":
        """The same, told of a run of this workflow on this branch."""
        filtered = refnames.BRANCH + branch
        return replace(self, after_workflow=workflow, filtered_ref=filtered, title=title)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowFile:
    path: str
    source: str


def workflow_files(git: GitDir, sha: str) -> Iterator[WorkflowFile]:
    """The workflow files of a commit, by name."""
    for entry in objects.tree(git, f"{sha}:{FOLDER}") or ():
        if entry.kind == "blob" and entry.name.endswith((".yml", ".yaml")):
            found = git.info(entry.sha)
            blob = git.object(entry.sha) if found and found[2] <= LARGEST_FILE else None
            text = blob.data.decode("utf-8", "replace") if blob else f"# larger than {LARGEST_FILE} bytes"
            yield WorkflowFile(path=f"{FOLDER}/{entry.name}", source=text)


def begun(
    files: "Iterator[WorkflowFile] | Sequence[WorkflowFile]", occasion: Occasion
) -> Iterator[WorkflowFile]:
    """The files that this occasion begins a run of; an invalid one always does, to say so."""
    for file in files:
        read = parsed(file.path, file.source)
        if isinstance(read, InvalidWorkflow) or any(listens(trigger, occasion) for trigger in read.triggers):
            yield file


def listens(trigger: Trigger, occasion: Occasion) -> bool:
    """Whether the trigger is for this event and its filters pass."""
    if trigger.event != occasion.event:
        return False
    types = DEFAULT_TYPES.get(occasion.event) if trigger.types is None else trigger.types
    if occasion.action is not None and types is not None and occasion.action not in types:
        return False
    if occasion.after_workflow is not None and occasion.after_workflow not in (trigger.workflows or ()):
        return False
    if not ref_passes(trigger, occasion.filtered_ref):
        return False
    filters_paths = trigger.paths is not None or trigger.paths_ignore is not None
    if not filters_paths or occasion.filtered_ref.startswith(refnames.TAG):
        return True
    return paths_pass(trigger, occasion.changed())


def create_all(
    forge: Forge, tx: Tx, repo: Repository, files: Sequence[WorkflowFile], occasion: Occasion
) -> None:
    states = {row.path: row.state for row in actions.workflows(tx, repo.id)}
    otherwise = "active" if repo.parent_id is None else "disabled_fork"
    for file in files:
        if not states.get(file.path, otherwise).startswith("disabled"):
            new = new_run(repo, file, occasion)
            create(forge, tx, new, waits=must_wait(tx, new))


def new_run(repo: Repository, file: WorkflowFile, occasion: Occasion) -> NewRun:
    """The run of one file on one occasion."""
    return NewRun(
        repo_id=repo.id,
        path=file.path,
        source=file.source,
        event=occasion.event,
        payload=occasion.payload,
        title=occasion.title,
        ref=occasion.ref,
        sha=occasion.sha,
        head_sha=occasion.head_sha,
        head_branch=occasion.head_branch,
        base_branch=occasion.base_branch,
        pull_number=occasion.pull_number,
        head_repo_id=occasion.head_repo_id,
        actor_id=occasion.actor_id,
    )


def register(forge: Forge, tx: Tx, repo: Repository, files: Sequence[WorkflowFile], actor_id: int) -> None:
    """The repository's workflows are the files of its default branch; those that went are marked deleted.

    `actor_id` is whom scheduled runs name as their actor from now on.
    """
    at = forge.clock()
    crons: list[Cron] = []
    for file in files:
        read = parsed(file.path, file.source)
        name = (read.name if isinstance(read, Workflow) else None) or file.path
        row = actions.register(tx, repo.id, file.path, name, at)
        crons += crons_of(read, row.id, at) if isinstance(read, Workflow) else ()
    timetable.replace_all(tx, repo.id, crons, actor_id)
    present = {file.path for file in files}
    for row in actions.workflows(tx, repo.id):
        if row.path not in present and row.state != "deleted":
            tx.update("workflow", row.id, state="deleted", updated_at=at)


def register_default(forge: Forge, repo: Repository, wanted: str = "") -> None:
    """Know the workflows of the default branch also of a repository that was never pushed to (an import).

    `wanted` is a file's path, or its name alone, that is known at once even if its push was a moment ago.
    """

    def is_wanted(path: str) -> bool:
        return wanted in {path, path.rpartition("/")[2]}

    known = [row.path for row in actions.workflows(forge.store.db, repo.id) if row.state != "deleted"]
    if known and (not wanted or wanted.isdecimal() or any(map(is_wanted, known))):
        return
    git = forge.git(repo.id)
    sha = refnames.branch_sha(git, refnames.head_branch(git))
    files = list(workflow_files(git, sha)) if sha else []
    if files and (not known or any(is_wanted(file.path) for file in files)):
        with forge.store.write() as tx:
            register(forge, tx, repo, files, repo.owner_id)
