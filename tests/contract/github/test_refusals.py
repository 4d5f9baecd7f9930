"""What the forge refuses, as outcomes. GitHub's words are from its documentation and its recorded answers."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.contract.github.setting import (
    BOT,
    NOW,
    REPO,
    Asked,
    Going,
    Kit,
    Reply,
    Script,
    authorized,
    serving,
    sha,
)

from penstock.core.policy.rules import MergeMethod
from penstock.core.write import (
    CloseIssue,
    Comment,
    Content,
    Merge,
    NotWritten,
    OpenPull,
    PlaceTag,
    Rerun,
    Wanted,
    Withdraw,
    Written,
)
from penstock.ports import ForgeWriter, Permanent, Transient

HEAD = sha("1")
MERGE = Merge(
    repo=REPO,
    number=7,
    base_ref="main",
    expected_head=HEAD,
    method=MergeMethod.SQUASH,
    title="t",
    message="m",
)
TAG = PlaceTag(repo=REPO, tag="penstock/c-1-before", commit=HEAD)
NOTE = Comment(repo=REPO, number=4, body="b", marker="m")
CLOSE = CloseIssue(repo=REPO, number=4)
OPEN = OpenPull(
    repo=REPO,
    branch="penstock/c-1",
    base_ref="main",
    expected_head=HEAD,
    title="t",
    body="b",
    labels=(),
    draft=True,
)
LEAVE = Withdraw(repo=REPO, branch="penstock/c-1", head=HEAD, number=7)
RERUN = Rerun(repo=REPO, head=HEAD, since=NOW)
ALL: tuple[Wanted, ...] = (MERGE, TAG, NOTE, CLOSE, OPEN, LEAVE, RERUN)


ISSUE = {
    "number": 4,
    "title": "t",
    "labels": [],
    "user": None,
    "author_association": "NONE",
    "state": "open",
    "html_url": "u",
}


def repository(**fields: object) -> dict[str, object]:
    return {
        "node_id": "R_1",
        "full_name": "acme/widget",
        "default_branch": "main",
        "archived": False,
        "private": False,
        "clone_url": "u",
        **fields,
    }


def pull(**fields: object) -> dict[str, object]:
    return {
        "number": 7,
        "html_url": "u",
        "state": "open",
        "merged": False,
        "mergeable": True,
        "merge_commit_sha": sha("9"),
        "head": {"ref": "penstock/c-1", "sha": HEAD, "repo": {"node_id": "R_1"}},
        "base": {"ref": "main"},
        "user": {"login": "bot"},
        **fields,
    }


def script(mutation: Reply, **answers: object) -> Script:
    """A repository in which every mutation is answered alike; `answers` replace what reads find."""
    found: dict[str, object] = {
        "user": {"login": "bot"},
        "repository": repository(),
        "pull": pull(),
        "pulls": [],
        "head": {"object": {"sha": HEAD, "type": "commit"}},
        "comments": [],
        "runs": [],
        "issue": ISSUE,
        **answers,
    }
    paths = {
        "/user": "user",
        "/repos/acme/widget": "repository",
        "/repos/acme/gadget": "repository",
        "/pulls/7": "pull",
        "/pulls": "pulls",
        "/heads/penstock/c-1": "head",
        "/issues/4": "issue",
        "/issues/4/comments": "comments",
        "/actions/runs": "runs",
    }

    def answer(asked: Asked) -> Reply:
        if asked.method != "GET" and not asked.path.endswith("/graphql"):
            return mutation
        path = asked.path.partition("?")[0]
        key = next((key for end, key in paths.items() if path.endswith(end)), "")
        return (
            Reply(body=found[key])
            if found.get(key) is not None
            else Reply(status=404, body={"message": "Not Found"})
        )

    return answer


def apply(kit: Kit, wanted: Wanted) -> Written | NotWritten:
    writer: ForgeWriter = kit.writer
    return writer.apply(authorized(wanted), Going())


def code_of(outcome: Written | NotWritten) -> str:
    assert isinstance(outcome, NotWritten), outcome
    assert outcome.detail
    return outcome.code


def mutations(asked: list[Asked]) -> list[str]:
    return [request.method for request in asked if request.method != "GET" and "graphql" not in request.path]


@pytest.mark.parametrize("wrong", [{"tree": {"sha": sha("8")}}, {"message": "other"}, {"parents": []}])
def test_a_commit_that_is_not_as_asked_becomes_no_branch(wrong: dict[str, object]) -> None:
    by = {"name": BOT.name, "email": BOT.email, "date": NOW.isoformat()}
    commit = {
        "sha": sha("7"),
        "tree": {"sha": sha("3")},
        "parents": [{"sha": HEAD}],
        "message": "m",
        "author": by,
        "committer": by,
    }
    wanted = Content(
        repo=REPO,
        branch="penstock/c-1",
        expected_head=None,
        parents=(HEAD,),
        base_tree=sha("3"),
        tree=sha("3"),
        edits=(),
        message="m",
        at=NOW,
    )
    made = script(Reply(status=201, body={**commit, **wrong}), head=None)
    with serving(made) as (kit, asked), pytest.raises(Permanent) as failed:
        apply(kit, wanted)
    assert failed.value.code == "unexpected_answer"
    assert mutations(asked) == ["POST"]


MERGE_REFUSALS = [
    (405, "Pull Request is not mergeable", "not_mergeable"),
    (405, "Pull Request is still a draft", "not_mergeable"),
    (405, "Merge commits are not allowed on this repository.", "not_mergeable"),
    (405, "Base branch was modified. Review and try the merge again.", "base_moved"),
    (409, "Head branch was modified. Review and try the merge again.", "head_moved"),
    (405, 'Required status check "test" is expected.', "protected"),
    (405, "2 of 3 required status checks have not succeeded: 1 expected.", "protected"),
    (405, "At least 1 approving review is required by reviewers with write access.", "protected"),
    (405, "Repository rule violations found", "protected"),
    (403, "Resource not accessible by personal access token", "forbidden"),
    (404, "Not Found", "gone"),
]


@pytest.mark.parametrize(("status", "said", "code"), MERGE_REFUSALS)
def test_a_refused_merge(status: int, said: str, code: str) -> None:
    refusal = Reply(status=status, body={"message": said})
    with serving(script(refusal)) as (kit, asked):
        assert code_of(apply(kit, MERGE)) == code
    assert mutations(asked) == ["PUT"]


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (405, 'Required status check "test" is expected.'),
        (405, "2 of 2 required status checks are expected."),
        (405, "Repository rule violations found"),
    ],
)
def test_a_merge_of_a_branch_that_is_behind(status: int, said: str) -> None:
    """The words are those of a missing check; which it is, the pull request tells."""
    refusal = Reply(status=status, body={"message": said})
    with serving(script(refusal, pull=pull(mergeable_state="behind"))) as (kit, asked):
        assert code_of(apply(kit, MERGE)) == "behind"
    assert mutations(asked) == ["PUT"]


def test_a_branch_that_the_forge_has_not_seen_yet_is_merged_later() -> None:
    refusal = Reply(
        status=409, body={"message": "Head branch is out of date. Review and try the merge again."}
    )
    with serving(script(refusal)) as (kit, asked), pytest.raises(Transient) as later:
        apply(kit, MERGE)
    assert later.value.code == "out_of_date"
    assert mutations(asked) == ["PUT"]


def test_a_merge_that_is_not_worked_out_yet_is_asked_later() -> None:
    refusal = Reply(status=405, body={"message": "Pull Request is not mergeable"})
    with serving(script(refusal, pull=pull(mergeable=None))) as (kit, _), pytest.raises(Transient) as later:
        apply(kit, MERGE)
    assert (later.value.code, later.value.retry_after) == ("not_computed", 5.0)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"head": {"ref": "penstock/c-1", "sha": sha("2")}}, "head_moved"),
        ({"head": {"ref": "penstock/c-1", "sha": sha("2")}, "merged": True, "state": "closed"}, "head_moved"),
        ({"state": "closed"}, "closed"),
        ({"base": {"ref": "release"}}, "retargeted"),
    ],
)
def test_a_pull_request_that_is_not_what_was_judged_is_not_merged(
    fields: dict[str, object], code: str
) -> None:
    with serving(script(Reply(body={}), pull=pull(**fields))) as (kit, asked):
        assert code_of(apply(kit, MERGE)) == code
    assert mutations(asked) == []


def test_a_merge_that_happened_is_found() -> None:
    merged = pull(merged=True, state="closed")
    with serving(script(Reply(body={}), pull=merged)) as (kit, asked):
        assert apply(kit, MERGE) == Written(sha=sha("9"), number=7)
    assert mutations(asked) == []


def test_a_merge_says_exactly_what() -> None:
    with serving(script(Reply(body={"sha": sha("9"), "merged": True}))) as (kit, asked):
        assert apply(kit, MERGE) == Written(sha=sha("9"), number=7)
    body = json.loads(next(request.body for request in asked if request.method == "PUT"))
    assert body == {"sha": HEAD, "merge_method": "squash", "commit_title": "t", "commit_message": "m"}


@pytest.mark.parametrize("wanted", ALL, ids=lambda wanted: type(wanted).__name__)
@pytest.mark.parametrize(
    ("now", "code"),
    [(repository(archived=True), "archived"), (None, "gone"), (repository(node_id="R_2"), "gone")],
    ids=["archived", "gone", "another of its name"],
)
def test_nothing_is_written_to_a_repository_that_is_no_more(
    wanted: Wanted, now: dict[str, object] | None, code: str
) -> None:
    with serving(script(Reply(body={}), repository=now)) as (kit, asked):
        assert code_of(apply(kit, wanted)) == code
    assert mutations(asked) == []


@pytest.mark.parametrize("wanted", ALL, ids=lambda wanted: type(wanted).__name__)
def test_a_renamed_repository_takes_no_content(wanted: Wanted) -> None:
    """What was approved for one name is not written under another; what tells or cleans up follows the name."""
    renamed = repository(full_name="acme/gadget")
    made = Reply(body={"id": 1})
    with serving(script(made, repository=renamed)) as (kit, asked):
        outcome = apply(kit, wanted)
    sent = [request.path for request in asked if request.method != "GET"]
    if isinstance(wanted, Comment | CloseIssue | Withdraw):
        assert isinstance(outcome, Written)
        assert sent
        assert all(path.startswith("/repos/acme/gadget/") for path in sent)
    else:
        assert code_of(outcome) == "renamed"
        assert sent == []


@pytest.mark.parametrize(
    ("status", "said", "code"),
    [
        (403, "Resource not accessible by personal access token", "forbidden"),
        (403, "Repository was archived so is read-only.", "archived"),
        (404, "Not Found", "gone"),
        (410, "This issue was deleted", "gone"),
        (422, "Repository rule violations found", "protected"),
        (422, "Protected branch update failed", "protected"),
        (307, "Moved Permanently", "renamed"),
    ],
)
def test_refusals_of_any_write(status: int, said: str, code: str) -> None:
    refusal = Reply(
        status=status, body={"message": said}, headers={"location": "/elsewhere"} if status == 307 else {}
    )
    with serving(script(refusal)) as (kit, asked):
        assert code_of(apply(kit, NOTE)) == code
        assert code_of(apply(kit, TAG)) == code
        assert bool(kit.clock.slept) == (status == 422), "only what may be there already is looked for"
    assert mutations(asked) == ["POST", "POST"]


def test_a_write_that_is_hidden_names_the_permission_too() -> None:
    with serving(script(Reply(status=404, body={"message": "Not Found"}))) as (kit, _):
        outcome = apply(kit, NOTE)
    assert isinstance(outcome, NotWritten)
    assert "Issues (read and write)" in outcome.detail


@pytest.mark.parametrize(("status", "code"), [(401, "unauthorized"), (400, "http_400"), (422, "invalid")])
def test_what_is_no_outcome_is_an_error(status: int, code: str) -> None:
    """A wrong token and a request that GitHub cannot read say nothing about the change."""
    refusal = Reply(status=status, body={"message": "no"})
    with serving(script(refusal)) as (kit, _), pytest.raises(Permanent) as failed:
        apply(kit, NOTE)
    assert failed.value.code == code


@pytest.mark.parametrize(
    ("pulls", "head", "code"),
    [
        ([{"state": "closed"}], HEAD, "closed"),
        ([{"state": "open"}], sha("2"), "head_moved"),
        ([], sha("2"), "head_moved"),
        ([], None, "head_moved"),
    ],
)
def test_a_pull_request_is_not_opened_over_what_moved(
    pulls: list[dict[str, object]], head: str | None, code: str
) -> None:
    listed = [{**pull(), "merged_at": None, **fields} for fields in pulls]
    at = {"object": {"sha": head, "type": "commit"}} if head else None
    with serving(script(Reply(body={}), pulls=listed, head=at)) as (kit, asked):
        assert code_of(apply(kit, OPEN)) == code
    assert mutations(asked) == []


def test_a_pull_request_that_was_merged_is_the_branchs_one() -> None:
    merged = {**pull(state="closed"), "merged_at": NOW.isoformat()}
    with serving(script(Reply(body={}), pulls=[merged], head=None)) as (kit, asked):
        assert apply(kit, OPEN) == Written(number=7)
    assert mutations(asked) == []


def test_somebody_elses_pull_request_of_our_branch_is_in_the_way() -> None:
    refusal = Reply(
        status=422,
        body={
            "message": "Validation Failed",
            "errors": [{"message": "A pull request already exists for acme:penstock/c-1."}],
        },
    )
    theirs = {**pull(), "user": {"login": "mallory"}}
    with serving(script(refusal, pulls=[theirs])) as (kit, asked):
        assert code_of(apply(kit, OPEN)) == "branch_taken"
    assert mutations(asked) == ["POST"]


def test_withdrawing_leaves_alone_what_is_not_ours() -> None:
    """Somebody else's pull request stays open; a branch that was pushed to stays."""
    moved = {"object": {"sha": sha("2"), "type": "commit"}}
    theirs = pull(user={"login": "mallory"})
    with serving(script(Reply(status=204), pull=theirs, head=moved)) as (kit, asked):
        assert apply(kit, LEAVE) == Written(number=7)
    assert mutations(asked) == []
    with serving(script(Reply(status=204), head=moved)) as (kit, asked):
        assert apply(kit, replace(LEAVE, head=None)) == Written(number=7)
    assert mutations(asked) == ["PATCH"]


def test_withdrawing_without_a_number_finds_the_pull_request() -> None:
    listed = {**pull(), "merged_at": None}
    with serving(script(Reply(body={}), pulls=[listed])) as (kit, asked):
        assert apply(kit, replace(LEAVE, number=None)) == Written(number=7)
    assert mutations(asked) == ["PATCH", "DELETE"]


@pytest.mark.parametrize(("state", "sent"), [("open", ["PATCH"]), ("closed", [])])
def test_an_issue_is_closed_once(state: str, sent: list[str]) -> None:
    with serving(script(Reply(body={}), issue={**ISSUE, "state": state})) as (kit, asked):
        assert apply(kit, CLOSE) == Written(number=4)
    assert mutations(asked) == sent


def run(number: int, minutes: int, status: str = "completed") -> dict[str, object]:
    return {"id": number, "status": status, "run_started_at": (NOW + timedelta(minutes=minutes)).isoformat()}


def test_only_runs_from_before_start_again() -> None:
    runs = {"total_count": 3, "workflow_runs": [run(1, -5), run(2, 0), run(3, -1), run(4, 2, "in_progress")]}
    with serving(script(Reply(status=201, body={}), runs=runs)) as (kit, asked):
        assert apply(kit, replace(RERUN, since=NOW.replace(microsecond=900))) == Written(sha=HEAD)
    sent = [request.path for request in asked if request.method == "POST"]
    assert sent == [f"/repos/acme/widget/actions/runs/{number}/rerun" for number in (1, 3)]
    assert f"head_sha={HEAD}" in next(r.path for r in asked if "/actions/runs?" in r.path)


def test_a_run_that_is_going_has_to_end_first() -> None:
    runs = {"total_count": 2, "workflow_runs": [run(1, -5, "in_progress"), run(2, -5)]}
    busy = script(Reply(status=201, body={}), runs=runs)
    with serving(busy) as (kit, asked), pytest.raises(Transient) as going:
        apply(kit, RERUN)
    assert going.value.code == "still_running"
    assert mutations(asked) == ["POST"]


def test_without_a_run_there_is_nothing_to_start_again() -> None:
    with serving(script(Reply(body={}), runs={"total_count": 0, "workflow_runs": []})) as (kit, _):
        assert code_of(apply(kit, RERUN)) == "gone"
