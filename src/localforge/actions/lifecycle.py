"""A run from its event to its end, one transaction per change.

`advance` is the only place where a run moves on: it asks the plan what follows from the jobs so far and writes it. It
is called in the transaction of whatever happened (an event, a job's end, a cancel), so a run is never half moved.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from localforge.actions import invalid, jobs
from localforge.actions.call_inputs import typed
from localforge.actions.calling import Called, find_called, linked, parsed
from localforge.actions.contexts import Facts, github_context
from localforge.actions.expressions import Environment, ExpressionError, Value, to_text
from localforge.actions.groups import Wish, by_call, held_within, memberships, named, units, wishes
from localforge.actions.legs import Conclusion, Leg
from localforge.actions.payload import at_address
from localforge.actions.plan import Cancel, Decision, Queue, Settle, decide
from localforge.actions.progress import Progress, conclusion, job_environment, leg_environment, located
from localforge.actions.workflow.model import InvalidWorkflow, Workflow
from localforge.actions.workflow.tree import Node, resolve
from localforge.events import WorkflowRunEvent
from localforge.forge import Forge
from localforge.json_types import Json
from localforge.store import accounts, actions, checks, groups, repos, variables
from localforge.store.actions import JobRow, RunRow
from localforge.store.checks import ACTIONS_APP, SuiteOf
from localforge.store.database import Db, Tx
from localforge.store.variables import Variable


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """What begins a run. `title` is its display title unless the workflow has a `run-name`."""

    repo_id: int
    path: str
    source: str
    event: str
    payload: Mapping[str, Json]
    title: str
    ref: str
    sha: str
    head_sha: str
    head_branch: str | None
    base_branch: str | None = None
    pull_number: int | None = None
    head_repo_id: int | None = None
    actor_id: int


def create(forge: Forge, tx: Tx, new: NewRun, *, waits: bool = False) -> int:
    """Begin a run, or make one that waits for approval. Returns its id.

    An invalid file makes one that has failed, with the file, line and message.
    """
    plain, repo = parsed(new.path, new.source), repos.by_id(tx, new.repo_id)
    called: dict[str, Json] = {}
    if isinstance(plain, Workflow) and repo is not None:
        called = find_called(forge, tx, repo, new.sha, plain)
    read = linked(new.path, new.source, called)
    name = (read.name if isinstance(read, Workflow) else None) or new.path
    run = _insert(forge, tx, new, name, called)
    tell_run(tx, run, "requested")
    match read:
        case InvalidWorkflow():
            invalid.report(tx, run, read, run.created_at)
            set_status(forge, tx, run, "completed", Conclusion.FAILURE.value)
        case Workflow():
            title = _text(read.run_name, run_contexts(forge, tx, run))
            tx.update("workflow_run", run.id, title=title or run.title)
            if waits:
                set_status(forge, tx, run, "completed", "action_required")
            else:
                begin(forge, tx, run)
    return run.id


def _insert(forge: Forge, tx: Tx, new: NewRun, name: str, called: Called) -> RunRow:
    at = forge.clock()
    row = actions.register(tx, new.repo_id, new.path, name, at)
    suite = checks.create_suite(
        tx,
        SuiteOf(repo_id=new.repo_id, app=ACTIONS_APP, head_sha=new.head_sha, head_branch=new.head_branch),
        at,
    )
    run_id = tx.insert(
        "workflow_run",
        repo_id=new.repo_id,
        workflow_id=row.id,
        suite_id=suite.id,
        run_number=actions.next_run_number(tx, row.id),
        name=name,
        title=new.title,
        source=new.source,
        called=called,
        event=new.event,
        payload=new.payload,
        ref=new.ref,
        sha=new.sha,
        head_sha=new.head_sha,
        head_branch=new.head_branch,
        base_branch=new.base_branch,
        pull_number=new.pull_number,
        head_repo_id=new.head_repo_id,
        actor_id=new.actor_id,
        triggering_actor_id=new.actor_id,
        created_at=at,
        updated_at=at,
        started_at=at,
    )
    return actions.existing_run(tx, run_id)


def begin(forge: Forge, tx: Tx, run: RunRow) -> None:
    """Join the run's concurrency group, which may stop runs before it, and start its first jobs."""
    group, cancels = named(workflow_of(tx, run).concurrency, run_contexts(forge, tx, run))
    if group:
        for other in actions.in_group(tx, run.repo_id, group):
            if cancels or other.status == "pending":
                cancel_run(forge, tx, other.id)
        tx.update("workflow_run", run.id, concurrency=group)
    advance(forge, tx, run.id)


def workflow_of(db: Db, run: RunRow) -> Workflow:
    """The workflow that the run executes: its file as it was when the run began."""
    row = actions.workflow(db, run.workflow_id)
    read = linked(row.path if row else "", run.source, run.called)
    match read:
        case Workflow():
            return read
        case InvalidWorkflow():
            raise LookupError(f"run {run.id} has no valid workflow")


def progress_of(forge: Forge, db: Db, run: RunRow) -> Progress:
    """Where the run stands."""
    legs = [jobs.leg_state(job) for job in actions.jobs(db, run.id, run.attempt)]
    contexts = run_contexts(forge, db, run)
    return Progress(workflow=workflow_of(db, run), legs=legs, cancelled=run.cancelled, contexts=contexts)


def run_contexts(forge: Forge, db: Db, run: RunRow) -> dict[str, Value]:
    """github, inputs and vars of the run."""
    event = at_address(run.payload, forge.origin)
    github = github_context(run, facts_of(forge, db, run), event)
    repo = repos.by_id(db, run.repo_id)
    own: dict[str, Value] = dict(variables.reaching(db, Variable, repo)) if repo else {}
    return {"github": github, "inputs": _inputs(db, run, event), "vars": own}


def _inputs(db: Db, run: RunRow, event: Mapping[str, Value]) -> dict[str, Value]:
    """The `inputs` of a dispatched run: what the event tells as texts, in their types."""
    row, given = actions.workflow(db, run.workflow_id), event.get("inputs")
    read = parsed(row.path if row else "", run.source)
    trigger = read.trigger("workflow_dispatch") if isinstance(read, Workflow) else None
    if trigger is None or not isinstance(given, Mapping):
        return {}
    return {definition.name: typed(definition, given.get(definition.name)) for definition in trigger.inputs}


def facts_of(forge: Forge, db: Db, run: RunRow) -> Facts:
    """Names and addresses for the run's contexts."""
    repo = repos.by_id(db, run.repo_id)
    if repo is None:
        raise LookupError(f"run {run.id} has lost its repository")
    owner = accounts.by_id(db, repo.owner_id)
    return Facts(
        repository=f"{owner.login}/{repo.name}",
        repository_owner_id=owner.id,
        actor=accounts.by_id(db, run.actor_id).login,
        triggering_actor=accounts.by_id(db, run.triggering_actor_id).login,
        server_url=forge.origin,
        api_url=f"{forge.origin}/api/v3",
    )


def advance(forge: Forge, tx: Tx, run_id: int) -> None:
    """Write everything that follows from where the run is, until nothing more follows."""
    run = actions.existing_run(tx, run_id)
    if run.status == "completed":
        return
    if run.concurrency is not None and _waits(tx, run):
        set_status(forge, tx, run, "pending", None)
        return
    progress = progress_of(forge, tx, run)
    while sum(_carry_out(forge, tx, run, progress, decision) for decision in decide(progress)):
        progress = progress_of(forge, tx, run)
    _release_jobs(forge, tx, run)
    ended = conclusion(progress)
    if ended is not None:
        set_status(forge, tx, run, "completed", ended.value)
        _release(forge, tx, run)
    else:
        begun = any(state.started or state.conclusion for state in progress.legs)
        set_status(forge, tx, run, "in_progress" if begun else "queued", None)


def cancel_run(forge: Forge, tx: Tx, run_id: int) -> None:
    """Stop a run: queued jobs end at once, running ones when their runner notices; `always()` still runs."""
    run = actions.existing_run(tx, run_id)
    tx.update("workflow_run", run_id, cancelled=True)
    for job in actions.jobs(tx, run_id, run.attempt):
        jobs.stop_job(forge, tx, job)
    if run.status == "pending":
        set_status(forge, tx, run, "completed", Conclusion.CANCELLED.value)
    advance(forge, tx, run_id)


def _carry_out(forge: Forge, tx: Tx, run: RunRow, progress: Progress, decision: Decision) -> bool:
    """Write one decision; False when it was written before."""
    match decision:
        case Queue(legs=legs):
            for leg in legs:
                _queue(forge, tx, run, progress, leg)
            return True
        case Settle(leg=leg, conclusion=ended, message=message):
            job = jobs.add_job(forge, tx, run, leg)
            if message:
                jobs.annotate_file(tx, run, job.id, message)
            jobs.settle_job(forge, tx, job, ended)
            return True
        case Cancel(leg_id=leg_id):
            stopping = actions.job(tx, leg_id)
            return stopping is not None and jobs.stop_job(forge, tx, stopping)


def _queue(forge: Forge, tx: Tx, run: RunRow, progress: Progress, leg: Leg) -> None:
    """Add a leg to the queue, and to the concurrency groups that it and the calls around it are in."""
    wished = wishes(progress, leg)
    stuck = held_within(wished, run)
    job = jobs.add_job(forge, tx, run, replace(leg, groups=by_call(wished)), _labels(progress, leg))
    if stuck:
        words = "Canceling since a deadlock for concurrency group '{}' was detected between '{}' and '{}'"
        jobs.annotate_file(tx, run, job.id, words.format(*stuck, leg.scope.split("#")[0]))
        jobs.settle_job(forge, tx, job, Conclusion.CANCELLED)
        return
    jobs.tell_job(tx, run, job.id, "queued")
    for wish in wished:
        if not wish.scope:
            tx.update("workflow_job", job.id, concurrency=wish.group)
        if not wish.scope or groups.first_of_call(tx, job, wish.scope) == job.id:
            make_room(forge, tx, job, wish)


def make_room(forge: Forge, tx: Tx, job: JobRow, wish: Wish) -> None:
    """For a job, or its call, that has come into a group: whoever waits there gives way, with `cancels` who holds it, too."""
    others = [unit for unit in units(tx, job.repo_id, wish.group) if not unit.is_of(job, wish.scope)]
    for unit in others if wish.cancels else others[1:]:
        for other in unit.jobs:
            jobs.stop_job(forge, tx, other)
        if unit.run_id != job.run_id:
            advance(forge, tx, unit.run_id)


def _labels(progress: Progress, leg: Leg) -> list[str]:
    try:
        within, job = located(progress, leg)
        wanted = (
            resolve(job.runs_on, leg_environment(job_environment(within, job), leg)) if job.runs_on else []
        )
    except ExpressionError:
        return []
    return [to_text(label) for label in wanted] if isinstance(wanted, list) else [to_text(wanted)]


def set_status(forge: Forge, tx: Tx, run: RunRow, status: str, ended: str | None) -> None:
    """Where the run and its check suite stand."""
    before = actions.existing_run(tx, run.id)
    if (before.status, before.conclusion) == (status, ended):
        return
    at = forge.clock()
    tx.update("workflow_run", run.id, status=status, conclusion=ended, updated_at=at)
    suite_status = "queued" if status == "pending" else status
    checks.settle_suite(tx, run.suite_id, suite_status, ended, actor_id=run.triggering_actor_id, at=at)
    if status in {"in_progress", "completed"}:
        tell_run(tx, run, status)


def tell_run(tx: Tx, run: RunRow, action: str) -> None:
    """The event of a run: requested, in_progress, completed."""
    tx.emit(
        WorkflowRunEvent(repo_id=run.repo_id, actor_id=run.triggering_actor_id, action=action, run_id=run.id)
    )


def _text(node: Node | None, contexts: Mapping[str, Value]) -> str:
    """The node's text; empty when there is none or it cannot be evaluated."""
    try:
        return to_text(resolve(node, Environment(contexts=contexts))) if node else ""
    except ExpressionError:
        return ""


def _waits(tx: Tx, run: RunRow) -> bool:
    """Whether an earlier run of its concurrency group is still open."""
    group = run.concurrency or ""
    return run.status in {"queued", "pending"} and (
        any(other.id < run.id for other in actions.in_group(tx, run.repo_id, group))
        or any(unit.run_id != run.id for unit in units(tx, run.repo_id, group)[:1])
    )


def _release_jobs(forge: Forge, tx: Tx, run: RunRow) -> None:
    """A complete job's group may be what a run waits for; a job that waits for it is claimed when somebody looks."""
    complete = (job for job in actions.jobs(tx, run.id, run.attempt) if job.status == "completed")
    for group in {group for job in complete for _, group in memberships(job)}:
        for other in actions.in_group(tx, run.repo_id, group)[:1]:
            if other.id != run.id and other.status == "pending":
                advance(forge, tx, other.id)


def _release(forge: Forge, tx: Tx, run: RunRow) -> None:
    """The next run of the group may begin."""
    if run.concurrency is not None:
        for other in actions.in_group(tx, run.repo_id, run.concurrency)[:1]:
            advance(forge, tx, other.id)
