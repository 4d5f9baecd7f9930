"""A write whose answer is lost: it happened or it did not, and nobody knows which before looking."""

import json

import pytest
from tests.contract.github.setting import CUT, REPO, Asked, Going, Reply, authorized, serving, sha

from penstock.adapters.github.failures import Ambiguous
from penstock.adapters.github.once import LOOK_AGAIN
from penstock.core.write import Comment, OpenPull, Written

HEAD = sha("1")
PULL = OpenPull(
    repo=REPO,
    branch="penstock/c-1",
    base_ref="main",
    expected_head=HEAD,
    title="t",
    body="b",
    labels=("bot",),
    draft=False,
)
NOTE = Comment(repo=REPO, number=4, body="done", marker="penstock:c-1:done")


class SmallForge:
    """One repository whose creations can lose their answers, and be seen late."""

    def __init__(self, *, lost: int = 0, effect: bool = True, late: int = 0) -> None:
        self.lost, self.effect, self.late = lost, effect, late
        self.pulls: list[dict[str, object]] = []
        self.comments: list[dict[str, object]] = []
        self.labels: list[str] = []

    def __call__(self, asked: Asked) -> Reply:
        path = asked.path.partition("?")[0].removeprefix("/repos/acme/widget")
        if asked.method == "POST":
            return self._create(path, json.loads(asked.body))
        match path:
            case "/user":
                return Reply(body={"login": "bot"})
            case "":
                return Reply(
                    body={
                        "node_id": "R_1",
                        "full_name": "acme/widget",
                        "default_branch": "main",
                        "archived": False,
                        "private": False,
                        "clone_url": "u",
                    }
                )
            case "/git/ref/heads/penstock/c-1":
                return Reply(body={"object": {"sha": HEAD, "type": "commit"}})
            case "/issues/9/labels":
                return Reply(body=[{"name": name} for name in self.labels])
            case _:
                return Reply(body=self._seen(path))

    def _seen(self, path: str) -> list[dict[str, object]]:
        kept = self.pulls if path == "/pulls" else self.comments
        if kept and self.late:
            self.late -= 1
            return []
        return kept

    def _create(self, path: str, body: dict[str, object]) -> Reply:
        if path.endswith("/labels"):
            self.labels += ["bot"]
            return Reply(body=[])
        lost, self.lost = self.lost > 0, self.lost - 1
        if lost and not self.effect:
            return CUT
        me = {"login": "bot"}
        if path == "/pulls":
            head = {"ref": "penstock/c-1", "sha": HEAD, "repo": {"node_id": "R_1"}}
            self.pulls.append({"number": 9, "state": "open", "user": me, "head": head})
        else:
            self.comments.append({"id": 9, "user": me, "body": body["body"]})
        return CUT if lost else Reply(status=201, body={"number": 9, "id": 9})

    @property
    def made(self) -> int:
        return len(self.pulls) + len(self.comments)


def posts(asked: list[Asked]) -> int:
    return sum(request.method == "POST" and not request.path.endswith("/labels") for request in asked)


@pytest.mark.parametrize("wanted", [PULL, NOTE])
@pytest.mark.parametrize("late", [0, 1])
def test_what_happened_is_found_and_not_done_again(wanted: OpenPull | Comment, late: int) -> None:
    """The answer was lost after the effect, which is seen at once, or only at the second look."""
    forge = SmallForge(lost=1, late=late)
    with serving(forge) as (kit, asked):
        assert kit.writer.apply(authorized(wanted), Going()) == Written(number=9)
    assert (forge.made, posts(asked)) == (1, 1)
    assert kit.clock.slept == list(LOOK_AGAIN[: late + 1])


@pytest.mark.parametrize("wanted", [PULL, NOTE])
def test_what_did_not_happen_is_left_to_the_next_attempt(wanted: OpenPull | Comment) -> None:
    """Two looks, apart, find nothing: it is said to be unknown, and one more attempt makes it."""
    forge = SmallForge(lost=1, effect=False)
    with serving(forge) as (kit, asked):
        with pytest.raises(Ambiguous):
            kit.writer.apply(authorized(wanted), Going())
        assert kit.clock.slept == list(LOOK_AGAIN)
        assert (forge.made, posts(asked)) == (0, 1)
        assert kit.writer.apply(authorized(wanted), Going()) == Written(number=9)
    assert (forge.made, posts(asked)) == (1, 2)


@pytest.mark.parametrize("wanted", [PULL, NOTE])
def test_what_is_seen_only_after_two_looks_is_found_by_the_next_attempt(wanted: OpenPull | Comment) -> None:
    forge = SmallForge(lost=1, late=2)
    with serving(forge) as (kit, asked):
        with pytest.raises(Ambiguous):
            kit.writer.apply(authorized(wanted), Going())
        assert kit.writer.apply(authorized(wanted), Going()) == Written(number=9)
    assert (forge.made, posts(asked)) == (1, 1)


@pytest.mark.parametrize("wanted", [PULL, NOTE])
def test_applying_twice_writes_once(wanted: OpenPull | Comment) -> None:
    forge = SmallForge()
    with serving(forge) as (kit, asked):
        for _ in range(3):
            assert kit.writer.apply(authorized(wanted), Going()) == Written(number=9)
    assert (forge.made, posts(asked)) == (1, 1)
    assert forge.labels == (["bot"] if wanted is PULL else [])
    assert kit.clock.slept == []
