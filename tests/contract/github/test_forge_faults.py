"""The adapter on a forge that fails on purpose: a change's life comes out the same, or somebody is told why not."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.contract.github.embedded import Embedded, embedded
from tests.contract.github.test_forge_writes import BRANCH, TEXT, Left, apply, live, opened

from localforge.faults.rules import Rule
from penstock.adapters.github.failures import Ambiguous, Limited, Refused
from penstock.core.policy.rules import MergeMethod
from penstock.core.refs import Sha
from penstock.core.write import Comment, Merge, NotWritten, Written
from penstock.ports import Transient

WIDGET = "/repos/acme/widget/*"
WRITES = ("POST", "PUT", "PATCH", "DELETE")


@contextmanager
def failing(folder: Path, clone: Path, *rules: Rule) -> Iterator[Embedded]:
    """A forge of its own with these faults."""
    folder.mkdir()
    with embedded(folder, clone) as forge:
        for rule in rules:
            forge.world.forge.faults.add(rule)
        yield forge


def struck(forge: Embedded) -> list[int]:
    return [rule["struck"] for rule in forge.world.forge.faults.json()]  # type: ignore[index,call-overload,misc]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, clone: Path) -> Left:
    with failing(tmp_path_factory.mktemp("faults") / "calm", clone) as forge:
        return live(forge)


def of(kind: str, skip: int = 0, **options: Any) -> tuple[Rule, ...]:
    """The fault at each kind of writing request, once; the very first is the person's who opens the issue."""
    return tuple(
        Rule(kind=kind, path=WIDGET, method=method, skip=skip + (method == "POST"), **options)  # type: ignore[arg-type]
        for method in WRITES
    )


SURVIVED = {
    "a bad gateway before the first write of each kind": of("status"),
    "a server error before a later one": of("status", status=500, skip=2),
    "the answer is lost after the first effect of each kind": of("lost_answer"),
    "the answer is lost after a later one": of("lost_answer", skip=2),
    "a secondary limit": of("secondary_limit", seconds=30),
    "slow answers": (Rule(kind="slow", path=WIDGET, seconds=0.05, count=5),),
    "a read is lost": (Rule(kind="lost_answer", method="GET", path=WIDGET, skip=3),),
}


@pytest.mark.parametrize("rules", SURVIVED.values(), ids=SURVIVED)
def test_a_life_that_comes_out_the_same(
    tmp_path: Path, clone: Path, undisturbed: Left, rules: tuple[Rule, ...]
) -> None:
    """No write is lost and none is made twice."""
    with failing(tmp_path / "forge", clone, *rules) as forge:
        assert live(forge) == undisturbed
        assert any(struck(forge))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_reads_that_are_late_now_and_then(tmp_path: Path, clone: Path, seed: int) -> None:
    """An old answer may cost an attempt; each comment is there once in the end."""
    rule = Rule(kind="stale", path=WIDGET, probability=0.4, count=None, seed=seed)
    with failing(tmp_path / "forge", clone, rule) as forge:
        with forge.owner() as olga:
            number = olga.post("/repos/acme/widget/issues", json={"title": "t"}).json()["number"]
        for text in ("one", "two", "three"):
            note = Comment(repo=forge.repo, number=number, body=text, marker=f"penstock:c-1:{text}")
            assert isinstance(within(5, forge, note), Written)
        assert sum(struck(forge)) > 0
        forge.world.forge.faults.clear()
        with forge.owner() as olga:
            comments = olga.get(f"/repos/acme/widget/issues/{number}/comments").json()
    assert [comment["body"].split()[0] for comment in comments] == ["one", "two", "three"]


def within(attempts: int, forge: Embedded, note: Comment) -> Written | NotWritten | Transient:
    """Apply until it is written, as the flows do after a Transient."""
    outcome: Written | NotWritten | Transient = Transient("unreachable", "not tried")
    for _ in range(attempts):
        try:
            outcome = apply(forge, note)
        except Transient as error:
            outcome = error
        if isinstance(outcome, Written):
            break
    return outcome


def proposed(forge: Embedded) -> tuple[int, Sha]:
    """A pull request of the adapter's, and its head."""
    written = apply(forge, forge.content({"src/widget.py": TEXT}))
    assert isinstance(written, Written)
    assert written.sha
    pull = apply(forge, opened(forge, written.sha))
    assert isinstance(pull, Written)
    assert pull.number
    return pull.number, written.sha


def merging(forge: Embedded, number: int, head: Sha) -> Merge:
    return Merge(
        repo=forge.repo,
        number=number,
        base_ref="main",
        expected_head=head,
        method=MergeMethod.MERGE,
        title="Rename spin",
        message="By Penstock",
    )


def test_an_expired_token_is_said(tmp_path: Path, clone: Path) -> None:
    with failing(tmp_path / "forge", clone, Rule(kind="expired_token", method="GET", path=WIDGET)) as forge:
        with pytest.raises(Refused, match="wrong, expired or revoked") as refused:
            forge.kit.reader.branch_head(forge.repo, "main")
        assert refused.value.code == "unauthorized"
        assert forge.kit.reader.branch_head(forge.repo, "main")


def test_an_archived_repository_is_said(tmp_path: Path, clone: Path) -> None:
    """A merge into it is not written, with the forge's reason; nothing has moved."""
    with failing(tmp_path / "forge", clone) as forge:
        number, head = proposed(forge)
        before = forge.head("main")
        forge.world.forge.faults.add(Rule(kind="archive", path=WIDGET))
        outcome = apply(forge, merging(forge, number, head))
        assert isinstance(outcome, NotWritten), outcome
        assert "archived" in str(outcome)
        assert forge.head("main") == before


def test_a_renamed_repository_is_said(tmp_path: Path, clone: Path) -> None:
    """What was approved for one name is not written under another; nothing has moved."""
    with failing(tmp_path / "forge", clone) as forge:
        number, head = proposed(forge)
        before = forge.head("main")
        forge.world.forge.faults.add(Rule(kind="rename", path=WIDGET))
        outcome = apply(forge, merging(forge, number, head))
        assert isinstance(outcome, NotWritten), outcome
        assert (outcome.code, "at another address" in outcome.detail) == ("renamed", True)
        assert forge.head("main") == before


def test_a_limit_says_how_long(tmp_path: Path, clone: Path) -> None:
    rule = Rule(kind="secondary_limit", method="GET", path=WIDGET, seconds=40)
    with failing(tmp_path / "forge", clone, rule) as forge:
        with pytest.raises(Limited) as limited:
            forge.kit.reader.branch_head(forge.repo, "main")
        assert limited.value.wait == 40


def test_a_base_that_moves_before_the_merge(tmp_path: Path, clone: Path) -> None:
    """The merge is of the head that was approved, on the base as it is then; nothing of either is lost."""
    with failing(tmp_path / "forge", clone) as forge:
        number, head = proposed(forge)
        before = forge.head("main")
        forge.world.forge.faults.add(Rule(kind="move_base", operation="pulls/merge"))
        outcome = apply(forge, merging(forge, number, head))
        assert isinstance(outcome, Written)
        merged = forge.kit.reader.commit(forge.repo, forge.head("main"))
        assert merged
        assert merged.parents[1] == head
        between = forge.kit.reader.commit(forge.repo, merged.parents[0])
        assert between
        assert between.parents == (before,)


def test_a_forge_that_only_fails_is_said_to(tmp_path: Path, clone: Path) -> None:
    """Every request fails: no verdict about the write, an error that says to try again."""
    with failing(tmp_path / "forge", clone, Rule(kind="status", path="*", count=None, status=500)) as forge:
        with pytest.raises(Ambiguous, match="the forge failed"):
            forge.kit.reader.branch_head(forge.repo, "main")
        assert forge.kit.token not in BRANCH
