"""From what happened in a repository to workflow runs: which files listen, whether their filters pass, on what they run.

Source: docs.github.com, "Events that trigger workflows", push and pull_request.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from localforge.actions import payload
from localforge.actions.lifecycle import NewRun, create, parsed
from localforge.actions.workflow.filters import paths_pass, ref_passes
from localforge.actions.workflow.model import InvalidWorkflow, Trigger, Workflow
from localforge.bus import Reaction, Subscriber
from localforge.events import ZERO_SHA, Event, PullRequestEvent, Push
from localforge.forge import Forge
from localforge.git import objects, refnames
from localforge.git.directory import GitDir
from localforge.git.history import merge_base
from localforge.json_types import Json
from localforge.pulls.testmerge import merge_ref, tried
from localforge.render.view import View
from localforge.store import actions, issues, pulls, repos
from localforge.store.database import Tx
from localforge.store.issues import Issue
from localforge.store.pulls import Pull
from localforge.store.repos import Repository

FOLDER = ".github/workflows"
LARGEST_FILE = 512 << 10
DEFAULT_PULL_TYPES = ("opened", "synchronize", "reopened")
_SKIP_WORDS = ("[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """What may begin runs: the event as workflows know it, the commit whose files count, and what filters look at."""

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
    changed: Callable[[], Sequence[str]]
    base_branch: str | None = None
    pull_number: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowFile:
    path: str
    source: str


def subscriber(forge: Forge) -> Subscriber:
    """Begins runs for pushes and pull requests."""

    def react(event: Event, _event_id: int, _at: str) -> Reaction | None:
        match event:
            case Push():
                return _on_push(forge, event)
            case PullRequestEvent():
                return _on_pull(forge, event)
            case _:
                return None

    return Subscriber(name="actions", react=react)


def _on_push(forge: Forge, event: Push) -> Reaction | None:
    repo = repos.by_id(forge.store.db, event.repo_id)
    if repo is None or event.after == ZERO_SHA:
        return None
    git = forge.git(repo.id)
    commit_sha = refnames.commit_sha(git, event.after)
    commit = objects.commit(git, commit_sha) if commit_sha else None
    if commit is None:
        return None
    files = list(workflow_files(git, commit.sha))
    is_default = event.ref == refnames.BRANCH + refnames.head_branch(git)
    occasion = Occasion(
        event="push",
        action=None,
        sha=commit.sha,
        head_sha=commit.sha,
        ref=event.ref,
        head_branch=event.ref.removeprefix(refnames.BRANCH).removeprefix(refnames.TAG),
        filtered_ref=event.ref,
        actor_id=event.actor_id,
        title=commit.message.partition("\n")[0],
        payload=payload.push_payload(View(forge=forge, urls=payload.PLACEHOLDER), repo, event),
        changed=lambda: _pushed_paths(git, event, commit.sha),
    )
    begins = [] if _skipped(commit.message) else list(_begun(files, occasion))

    def write(tx: Tx) -> None:
        if is_default:
            _register(forge, tx, repo, files)
        _create_all(forge, tx, repo, begins, occasion)

    return write if begins or is_default else None


def _on_pull(forge: Forge, event: PullRequestEvent) -> Reaction | None:
    db = forge.store.db
    repo = repos.by_id(db, event.repo_id)
    pull = pulls.by_number(db, event.repo_id, event.pull_number)
    issue = issues.by_number(db, event.repo_id, event.pull_number)
    if repo is None or pull is None or issue is None:
        return None
    occasion = _pull_occasion(forge, repo, issue, pull, event)
    if occasion is None or _skipped(_message(forge.git(repo.id), pull.head_sha)):
        return None
    files = workflow_files(forge.git(repo.id), occasion.sha)
    begins = [
        file for file in _begun(files, occasion) if isinstance(parsed(file.path, file.source), Workflow)
    ]
    return (lambda tx: _create_all(forge, tx, repo, begins, occasion)) if begins else None


def _pull_occasion(
    forge: Forge, repo: Repository, issue: Issue, pull: Pull, event: PullRequestEvent
) -> Occasion | None:
    """A pull request runs on its test merge, a merged one on the merge; None when it conflicts."""
    git = forge.git(repo.id)
    sha, ref = pull.merge_commit_sha, refnames.BRANCH + pull.base_ref
    if sha is None:
        test = tried(forge, pull)
        sha, ref = (test.merge_sha if test else None), merge_ref(pull.number)
    if sha is None:
        return None
    view = View(forge=forge, urls=payload.PLACEHOLDER)
    return Occasion(
        event="pull_request",
        action=event.action,
        sha=sha,
        head_sha=pull.head_sha,
        ref=ref,
        head_branch=pull.head_ref,
        base_branch=pull.base_ref,
        filtered_ref=refnames.BRANCH + pull.base_ref,
        pull_number=pull.number,
        actor_id=event.actor_id,
        title=issue.title,
        payload=payload.pull_payload(view, repo, issue, pull, action=event.action, actor_id=event.actor_id),
        changed=lambda: _changed_paths(git, merge_base(git, pull.base_sha, pull.head_sha), pull.head_sha),
    )


def workflow_files(git: GitDir, sha: str) -> Iterator[WorkflowFile]:
    """The workflow files of a commit, by name."""
    for entry in objects.tree(git, f"{sha}:{FOLDER}") or ():
        if entry.kind == "blob" and entry.name.endswith((".yml", ".yaml")):
            found = git.info(entry.sha)
            blob = git.object(entry.sha) if found and found[2] <= LARGEST_FILE else None
            text = blob.data.decode("utf-8", "replace") if blob else f"# larger than {LARGEST_FILE} bytes"
            yield WorkflowFile(path=f"{FOLDER}/{entry.name}", source=text)


def _begun(
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
    if occasion.action is not None and occasion.action not in (trigger.types or DEFAULT_PULL_TYPES):
        return False
    if not ref_passes(trigger, occasion.filtered_ref):
        return False
    filters_paths = trigger.paths is not None or trigger.paths_ignore is not None
    if not filters_paths or occasion.filtered_ref.startswith(refnames.TAG):
        return True
    return paths_pass(trigger, occasion.changed())


def _create_all(
    forge: Forge, tx: Tx, repo: Repository, files: Sequence[WorkflowFile], occasion: Occasion
) -> None:
    disabled = {row.path for row in actions.workflows(tx, repo.id) if row.state == "disabled_manually"}
    for file in files:
        if file.path not in disabled:
            create(forge, tx, new_run(repo, file, occasion))


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
        actor_id=occasion.actor_id,
    )


def _register(forge: Forge, tx: Tx, repo: Repository, files: Sequence[WorkflowFile]) -> None:
    """The repository's workflows are the files of its default branch; those that went are marked deleted."""
    at = forge.clock()
    for file in files:
        read = parsed(file.path, file.source)
        name = (read.name if isinstance(read, Workflow) else None) or file.path
        actions.register(tx, repo.id, file.path, name, at)
    present = {file.path for file in files}
    for row in actions.workflows(tx, repo.id):
        if row.path not in present and row.state != "deleted":
            tx.update("workflow", row.id, state="deleted", updated_at=at)


def register_default(forge: Forge, repo: Repository) -> None:
    """Know the workflows of the default branch also of a repository that was never pushed to (an import)."""
    if actions.workflows(forge.store.db, repo.id):
        return
    git = forge.git(repo.id)
    sha = refnames.branch_sha(git, refnames.head_branch(git))
    files = list(workflow_files(git, sha)) if sha else []
    if files:
        with forge.store.write() as tx:
            _register(forge, tx, repo, files)


def _skipped(message: str) -> bool:
    lowered = message.lower()
    return any(word in lowered for word in _SKIP_WORDS)


def _message(git: GitDir, sha: str) -> str:
    commit = objects.commit(git, sha)
    return commit.message if commit else ""


def _pushed_paths(git: GitDir, event: Push, sha: str) -> Sequence[str]:
    """What a push changed; of a new branch, what it changes against the default branch."""
    if event.before != ZERO_SHA:
        return _changed_paths(git, event.before, sha)
    default = refnames.branch_sha(git, refnames.head_branch(git))
    base = merge_base(git, default, sha) if default and default != sha else None
    return _changed_paths(git, base, sha)


def _changed_paths(git: GitDir, base: str | None, head: str) -> Sequence[str]:
    listing = git.run(
        "diff-tree", "-r", "--name-only", "--no-renames", "-z", base or objects.EMPTY_TREE, head
    )
    return [path.decode("utf-8", "surrogateescape") for path in listing.split(b"\0") if path]
