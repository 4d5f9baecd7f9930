"""Requests that were held up on their way until another worker had gone on: what they leave is taken back."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.contract.github.embedded import Embedded, embedded
from tests.contract.github.setting import StopAfter, authorized
from tests.contract.github.test_forge_writes import BRANCH, TEXT, apply, issue, opened

from penstock.core.policy.rules import MergeMethod
from penstock.core.write import Comment, Merge, NotWritten, Wanted, Withdraw, Written


@pytest.fixture
def forge(tmp_path: Path, clone: Path) -> Iterator[Embedded]:
    with embedded(tmp_path, clone) as own:
        yield own


def held_up(forge: Embedded, request: str, meanwhile: Callable[[], object]) -> None:
    """Before this request reaches the forge, once, the other worker does its part."""

    def before(mutation: str) -> None:
        if mutation == request:
            forge.wire.before = lambda _mutation: None
            meanwhile()

    forge.wire.before = before


def late(forge: Embedded, wanted: Wanted) -> Written | NotWritten:
    """Written by a worker that was still wanted when it asked last, and lost its change then."""
    return forge.kit.writer.apply(authorized(wanted), StopAfter(1))


def comments(forge: Embedded, number: int) -> list[int]:
    with forge.owner() as olga:
        return [comment["id"] for comment in olga.get(f"/repos/acme/widget/issues/{number}/comments").json()]


def test_a_comment_that_comes_second_is_taken_back(forge: Embedded) -> None:
    number = issue(forge)
    note = Comment(repo=forge.repo, number=number, body="Done.", marker="penstock:c-1:done")
    first: list[object] = []
    held_up(
        forge, f"POST /repos/acme/widget/issues/{number}/comments", lambda: first.append(apply(forge, note))
    )
    outcome = late(forge, note)
    assert [outcome] == first
    assert isinstance(outcome, Written)
    assert comments(forge, number) == [outcome.number]


def test_only_the_second_of_the_same_comment_is_taken_back(forge: Embedded) -> None:
    number = issue(forge)
    one = Comment(repo=forge.repo, number=number, body="Stopped.", marker="penstock:c-1:needs-human.0")
    other = Comment(repo=forge.repo, number=number, body="Done.", marker="penstock:c-1:done.1")
    held_up(forge, f"POST /repos/acme/widget/issues/{number}/comments", lambda: apply(forge, other))
    assert isinstance(late(forge, one), Written)
    assert len(comments(forge, number)) == 2


def shipped(forge: Embedded) -> None:
    """The whole way of the same content, by another worker: branch, pull request, merge, and the branch deleted."""
    written = apply(forge, forge.content({"src/widget.py": TEXT}))
    assert isinstance(written, Written)
    assert written.sha
    pull = apply(forge, opened(forge, written.sha))
    assert isinstance(pull, Written)
    assert pull.number
    merge = Merge(
        repo=forge.repo,
        number=pull.number,
        base_ref="main",
        expected_head=written.sha,
        method=MergeMethod.SQUASH,
        title="Rename spin",
        message="By Penstock",
    )
    assert isinstance(apply(forge, merge), Written)
    gone = Withdraw(repo=forge.repo, branch=BRANCH, head=written.sha, number=pull.number)
    assert isinstance(apply(forge, gone), Written)


def test_a_branch_that_comes_after_its_merge_is_taken_back(forge: Embedded) -> None:
    content = forge.content({"src/widget.py": TEXT})
    held_up(forge, "POST /repos/acme/widget/git/refs", lambda: shipped(forge))
    outcome = forge.kit.writer.apply(authorized(content), StopAfter(3))
    assert isinstance(outcome, NotWritten)
    assert outcome.code == "closed"
    assert forge.kit.reader.branch_head(forge.repo, BRANCH) is None


def test_no_second_pull_request_comes_from_a_branch_that_was_merged(forge: Embedded) -> None:
    written = apply(forge, forge.content({"src/widget.py": TEXT}))
    assert isinstance(written, Written)
    assert written.sha
    held_up(forge, "POST /repos/acme/widget/pulls", lambda: shipped(forge))
    assert isinstance(late(forge, opened(forge, written.sha)), Written)
    with forge.owner() as olga:
        pulls = olga.get("/repos/acme/widget/pulls", params={"state": "all"}).json()
    assert [pull["merged_at"] is not None for pull in pulls if pull["head"]["ref"] == BRANCH] == [True]
