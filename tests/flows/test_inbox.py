"""What deliveries name: GitHub's own payloads, and what nobody should send."""

import gzip
import json
from pathlib import Path

import pytest

from penstock.core.refs import ChangeId
from penstock.core.signal import ALERTS, ForgeEvent
from penstock.flows.inbox import (
    ChangesNamed,
    ForgeNamed,
    IssueNamed,
    NothingNamed,
    PullNamed,
    Unreadable,
    read,
)

CHANGE = ChangeId("c-0123456789")
EXAMPLES: dict[str, list[dict[str, object]]] = json.loads(
    gzip.decompress((Path(__file__).parent / "data" / "webhook-examples.100.json.gz").read_bytes())
)
BRANCH_AT = {
    "pull_request": ("pull_request", "head", "ref"),
    "pull_request_review": ("pull_request", "head", "ref"),
    "check_run": ("check_run", "check_suite", "head_branch"),
    "check_suite": ("check_suite", "head_branch"),
    "workflow_run": ("workflow_run", "head_branch"),
    "push": ("ref",),
    "delete": ("ref",),
}


def delivered(event: str, payload: object):
    return read(event, json.dumps(payload).encode())


def put(payload, path: tuple[str, ...], value: object):
    """A copy of the payload with another value at a path."""
    key, *rest = path
    return {**payload, key: put(payload[key], tuple(rest), value) if rest else value}


@pytest.mark.parametrize("event", EXAMPLES)
def test_every_payload_that_github_sent_is_readable(event: str):
    named = [delivered(event, payload) for payload in EXAMPLES[event]]
    assert named
    assert not [one for one in named if isinstance(one, Unreadable | ChangesNamed)]


@pytest.mark.parametrize("name", [f"penstock/{CHANGE}", f"penstock/{CHANGE}-revert"])
@pytest.mark.parametrize("event", BRANCH_AT)
def test_what_happens_on_a_change_s_branch_names_the_change(event: str, name: str):
    for payload in EXAMPLES[event]:
        there = put(payload, BRANCH_AT[event], f"refs/heads/{name}" if event == "push" else name)
        assert delivered(event, there) == ChangesNamed(changes=(CHANGE,))


def test_a_status_names_the_changes_of_all_its_branches():
    branches = [{"name": name} for name in ("main", f"penstock/{CHANGE}", f"penstock/{CHANGE}-revert")]
    assert delivered("status", {"branches": branches}) == ChangesNamed(changes=(CHANGE,))


FOREIGN = [
    "main",
    "penstock/",
    "penstock/c-0123",
    f"penstock/{CHANGE}-before",
    f"penstock/{CHANGE}/x",
    f"x/penstock/{CHANGE}",
    "penstock/C-0123456789",
    f"refs/tags/penstock/{CHANGE}",
    f"penstock/{CHANGE}\n",
    "",
    None,
]


@pytest.mark.parametrize("branch", FOREIGN)
def test_other_branches_name_nothing(branch: str | None):
    assert isinstance(delivered("check_suite", {"check_suite": {"head_branch": branch}}), NothingNamed)


ISSUE = {
    "action": "labeled",
    "issue": {"number": 7, "state": "open", "labels": [{"name": "bot-task"}]},
    "repository": {"full_name": "acme/lib"},
}
NAMED = IssueNamed(repository="acme/lib", number=7, labels=frozenset({"bot-task"}))
ISSUES = [
    ("labeled", ISSUE, NAMED),
    ("opened", put(ISSUE, ("action",), "opened"), NAMED),
    ("reopened", put(ISSUE, ("action",), "reopened"), NAMED),
    ("edited", put(ISSUE, ("action",), "edited"), NAMED),
    ("a label taken off", put(ISSUE, ("action",), "unlabeled"), NAMED),
    ("assigned", put(ISSUE, ("action",), "assigned"), NothingNamed),
    ("deleted", put(ISSUE, ("action",), "deleted"), NothingNamed),
    ("closed", put(ISSUE, ("issue", "state"), "closed"), NothingNamed),
    ("a pull request", put(ISSUE, ("issue", "pull_request"), {"url": "x"}), NothingNamed),
]


@pytest.mark.parametrize(("what", "payload", "expected"), ISSUES, ids=[row[0] for row in ISSUES])
def test_issues(what, payload, expected):
    named = delivered("issues", payload)
    assert named == expected if isinstance(expected, IssueNamed) else isinstance(named, expected)


ON_PULL = put(ISSUE, ("issue", "pull_request"), {"url": "x"})


@pytest.mark.parametrize("action", ["created", "edited", "deleted"])
def test_a_comment_names_the_pull_request_that_it_stands_on(action: str):
    comment = {**ON_PULL, "action": action, "comment": {"id": 1, "body": "/approve " + "a" * 40}}
    assert delivered("issue_comment", comment) == PullNamed(repository="acme/lib", number=7)
    closed = put(comment, ("issue", "state"), "closed")
    assert isinstance(delivered("issue_comment", closed), PullNamed), "it may just have been merged"
    assert isinstance(delivered("issue_comment", {**ISSUE, "action": action}), NothingNamed)


@pytest.mark.parametrize("event", ["check_run", "check_suite", "workflow_run"])
def test_a_check_without_a_branch_names_the_changes_of_its_pull_requests(event: str):
    pulls = [{"number": 1, "head": {"ref": ref}} for ref in ("main", f"penstock/{CHANGE}")]
    found = {"head_branch": None, "pull_requests": pulls}
    told = {"check_run": {"name": "test", "check_suite": found}, "workflow_run": {**found, "workflow_id": 1}}
    place = {"action": "completed", "repository": {"full_name": "acme/lib"}}
    payload = place | {event: told.get(event, found)}
    assert delivered(event, payload) == ChangesNamed(changes=(CHANGE,))
    alone = {"name": "test", "check_suite": {"head_branch": None}, "pull_requests": pulls}
    assert delivered("check_run", place | {"check_run": alone}) == ChangesNamed(changes=(CHANGE,))


RUN = {
    "action": "completed",
    "workflow_run": {"head_branch": "main", "workflow_id": 9, "conclusion": "success"},
    "repository": {"full_name": "acme/lib"},
}
ALERT = {"action": "created", "alert": {"number": 4}, "repository": {"full_name": "acme/lib"}}


def test_runs_and_alerts_name_what_may_be_so_whatever_else_they_say():
    named = ForgeNamed(repository="acme/lib", event=ForgeEvent.WORKFLOW_RUN, subject="9")
    assert delivered("workflow_run", RUN) == named
    assert isinstance(delivered("workflow_run", {**RUN, "action": "requested"}), NothingNamed)
    ours = put(RUN, ("workflow_run", "head_branch"), f"penstock/{CHANGE}")
    assert delivered("workflow_run", ours) == ChangesNamed(changes=(CHANGE,))
    check = {**RUN, "check_run": {"name": "lint", "check_suite": {"head_branch": "main"}}}
    failing = ForgeNamed(repository="acme/lib", event=ForgeEvent.CHECK_RUN, subject="lint")
    assert delivered("check_run", check) == failing
    assert isinstance(delivered("check_run", {**check, "action": "created"}), NothingNamed)
    for event in ALERTS:
        told = delivered(event, {**ALERT, "action": "fixed"})
        assert told == ForgeNamed(repository="acme/lib", event=event, subject="4")


BAD = [
    ("no JSON", "issues", b"{"),
    ("not UTF-8", "issues", b'{"action": "\xff"}'),
    ("empty", "push", b""),
    ("a list", "pull_request", b"[]"),
    ("no issue", "issues", b'{"action": "opened"}'),
    ("a number that is a text", "issues", json.dumps(put(ISSUE, ("issue", "number"), "7")).encode()),
    ("a branch that is a number", "push", b'{"ref": 1}'),
    ("no branches", "status", b"{}"),
    (
        "a run of no workflow",
        "workflow_run",
        b'{"action": "completed", "workflow_run": {"head_branch": "main"}}',
    ),
    ("an alert without a number", "dependabot_alert", b'{"action": "created", "alert": {}}'),
    ("a comment on nothing", "issue_comment", b'{"action": "created"}'),
    (
        "a pull request without a head",
        "check_suite",
        b'{"check_suite":{"head_branch":null,"pull_requests":[{}]}}',
    ),
    ("too deep", "issues", b'{"issue":' * 100_000),
]


@pytest.mark.parametrize(("what", "event", "body"), BAD, ids=[row[0] for row in BAD])
def test_what_is_not_as_documented_is_told_and_no_crash(what, event, body):
    named = read(event, body)
    assert isinstance(named, Unreadable)
    assert named.problem.startswith(f"{event}: ")


@pytest.mark.parametrize("event", ["ping", "star", "pull_request_review_comment", "", "../issues"])
def test_other_events_are_not_even_parsed(event: str):
    assert isinstance(read(event, b"{not json"), NothingNamed)
