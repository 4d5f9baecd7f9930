"""Merging pull requests: what git has afterwards, what is refused, what else follows."""

import pytest
from tests.forge.proposing import PULLS, REPO, commit, merge, open_pull, propose, sha_of
from tests.forge.world import World

from localforge import refs
from localforge.forge import Forge
from localforge.git.directory import GitDir
from localforge.pulls.closing import closes
from localforge.running import start, stop

MERGES = {
    "merge": ("Merge pull request #1 from acme/topic\n\nSpin", "Olga", "GitHub"),
    "squash": ("Spin (#1)\n\n* Prepare\n\n* Spin faster\n\nMuch faster.", "Wim", "GitHub"),
    "rebase": ("Spin faster\n\nMuch faster.", "Olga", "Olga"),
}


@pytest.mark.parametrize("method", MERGES)
def test_merging(topic: World, method: str) -> None:
    """Message, people and parents of the commit as GitHub makes them; read back by git."""
    olga, store = topic.as_("olga"), topic.forge.git(topic.widget.id)
    base, head = sha_of(topic, "main"), sha_of(topic, "topic")
    open_pull(topic, "wim", head="topic")
    moved = merge(topic, merge_method=method, sha=base)
    assert (moved.status_code, moved.json()["message"]) == (
        409,
        "Head branch was modified. Review and try the merge again.",
    )
    done = merge(topic, merge_method=method, sha=head)
    assert (done.status_code, done.json()["merged"]) == (200, True)
    sha = done.json()["sha"]
    assert sha_of(topic, "main") == sha
    message, author, committer = MERGES[method]
    assert store.text("log", "-1", "--format=%B", sha).startswith(message)
    assert store.text("log", "-1", "--format=%an/%cn", sha) == f"{author}/{committer}"
    parents = {"merge": [base, head], "squash": [base], "rebase": [store.text("rev-parse", f"{sha}^")]}
    assert store.text("rev-parse", f"{sha}^@").split() == parents[method]
    assert store.text("rev-parse", f"{sha}^{{tree}}") == store.text("rev-parse", f"{head}^{{tree}}")
    commits = {"merge": 3, "squash": 1, "rebase": 2}[method]
    assert store.text("rev-list", "--count", f"{base}..{sha}") == str(commits)
    pull = olga.get(f"{PULLS}/1").json()
    assert (pull["state"], pull["merged"], pull["merge_commit_sha"]) == ("closed", True, sha)
    assert (pull["merged_by"]["login"], pull["changed_files"], pull["mergeable"]) == ("olga", 2, None)
    assert olga.get(f"{PULLS}/1/merge").status_code == 204
    assert merge(topic, merge_method=method).status_code == 405
    assert [row["event"] for row in olga.get(f"{REPO}/issues/1/events").json()] == ["merged", "closed"]
    assert olga.patch(f"{PULLS}/1", json={"state": "open"}).status_code == 422


def test_titles_and_messages_of_ones_own(topic: World) -> None:
    """What the caller writes replaces the defaults; a single commit gives a squash its words."""
    propose(topic, "single", {"one.txt": "1\n"}, messages=("One line\n\nAnd why.",))
    store = topic.forge.git(topic.widget.id)
    open_pull(topic, head="single", title="Not this")
    merge(topic, merge_method="squash")
    assert store.text("log", "-1", "--format=%B", "main") == "One line (#1)\n\nAnd why."
    open_pull(topic, head="topic")
    merge(topic, 2, commit_title="Mine", commit_message="All of it")
    assert store.text("log", "-1", "--format=%B", "main") == "Mine\n\nAll of it"


@pytest.mark.parametrize(
    ("settings", "body", "message"),
    [
        ({"allow_merge_commit": False}, {}, "Merge commits are not allowed on this repository."),
        (
            {"allow_squash_merge": False},
            {"merge_method": "squash"},
            "Squash merges are not allowed on this repository.",
        ),
        (
            {"allow_rebase_merge": False},
            {"merge_method": "rebase"},
            "Rebase merges are not allowed on this repository.",
        ),
    ],
)
def test_methods_switched_off(
    topic: World, settings: dict[str, bool], body: dict[str, str], message: str
) -> None:
    """405 for a method that the repository does not allow."""
    open_pull(topic, head="topic")
    topic.as_("olga").patch(REPO, json=settings)
    answer = topic.as_("olga").put(f"{PULLS}/1/merge", json=body)
    assert (answer.status_code, answer.json()["message"]) == (405, message)


def test_what_is_not_merged(topic: World) -> None:
    """Drafts, closed ones, readers: refused, and the branch stays."""
    before = sha_of(topic, "main")
    open_pull(topic, head="topic", draft=True)
    assert merge(topic).json()["message"] == "Pull Request is still a draft"
    assert merge(topic, login="mia").status_code == 403
    topic.as_("olga").patch(f"{PULLS}/1", json={"state": "closed"})
    assert merge(topic).json()["message"] == "Pull Request is not mergeable"
    assert merge(topic, 9).status_code == 404
    assert merge(topic, merge_method="octopus").status_code == 422
    assert sha_of(topic, "main") == before


def test_a_merge_closes_what_it_names(topic: World) -> None:
    """Issues named in the text and in commit messages close; mentions, code and strangers' issues do not."""
    olga = topic.as_("olga")
    for title in ("one", "two", "three", "four"):
        olga.post(f"{REPO}/issues", json={"title": title})
    propose(topic, "fix", {"fix.txt": "x\n"}, messages=("Repair\n\nResolves: #2",))
    open_pull(topic, head="fix", body="Fixes #1, see #3. `Fixes #4`")
    assert merge(topic, 5, commit_message="").status_code == 200
    states = [olga.get(f"{REPO}/issues/{number}").json()["state"] for number in (1, 2, 3, 4)]
    assert states == ["closed", "closed", "open", "open"]
    closed = olga.get(f"{REPO}/issues/2/events").json()[-1]
    assert (closed["event"], closed["commit_id"]) == ("closed", sha_of(topic, "fix"))


def test_a_branch_is_deleted_on_merge(topic: World) -> None:
    """With `delete_branch_on_merge` the head goes, and a pull request stacked on it moves to its base."""
    olga = topic.as_("olga")
    olga.patch(REPO, json={"delete_branch_on_merge": True})
    propose(topic, "stacked", {"stacked.txt": "x\n"})
    open_pull(topic, head="topic")
    open_pull(topic, head="stacked", base="topic")
    assert merge(topic).status_code == 200
    assert olga.get(f"{REPO}/git/ref/heads/topic").status_code == 404
    stacked = olga.get(f"{PULLS}/2").json()
    assert (stacked["state"], stacked["base"]["ref"]) == ("open", "main")
    assert olga.get(f"{PULLS}/1").json()["head"]["ref"] == "topic"


def test_merged_by_a_push(topic: World) -> None:
    """A base branch that comes to contain the head has merged it, whoever moved it."""
    olga = topic.as_("olga")
    open_pull(topic, head="topic")
    head = sha_of(topic, "topic")
    assert olga.patch(f"{REPO}/git/refs/heads/main", json={"sha": head}).status_code == 200
    pull = olga.get(f"{PULLS}/1").json()
    assert (pull["merged"], pull["merge_commit_sha"]) == (True, head)


def test_update_branch(topic: World) -> None:
    """The base is merged into the head; what cannot be is refused."""
    olga, store = topic.as_("olga"), topic.forge.git(topic.widget.id)
    open_pull(topic, head="topic")
    where, head = f"{PULLS}/1/update-branch", sha_of(topic, "topic")
    assert olga.put(where).json()["message"] == "There are no new commits on the base branch."
    base = commit(topic, "main", "base.txt")
    assert olga.put(where, json={"expected_head_sha": base}).status_code == 422
    assert olga.put(where, json={"expected_head_sha": head}).status_code == 202
    assert store.text("rev-parse", "topic^@").split() == [head, base]
    assert olga.get(f"{PULLS}/1").json()["head"]["sha"] == sha_of(topic, "topic")
    commit(topic, "main", "new.txt", "another\n")
    assert olga.put(where).json()["message"] == "merge conflict between base and head"


def test_a_crash_between_git_and_the_store(topic: World) -> None:
    """A merge that git has and the database has not is settled at the next start: merged, told once."""
    open_pull(topic, head="topic", body="Fixes #2")
    topic.as_("olga").post(f"{REPO}/issues", json={"title": "two"})
    forge = topic.forge
    real, git_dir = forge.git, GitDir(forge.git_path(topic.widget.id))

    class DiesAfterwards(GitDir):
        def run(self, *arguments: str, **options: object) -> bytes:
            answer = GitDir.run(self, *arguments, **options)  # type: ignore[arg-type]
            if arguments[:2] == ("update-ref", "--stdin") and b"refs/heads/main" in options["stdin"]:  # type: ignore[operator]
                raise KeyboardInterrupt
            return answer

    dying = DiesAfterwards(git_dir.path)
    forge.git = lambda repo_id: dying if repo_id == topic.widget.id else real(repo_id)  # type: ignore[method-assign]
    settle, refs.settle = refs.settle, lambda *_arguments: []
    with pytest.raises(KeyboardInterrupt):
        merge(topic)
    refs.settle = settle
    dying.close()
    forge.close()

    again = Forge(forge.state, forge.settings)
    start(again)
    count = again.store.db.count
    assert count("SELECT count(*) FROM pull WHERE merged_at IS NOT NULL") == 1
    assert count("SELECT count(*) FROM issue WHERE state = 'open'") == 0
    assert count("SELECT count(*) FROM issue_event WHERE kind = 'merged'") == 1
    assert (
        again.git(topic.widget.id).text("rev-parse", "main")
        == again.store.db.column(str, "SELECT merge_commit_sha FROM pull")[0]
    )
    stop(again)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Fixes #1", [(None, 1)]),
        ("closed: #2 and resolves acme/tools#3", [(None, 2), ("acme/tools", 3)]),
        ("FIX http://forge.test/acme/widget/issues/4.", [("acme/widget", 4)]),
        ("prefixes #5", []),
        ("fixes 6", []),
        ("fixes #7a", []),
        ("```\nfixes #8\n```", []),
        ("see #9", []),
    ],
)
def test_what_a_text_closes(text: str, expected: list[tuple[str | None, int]]) -> None:
    """GitHub's nine keywords, in front of a reference, outside code."""
    assert [(mention.repo, mention.number) for mention in closes(text)] == expected
