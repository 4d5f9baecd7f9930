"""A change's whole life on the embedded forge, with every request lost once: before it arrives, or its answer."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from tests.contract.github.embedded import Embedded, embedded
from tests.contract.github.setting import Going, authorized

from penstock.core.policy.rules import MergeMethod
from penstock.core.refs import Sha
from penstock.core.write import (
    CloseIssue,
    Comment,
    Merge,
    NotWritten,
    OpenPull,
    PlaceTag,
    Rerun,
    Wanted,
    Withdraw,
    Written,
)
from penstock.ports import Transient

BRANCH = "penstock/c-1"
TEXT = b"def spin():\n    return 3\n"


def apply(forge: Embedded, wanted: Wanted) -> Written | NotWritten:
    return forge.kit.writer.apply(authorized(wanted), Going())


def insist(forge: Embedded, wanted: Wanted) -> Written:
    """Apply until it works, as the flows do after a Transient; twice in the end, which must change nothing."""
    try:
        outcome = apply(forge, wanted)
    except Transient:
        outcome = apply(forge, wanted)
    assert isinstance(outcome, Written), outcome
    sent = len(forge.wire.mutations)
    assert apply(forge, wanted) == outcome
    assert len(forge.wire.mutations) == sent
    return outcome


def issue(forge: Embedded) -> int:
    with forge.owner() as olga:
        created = olga.post("/repos/acme/widget/issues", json={"title": "Rename", "labels": ["bot-task"]})
    assert created.status_code == 201
    number = created.json()["number"]
    assert isinstance(number, int)
    return number


def opened(forge: Embedded, head: Sha) -> OpenPull:
    return OpenPull(
        repo=forge.repo,
        branch=BRANCH,
        base_ref="main",
        expected_head=head,
        title="Rename spin",
        body="Why and how",
        labels=("penstock", "Automated"),
        draft=False,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What a life leaves at the forge, as anybody can read it."""

    branch: Sha | None
    tag: Sha | None
    main_parents: int
    pulls: tuple[tuple[bool, bool, str], ...]
    labels: frozenset[str]
    comments: int
    issue_open: bool
    branches: int


def live(forge: Embedded) -> Left:
    """Content, pull request, comment, rollback point, merge, issue closed, branch taken away."""
    number = issue(forge)
    base = forge.head("main")
    head = insist(forge, forge.content({"src/widget.py": TEXT})).sha
    assert head is not None
    pull = insist(forge, opened(forge, head)).number
    assert pull is not None
    insist(forge, Comment(repo=forge.repo, number=number, body="Working on it", marker="penstock:c-1:work"))
    insist(forge, PlaceTag(repo=forge.repo, tag="penstock/c-1-before", commit=base))
    merged = insist(
        forge,
        Merge(
            repo=forge.repo,
            number=pull,
            base_ref="main",
            expected_head=head,
            method=MergeMethod.MERGE,
            title="Rename spin",
            message="By Penstock",
        ),
    )
    assert merged.sha == forge.head("main")
    insist(forge, CloseIssue(repo=forge.repo, number=number))
    insist(forge, Withdraw(repo=forge.repo, branch=BRANCH, head=head, number=pull))
    return left(forge, number, pull)


def left(forge: Embedded, number: int, pull: int) -> Left:
    reader = forge.kit.reader
    main = reader.commit(forge.repo, forge.head("main"))
    facts = reader.issue(forge.repo, number)
    assert main is not None
    assert facts is not None
    with forge.owner() as olga:
        pulls = olga.get("/repos/acme/widget/pulls", params={"state": "all"}).json()
        comments = olga.get(f"/repos/acme/widget/issues/{number}/comments").json()
        branches = olga.get("/repos/acme/widget/branches").json()
    numbers = [listed["number"] for listed in pulls]
    shown = [reader.pull(forge.repo, listed) for listed in numbers]
    return Left(
        branch=reader.branch_head(forge.repo, BRANCH),
        tag=reader.tag(forge.repo, "penstock/c-1-before"),
        main_parents=len(main.parents),
        pulls=tuple((p.open, p.merged, p.author) for p in shown if p),
        labels=reader.labels(forge.repo, pull),
        comments=len(comments),
        issue_open=facts.open,
        branches=len(branches),
    )


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, clone: Path) -> tuple[Left, list[str]]:
    with embedded(tmp_path_factory.mktemp("undisturbed"), clone) as forge:
        return live(forge), forge.wire.mutations


def test_a_life_leaves_one_of_everything(undisturbed: tuple[Left, list[str]]) -> None:
    found, mutations = undisturbed
    assert found.branch is None
    assert found.tag is not None
    assert found == Left(
        branch=None,
        tag=found.tag,
        main_parents=2,
        pulls=((False, True, "wim"),),
        labels=frozenset({"penstock", "Automated"}),
        comments=1,
        issue_open=False,
        branches=2,
    )
    assert [mutation.replace("/repos/acme/widget/", "") for mutation in mutations] == [
        "POST git/trees",
        "POST git/commits",
        "POST git/refs",
        "POST pulls",
        "POST issues/2/labels",
        "POST issues/1/comments",
        "POST git/refs",
        "PUT pulls/2/merge",
        "PATCH issues/1",
        f"DELETE git/refs/heads/{BRANCH}",
    ]


@pytest.mark.parametrize("performed", [False, True], ids=["lost before", "answer lost"])
@pytest.mark.parametrize("losing", range(10))
def test_a_lost_request_changes_nothing_in_the_end(
    losing: int, performed: bool, undisturbed: tuple[Left, list[str]], tmp_path: Path, clone: Path
) -> None:
    """Ten mutations, each lost before it arrives or after it took effect."""
    expected, mutations = undisturbed
    assert len(mutations) == 10
    with embedded(tmp_path, clone) as forge:
        forge.wire.losing, forge.wire.performed = losing, performed
        assert live(forge) == expected
        again = {0: 1, 1: 2} if performed else {0: 1, 1: 2, 2: 3}
        assert len(forge.wire.mutations) == 10 + again.get(losing, 0 if performed else 1)


def test_withdrawing_an_open_pull_request(forge: Embedded) -> None:
    head = insist(forge, forge.content({"src/widget.py": TEXT})).sha
    assert head is not None
    pull = insist(forge, opened(forge, head)).number
    insist(forge, Withdraw(repo=forge.repo, branch=BRANCH, head=head, number=None))
    assert forge.kit.reader.branch_head(forge.repo, BRANCH) is None
    facts = forge.kit.reader.pull_of(forge.repo, BRANCH)
    assert facts is not None
    assert (facts.number, facts.open, facts.merged) == (pull, False, False)
    closed = apply(forge, opened(forge, head))
    assert isinstance(closed, NotWritten)
    assert closed.code == "closed"


@pytest.mark.parametrize("method", list(MergeMethod))
def test_methods_of_merging(forge: Embedded, method: MergeMethod) -> None:
    head = insist(forge, forge.content({"src/widget.py": TEXT})).sha
    assert head is not None
    pull = insist(forge, opened(forge, head)).number
    assert pull is not None
    merge = Merge(
        repo=forge.repo,
        number=pull,
        base_ref="main",
        expected_head=head,
        method=method,
        title="t",
        message="m",
    )
    assert insist(forge, merge).sha == forge.head("main")
    assert forge.shown("main", "src/widget.py") == f"100644 {TEXT.decode()}"
    facts = forge.kit.reader.pull(forge.repo, pull)
    assert facts is not None
    assert (facts.merged, facts.merged_by, facts.merge_commit) == (True, "wim", forge.head("main"))


def test_a_conflicting_pull_request_is_not_mergeable(forge: Embedded) -> None:
    wanted = forge.content({"src/widget.py": TEXT})
    head = insist(forge, wanted).sha
    assert head is not None
    pull = insist(forge, opened(forge, head)).number
    assert pull is not None
    with forge.owner() as olga:
        there = olga.get("/repos/acme/widget/contents/src/widget.py").json()
        body = {"message": "Other", "content": "b3RoZXIK", "sha": there["sha"], "branch": "main"}
        assert olga.put("/repos/acme/widget/contents/src/widget.py", json=body).status_code == 200
    merge = Merge(
        repo=forge.repo,
        number=pull,
        base_ref="main",
        expected_head=head,
        method=MergeMethod.MERGE,
        title="t",
        message="m",
    )
    main = forge.head("main")
    refused = apply(forge, merge)
    assert isinstance(refused, NotWritten)
    assert refused.code == "not_mergeable"
    assert forge.head("main") == main


def test_a_protected_base_refuses_the_merge(forge: Embedded) -> None:
    head = insist(forge, forge.content({"src/widget.py": TEXT})).sha
    assert head is not None
    pull = insist(forge, opened(forge, head)).number
    assert pull is not None
    protect(forge)
    refused = apply(
        forge,
        Merge(
            repo=forge.repo,
            number=pull,
            base_ref="main",
            expected_head=head,
            method=MergeMethod.MERGE,
            title="t",
            message="m",
        ),
    )
    assert isinstance(refused, NotWritten)
    assert refused.code == "protected"


def protect(forge: Embedded) -> None:
    rules = {
        "required_status_checks": {"strict": True, "contexts": ["test"]},
        "enforce_admins": True,
        "required_pull_request_reviews": {"required_approving_review_count": 1},
        "restrictions": None,
    }
    with forge.owner() as olga:
        done = olga.put("/repos/acme/widget/branches/main/protection", json=rules)
    assert done.status_code == 200, done.text


def test_a_finished_workflow_run_starts_again_once(forge: Embedded) -> None:
    """One that still goes has to end first."""
    workflow = b"on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - run: 'true'\n"
    head = insist(forge, forge.content({".github/workflows/ci.yml": workflow})).sha
    assert head is not None
    embedded_forge = forge.world.forge
    embedded_forge.bus.drain()
    (run,) = forge.kit.reader.runs(forge.repo, head)
    wanted = Rerun(repo=forge.repo, head=head, since=run.run_started_at + timedelta(hours=1))
    with pytest.raises(Transient) as going:
        apply(forge, wanted)
    assert going.value.code == "still_running"
    with forge.owner() as olga:
        ended = olga.post(f"/repos/acme/widget/actions/runs/{run.id}/cancel")
    assert ended.status_code == 202
    embedded_forge.clock = lambda: (wanted.since + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert insist(forge, wanted) == Written(sha=head)
    (again,) = forge.kit.reader.runs(forge.repo, head)
    assert again.id == run.id
    assert again.run_started_at >= wanted.since


def test_an_archived_repository_takes_no_write(forge: Embedded) -> None:
    wanted = forge.content({"src/widget.py": TEXT})
    with forge.owner() as olga:
        assert olga.patch("/repos/acme/widget", json={"archived": True}).status_code == 200
    refused = apply(forge, wanted)
    assert isinstance(refused, NotWritten)
    assert refused.code == "archived"


def test_a_renamed_repository_takes_no_content_and_is_still_found(forge: Embedded) -> None:
    wanted = forge.content({"src/widget.py": TEXT})
    with forge.owner() as olga:
        assert olga.patch("/repos/acme/widget", json={"name": "gadget"}).status_code == 200
    refused = apply(forge, wanted)
    assert isinstance(refused, NotWritten)
    assert refused.code == "renamed"
    facts = forge.kit.reader.repository(forge.repo)
    assert facts is not None
    assert facts.full_name == "acme/gadget"


def test_a_token_that_may_not_write_says_which_permission(forge: Embedded) -> None:
    forge.kit.token = forge.world.tokens["otto"]
    refused = apply(forge, forge.content({"src/widget.py": TEXT}))
    assert isinstance(refused, NotWritten)
    assert refused.code in {"forbidden", "gone"}
    assert "Contents (read and write)" in refused.detail
