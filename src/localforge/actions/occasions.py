"""From what happened in a repository to the occasions on which its workflows may begin.

Source: docs.github.com, "Events that trigger workflows": which commit and ref each event runs on, whose files count.
What a job does with its own token begins nothing (dispatches apart), so that no workflow begins itself for ever.
"""

from collections.abc import Iterator, Sequence

from localforge import events
from localforge.actions import payload
from localforge.actions.calling import parsed
from localforge.actions.jobtoken import is_job
from localforge.actions.triggering import (
    Occasion,
    WorkflowFile,
    begun,
    create_all,
    register,
    workflow_files,
)
from localforge.actions.workflow.model import Workflow
from localforge.bus import Reaction, Subscriber
from localforge.events import ZERO_SHA, Event, PullRequestEvent, Push
from localforge.forge import Forge
from localforge.git import objects, refnames
from localforge.git.directory import GitDir
from localforge.git.history import merge_base
from localforge.hooks.payloads import Payload, name_of
from localforge.hooks.payloads import payload as told_of
from localforge.pulls.testmerge import merge_ref, tried
from localforge.store import actions, checks, issues, pulls, repos
from localforge.store.actions import RunRow
from localforge.store.checks import ACTIONS_APP
from localforge.store.database import Db, Tx
from localforge.store.pulls import Pull
from localforge.store.repos import Repository

LONGEST_CHAIN = 3
_SKIP_WORDS = ("[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]")


def subscriber(forge: Forge) -> Subscriber:
    """Begins runs for whatever happens in a repository."""
    return Subscriber(name="actions", react=lambda event, _event_id, _at: _react(forge, event))


def _react(forge: Forge, event: Event) -> Reaction | None:
    repo = repos.by_id(forge.store.db, event.repo_id)
    if repo is None:
        return None
    by_job = is_job(forge.store.db, event.actor_id)
    if isinstance(event, Push):
        return _on_push(forge, repo, event, begins=not by_job)
    if by_job and not isinstance(event, events.WorkflowRunEvent):
        return None
    if not isinstance(event, PullRequestEvent) and not _listened(forge, repo, event):
        return None
    occasions = list(_occasions(forge, repo, event))
    begins = [(files, one) for one in occasions if (files := _valid(forge, repo, one))]

    def write(tx: Tx) -> None:
        for files, occasion in begins:
            create_all(forge, tx, repo, files, occasion)

    return write if begins else None


def _listened(forge: Forge, repo: Repository, event: Event) -> bool:
    """Whether a file of the default branch (of a created one itself) listens to such an event at all.

    Most events interest no workflow: they must cost little. Reviews run on a merge, whose files may be others.
    """
    if isinstance(event, events.PullRequestReviewEvent | events.PullRequestReviewCommentEvent):
        return True
    git = forge.git(repo.id)
    ref = event.ref if isinstance(event, events.CreateEvent) else refnames.BRANCH + refnames.head_branch(git)
    sha = refnames.commit_sha(git, ref)
    name = "public" if isinstance(event, events.RepositoryEvent) else name_of(event)
    for file in workflow_files(git, sha) if sha and name else ():
        read = parsed(file.path, file.source)
        if isinstance(read, Workflow) and read.trigger(name):
            return True
    return False


def _valid(forge: Forge, repo: Repository, occasion: Occasion) -> list[WorkflowFile]:
    """The files that the occasion begins; an invalid one is told of at its push, not again at every event."""
    files = begun(workflow_files(forge.git(repo.id), occasion.sha), occasion)
    return [file for file in files if isinstance(parsed(file.path, file.source), Workflow)]


def _on_push(forge: Forge, repo: Repository, event: Push, *, begins: bool) -> Reaction | None:
    if event.after == ZERO_SHA:
        return None
    git = forge.git(repo.id)
    commit_sha = refnames.commit_sha(git, event.after)
    commit = objects.commit(git, commit_sha) if commit_sha else None
    told = told_of(payload.stored_view(forge), repo, event)
    if commit is None or told is None:
        return None
    files = list(workflow_files(git, commit.sha))
    is_default = event.ref == refnames.BRANCH + refnames.head_branch(git)
    occasion = Occasion(
        event="push",
        action=None,
        sha=commit.sha,
        head_sha=commit.sha,
        ref=event.ref,
        head_branch=short(event.ref),
        filtered_ref=event.ref,
        actor_id=event.actor_id,
        title=commit.message.partition("\n")[0],
        payload=told.body,
        changed=lambda: _pushed_paths(git, event, commit.sha),
    )
    wanted = [] if _skipped(commit.message) or not begins else list(begun(files, occasion))

    def write(tx: Tx) -> None:
        if is_default:
            register(forge, tx, repo, files, event.actor_id)
        create_all(forge, tx, repo, wanted, occasion)

    return write if wanted or is_default else None


def _occasions(forge: Forge, repo: Repository, event: Event) -> Iterator[Occasion]:
    """What the event may begin; nothing for one that GitHub does not let workflows listen to."""
    if _silent(forge.store.db, event):
        return
    told = told_of(payload.stored_view(forge), repo, event)
    if told is None:
        return
    match event:
        case PullRequestEvent() | events.PullRequestReviewEvent() | events.PullRequestReviewCommentEvent():
            yield from _of_pull(forge, repo, told, event)
        case events.WorkflowRunEvent():
            yield from _of_run(forge, repo, told, event)
        case events.CreateEvent():
            sha = refnames.commit_sha(forge.git(repo.id), event.ref)
            if sha:
                yield _plain(told, event, event.ref, sha)
        case events.RepositoryEvent():
            if event.action == "publicized":
                yield from on_default(
                    forge, repo, Payload(event="public", action=None, body=told.body), event
                )
        case _:
            yield from on_default(forge, repo, told, event)


def _silent(db: Db, event: Event) -> bool:
    """Checks of Actions itself begin nothing; jobs and hooks are no events of workflows."""
    match event:
        case events.CheckRunEvent():
            run = checks.run_by_id(db, event.check_run_id)
            return run is None or run.app == ACTIONS_APP
        case events.CheckSuiteEvent():
            suite = checks.suite_by_id(db, event.check_suite_id)
            return suite is None or suite.app == ACTIONS_APP
        case events.WorkflowJobEvent() | events.HookEvent():
            return True
        case _:
            return False


def on_default(forge: Forge, repo: Repository, told: Payload, event: Event) -> Iterator[Occasion]:
    """The occasion of an event that runs what the default branch holds."""
    git = forge.git(repo.id)
    branch = refnames.head_branch(git)
    sha = refnames.branch_sha(git, branch)
    if sha:
        yield _plain(told, event, refnames.BRANCH + branch, sha)


def _plain(told: Payload, event: Event, ref: str, sha: str) -> Occasion:
    return Occasion(
        event=told.event,
        action=told.action,
        sha=sha,
        head_sha=sha,
        ref=ref,
        head_branch=short(ref),
        filtered_ref=ref,
        actor_id=event.actor_id,
        title=_title(told),
        payload=told.body,
    )


def _title(told: Payload) -> str:
    """What a run is called when the workflow does not say: the subject's title, else the event."""
    issue = told.body.get("issue")
    title = issue.get("title") if isinstance(issue, dict) else None
    return title if isinstance(title, str) else told.event


def _of_run(
    forge: Forge, repo: Repository, told: Payload, event: events.WorkflowRunEvent
) -> Iterator[Occasion]:
    db = forge.store.db
    run = actions.run(db, event.run_id)
    if run is None or _chain(db, run) >= LONGEST_CHAIN:
        return
    for occasion in on_default(forge, repo, told, event):
        yield occasion.after(run.name, run.head_branch or "", f"{run.name}: {run.title}")


def _chain(db: Db, run: RunRow) -> int:
    """How many `workflow_run` runs led to this run, itself included."""
    length = 0
    while run.event == "workflow_run" and length < LONGEST_CHAIN:
        length += 1
        cause = run.payload.get("workflow_run")
        before = actions.run(db, int(cause["id"])) if isinstance(cause, dict) else None
        if before is None:
            break
        run = before
    return length


def _of_pull(
    forge: Forge,
    repo: Repository,
    told: Payload,
    event: PullRequestEvent | events.PullRequestReviewEvent | events.PullRequestReviewCommentEvent,
) -> Iterator[Occasion]:
    """A pull request runs on its test merge (not at all while it conflicts); `…_target` on its base branch."""
    db, git = forge.store.db, forge.git(repo.id)
    pull = pulls.by_number(db, repo.id, event.pull_number)
    issue = issues.by_number(db, repo.id, event.pull_number)
    if pull is None or issue is None:
        return
    base_ref, base_now = refnames.BRANCH + pull.base_ref, refnames.branch_sha(git, pull.base_ref)
    merged = _merged(forge, pull)
    whole = Occasion(
        event=told.event,
        action=told.action,
        sha=base_now or pull.base_sha,
        head_sha=pull.head_sha,
        ref=base_ref,
        head_branch=pull.head_ref,
        base_branch=pull.base_ref,
        filtered_ref=base_ref,
        pull_number=pull.number,
        head_repo_id=pull.head_repo_id,
        actor_id=event.actor_id,
        title=issue.title,
        payload=told.body,
        changed=lambda: _changed_paths(git, merge_base(git, pull.base_sha, pull.head_sha), pull.head_sha),
    )
    if merged and not _skipped(_message(git, pull.head_sha)):
        yield whole.at(*merged)
    if isinstance(event, PullRequestEvent):
        yield whole.as_event("pull_request_target")


def _merged(forge: Forge, pull: Pull) -> tuple[str, str] | None:
    """Commit and ref of the merge: the test merge, or of a merged pull request the merge itself."""
    if pull.merge_commit_sha is not None:
        return pull.merge_commit_sha, refnames.BRANCH + pull.base_ref
    test = tried(forge, pull)
    return (test.merge_sha, merge_ref(pull.number)) if test and test.merge_sha else None


def short(ref: str) -> str:
    """The name of a branch or tag."""
    return ref.removeprefix(refnames.BRANCH).removeprefix(refnames.TAG)


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
