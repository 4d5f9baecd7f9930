"""Fields of statuses, check runs and suites, their rollup, and workflow runs."""

from localforge.graph.fields import Ask, Connection, Fields, connect
from localforge.graph.nodes import (
    CheckNode,
    CommitNode,
    PullNode,
    Repo,
    RunNode,
    StatusNode,
    SuiteNode,
    by_id,
    git_object,
    person,
)
from localforge.graph.repositories import page, ref_node
from localforge.render.checks import app_id, run_page
from localforge.rulesets import bound
from localforge.store import actions, checks, pulls, statuses
from localforge.store.checks import CheckRun, CheckSuite
from localforge.store.repos import Repository
from localforge.store.statuses import Status
from localforge.urls import node_id

fields = Fields()

_UNFINISHED = frozenset({"action_required"})


def rollup_state(found: list[CheckRun], newest: list[Status]) -> str | None:
    """One state for everything that was reported on a commit; None when nothing was."""
    if not found and not newest:
        return None
    states = {status.state for status in newest}
    ends = {run.conclusion for run in found}
    if "error" in states:
        return "ERROR"
    if "failure" in states or ends - statuses.PASSED - _UNFINISHED - {None}:
        return "FAILURE"
    if "pending" in states or None in ends or ends & _UNFINISHED:
        return "PENDING"
    return "SUCCESS"


def rollup(ask: Ask, repo: Repository, sha: str) -> dict[str, object] | None:
    """`StatusCheckRollup`: the newest check runs and statuses of a commit."""
    runs = checks.runs_of_commit(ask.db, repo.id, sha)
    newest = statuses.latest(ask.db, repo.id, sha)
    state = rollup_state(runs, newest)
    if state is None:
        return None
    nodes: list[CheckNode | StatusNode] = [
        *(CheckNode(repo=repo, run=run) for run in runs),
        *(StatusNode(repo=repo, status=status) for status in newest),
    ]
    return {
        "id": node_id("SCR", repo.id, sha),
        "state": state,
        "commit": git_object(ask.view, repo, sha),
        "nodes": nodes,
    }


@fields("StatusCheckRollup", "contexts")
def _contexts(node: dict[str, list[CheckNode | StatusNode]], ask: Ask) -> Connection:
    found = node["nodes"]
    runs = sum(isinstance(item, CheckNode) for item in found)
    return connect(ask, found, lambda item: item, checkRunCount=runs, statusContextCount=len(found) - runs)


fields.of(
    "PullRequest",
    PullNode,
    {"statusCheckRollup": lambda node, ask: rollup(ask, node.repo, node.pull.head_sha)},
)
fields.of(
    "Commit",
    CommitNode,
    {"statusCheckRollup": lambda node, ask: rollup(ask, node.repo, node.commit.sha)},
)


@fields("Commit", "status")
def _status(node: CommitNode, ask: Ask) -> dict[str, object] | None:
    newest = statuses.latest(ask.db, node.repo.id, node.commit.sha)
    if not newest:
        return None
    return {
        "id": node_id("ST", node.repo.id, node.commit.sha),
        "state": statuses.combined(newest).upper(),
        "commit": node,
        "contexts": [StatusNode(repo=node.repo, status=status) for status in newest],
    }


@fields("Commit", "checkSuites")
def _suites(node: CommitNode, ask: Ask) -> Connection:
    rows = checks.suites_of_commit(ask.db, node.repo.id, node.commit.sha)
    chosen = ask.args.object("filterBy")
    app = chosen.maybe_number("appId") if chosen else None
    kept = [row for row in rows if app is None or app_id(ask.view, row.app) == app]
    return connect(ask, kept, lambda row: SuiteNode(repo=node.repo, suite=row))


def _required(ask: Ask, repo: Repository, context: str) -> bool:
    """Whether the base branch of the pull request in the arguments requires this context."""
    number = ask.args.maybe_number("pullRequestNumber")
    pull = pulls.by_number(ask.db, repo.id, number) if number else None
    wanted = ask.args.maybe_text("pullRequestId")
    if pull is None and wanted:
        node = by_id(ask.view, wanted)
        pull = node.pull if isinstance(node, PullNode) else None
    rules = bound(ask.call.forge, repo, f"refs/heads/{pull.base_ref}") if pull else []
    return context in {
        check.context for one in rules if one.rules.checks for check in one.rules.checks.checks
    }


fields.of(
    "StatusContext",
    StatusNode,
    {
        "id": lambda node, _ask: node_id("SC", node.repo.id, node.status.id),
        "context": lambda node, _ask: node.status.context,
        "state": lambda node, _ask: node.status.state.upper(),
        "description": lambda node, _ask: node.status.description,
        "targetUrl": lambda node, _ask: node.status.target_url,
        "createdAt": lambda node, _ask: node.status.created_at,
        "creator": lambda node, ask: person(ask.view, node.status.creator_id),
        "commit": lambda node, ask: git_object(ask.view, node.repo, node.status.sha),
        "isRequired": lambda node, ask: _required(ask, node.repo, node.status.context),
    },
)


def _suite(node: CheckNode, ask: Ask) -> SuiteNode | None:
    suite = checks.suite_by_id(ask.db, node.run.suite_id)
    return SuiteNode(repo=node.repo, suite=suite) if suite else None


def _annotations(node: CheckNode, ask: Ask) -> Connection:
    return connect(
        ask,
        checks.annotations(ask.db, node.run.id),
        lambda row: {
            "path": row.path,
            "message": row.message,
            "title": row.title,
            "annotationLevel": row.annotation_level.upper(),
            "rawDetails": row.raw_details,
            "location": {
                "start": {"line": row.start_line, "column": row.start_column},
                "end": {"line": row.end_line, "column": row.end_column},
            },
        },
    )


fields.of(
    "CheckRun",
    CheckNode,
    {
        "id": lambda node, _ask: node_id("CR", node.repo.id, node.run.id),
        "databaseId": lambda node, _ask: node.run.id,
        "name": lambda node, _ask: node.run.name,
        "status": lambda node, _ask: node.run.status.upper(),
        "conclusion": lambda node, _ask: node.run.conclusion.upper() if node.run.conclusion else None,
        "startedAt": lambda node, _ask: node.run.started_at,
        "completedAt": lambda node, _ask: node.run.completed_at,
        "detailsUrl": lambda node, ask: node.run.details_url or run_page(ask.view, node.repo, node.run),
        "url": lambda node, ask: run_page(ask.view, node.repo, node.run),
        "permalink": lambda node, ask: run_page(ask.view, node.repo, node.run),
        "externalId": lambda node, _ask: node.run.external_id,
        "title": lambda node, _ask: node.run.title,
        "summary": lambda node, _ask: node.run.summary,
        "text": lambda node, _ask: node.run.text,
        "annotations": _annotations,
        "checkSuite": _suite,
        "repository": lambda node, _ask: Repo(repo=node.repo),
        "isRequired": lambda node, ask: _required(ask, node.repo, node.run.name),
    },
)


def _app(suite: CheckSuite, ask: Ask) -> dict[str, object]:
    number = app_id(ask.view, suite.app)
    name = "GitHub Actions" if suite.app == checks.ACTIONS_APP else suite.app
    return {"id": node_id("A", number), "databaseId": number, "slug": suite.app, "name": name}


def _runs(node: SuiteNode, ask: Ask) -> Connection:
    rows = checks.runs_of_suite(ask.db, node.suite.id)
    return connect(ask, rows, lambda row: CheckNode(repo=node.repo, run=row))


def _workflow_run(node: SuiteNode, ask: Ask) -> RunNode | None:
    found = ask.db.one(
        actions.RunRow, "SELECT * FROM workflow_run WHERE suite_id = ? ORDER BY id DESC", node.suite.id
    )
    return RunNode(repo=node.repo, run=found) if found else None


fields.of(
    "CheckSuite",
    SuiteNode,
    {
        "id": lambda node, _ask: node_id("CS", node.repo.id, node.suite.id),
        "databaseId": lambda node, _ask: node.suite.id,
        "status": lambda node, _ask: node.suite.status.upper(),
        "conclusion": lambda node, _ask: node.suite.conclusion.upper() if node.suite.conclusion else None,
        "createdAt": lambda node, _ask: node.suite.created_at,
        "updatedAt": lambda node, _ask: node.suite.updated_at,
        "app": lambda node, ask: _app(node.suite, ask),
        "branch": lambda node, ask: ref_node(ask, node.repo, f"refs/heads/{node.suite.head_branch}"),
        "commit": lambda node, ask: git_object(ask.view, node.repo, node.suite.head_sha),
        "repository": lambda node, _ask: Repo(repo=node.repo),
        "checkRuns": _runs,
        "workflowRun": _workflow_run,
        "url": lambda node, ask: page(ask, node.repo, "commit", node.suite.head_sha, "checks"),
    },
)


def _workflow(node: RunNode, ask: Ask) -> dict[str, object] | None:
    row = actions.workflow(ask.db, node.run.workflow_id)
    if row is None:
        return None
    return {
        "id": node_id("W", node.repo.id, row.id),
        "databaseId": row.id,
        "name": row.name,
        "state": row.state.upper(),
        "createdAt": row.created_at,
        "updatedAt": row.updated_at,
        "url": page(ask, node.repo, "actions", "workflows", row.path.rpartition("/")[2]),
    }


fields.of(
    "WorkflowRun",
    RunNode,
    {
        "id": lambda node, _ask: node_id("WFR", node.repo.id, node.run.id),
        "databaseId": lambda node, _ask: node.run.id,
        "event": lambda node, _ask: node.run.event,
        "runNumber": lambda node, _ask: node.run.run_number,
        "createdAt": lambda node, _ask: node.run.created_at,
        "updatedAt": lambda node, _ask: node.run.updated_at,
        "url": lambda node, ask: page(ask, node.repo, "actions", "runs", node.run.id),
        "workflow": _workflow,
        "checkSuite": lambda node, ask: SuiteNode(
            repo=node.repo, suite=_present(checks.suite_by_id(ask.db, node.run.suite_id))
        ),
    },
)


def _present(suite: CheckSuite | None) -> CheckSuite:
    if suite is None:
        raise LookupError("a workflow run without its check suite")
    return suite
