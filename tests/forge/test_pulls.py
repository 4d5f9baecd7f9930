"""Pull requests over REST: opening, following branches, what they contain, merging, and every refusal."""

from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest
from tests.forge.world import World, git

from localforge import repositories, seed
from localforge.access import Role
from localforge.forge import Forge
from localforge.git.directory import GitDir
from localforge.mounted import MountedForge
from localforge.running import start, stop

REPO = "/repos/acme/widget"
PULLS = f"{REPO}/pulls"


def sha_of(world: World, branch: str) -> str:
    return str(world.as_("olga").get(f"{REPO}/git/ref/heads/{branch}").json()["object"]["sha"])


def propose(
    world: World, branch: str, files: dict[str, str], *, messages: Sequence[str] = ("Change",)
) -> None:
    """A branch from main with one commit per message; the files change in the last one."""
    work = world.forge.state / f"work-{branch.replace('/', '-')}"
    git("clone", "-q", world.forge.git_path(world.widget.id), work, cwd=world.forge.state)
    git("checkout", "-q", "-b", branch, cwd=work)
    for message in messages:
        for name, text in files.items():
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            (work / name).write_text(text if message is messages[-1] else f"{message}\n")
        git("add", ".", cwd=work)
        git("commit", "-q", "-m", message, cwd=work)
    git("push", "-q", "origin", branch, cwd=work)


def commit(world: World, branch: str, name: str, text: str = "text\n") -> str:
    """One commit on a branch, through the API, which settles it like a push."""
    olga = world.as_("olga")
    head = sha_of(world, branch)
    tree = olga.post(
        f"{REPO}/git/trees",
        json={"base_tree": head, "tree": [{"path": name, "mode": "100644", "type": "blob", "content": text}]},
    ).json()["sha"]
    made = olga.post(f"{REPO}/git/commits", json={"message": f"Add {name}", "tree": tree, "parents": [head]})
    moved = olga.patch(f"{REPO}/git/refs/heads/{branch}", json={"sha": made.json()["sha"]})
    assert moved.status_code == 200, moved.text
    return str(made.json()["sha"])


def open_pull(world: World, login: str = "olga", **body: object) -> httpx.Response:
    return world.as_(login).post(PULLS, json={"title": "Spin", "base": "main", **body})


@pytest.fixture
def topic(world: World) -> World:
    """A world whose branch `topic` changes two files in two commits."""
    propose(
        world,
        "topic",
        {"src/widget.py": "def spin():\n    return 3\n", "new.txt": "new\n"},
        messages=("Prepare", "Spin faster\n\nMuch faster."),
    )
    return world


def merge(world: World, number: int = 1, login: str = "olga", **body: object) -> httpx.Response:
    return world.as_(login).put(f"{PULLS}/{number}/merge", json=body)


def test_a_pull_request(topic: World) -> None:
    """What it proposes, counted; its refs exist in git; its issue side is the same number."""
    olga = topic.as_("olga")
    base, head = sha_of(topic, "main"), sha_of(topic, "topic")
    answer = open_pull(topic, head="topic", body="See #7", draft=True)
    assert answer.status_code == 201
    pull = answer.json()
    assert (pull["number"], pull["draft"], pull["mergeable"], pull["mergeable_state"]) == (
        1,
        True,
        True,
        "draft",
    )
    assert (pull["head"]["label"], pull["head"]["sha"]) == ("acme:topic", head)
    assert (pull["base"]["ref"], pull["base"]["sha"]) == ("main", base)
    assert [pull[name] for name in ("commits", "additions", "deletions", "changed_files")] == [2, 2, 1, 2]
    fetched = topic.forge.git(topic.widget.id)
    assert fetched.text("rev-parse", "refs/pull/1/head") == head
    assert fetched.text("rev-parse", "refs/pull/1/merge^@").split() == [base, head]
    assert pull["merge_commit_sha"] == fetched.text("rev-parse", "refs/pull/1/merge")
    issue = olga.get(f"{REPO}/issues/1").json()
    assert issue["pull_request"]["url"] == pull["url"]
    assert (issue["node_id"], issue["html_url"]) == (pull["node_id"], "http://forge.test/acme/widget/pull/1")
    files = {file["filename"]: file for file in olga.get(f"{PULLS}/1/files").json()}
    assert files["new.txt"]["status"] == "added"
    assert files["src/widget.py"]["patch"].endswith("-    return 2\n+    return 3")
    messages = [entry["commit"]["message"] for entry in olga.get(f"{PULLS}/1/commits").json()]
    assert messages == ["Prepare", "Spin faster\n\nMuch faster."]
    diff = olga.get(f"{PULLS}/1", headers={"accept": "application/vnd.github.diff"})
    assert diff.text.startswith("diff --git a/new.txt b/new.txt")
    patch = olga.get(f"{PULLS}/1", headers={"accept": "application/vnd.github.patch"})
    assert patch.text.count("\nSubject: [PATCH") == 2
    assert olga.get(f"{PULLS}/1/merge").status_code == 404
    assert [row["number"] for row in olga.get(f"{REPO}/commits/{head}/pulls").json()] == [1]


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"head": "nowhere"}, [{"resource": "PullRequest", "code": "invalid", "field": "head"}]),
        ({"head": "nobody:topic"}, [{"resource": "PullRequest", "code": "invalid", "field": "head"}]),
        ({"head": "topic", "base": "no"}, [{"resource": "PullRequest", "code": "invalid", "field": "base"}]),
        (
            {"head": "feature/side"},
            [
                {
                    "resource": "PullRequest",
                    "code": "custom",
                    "message": "No commits between main and feature/side",
                }
            ],
        ),
        (
            {"head": "acme:topic"},
            [
                {
                    "resource": "PullRequest",
                    "code": "custom",
                    "message": "A pull request already exists for acme:topic.",
                }
            ],
        ),
    ],
)
def test_refused_proposals(topic: World, body: dict[str, str], errors: list[dict[str, str]]) -> None:
    """422 in GitHub's words, and no number is used up."""
    assert open_pull(topic, head="topic").status_code == 201
    answer = open_pull(topic, **body)
    assert (answer.status_code, answer.json().get("errors")) == (422, errors)
    assert topic.as_("olga").post(f"{REPO}/issues", json={"title": "next"}).json()["number"] == 2


def test_who_may_propose(topic: World) -> None:
    """A stranger may not propose others' branches; a writer may; nobody anonymous."""
    assert open_pull(topic, "otto", head="topic").status_code == 403
    assert topic.client().post(PULLS, json={"title": "x", "head": "topic", "base": "main"}).status_code == 401
    assert open_pull(topic, "wim", head="topic").json()["author_association"] == "COLLABORATOR"


def test_the_list(topic: World) -> None:
    """By state, head and base."""
    olga = topic.as_("olga")
    propose(topic, "other", {"other.txt": "x\n"})
    open_pull(topic, head="topic")
    open_pull(topic, head="other", base="topic")
    olga.patch(f"{PULLS}/2", json={"state": "closed"})

    def found(query: str) -> list[int]:
        return [row["number"] for row in olga.get(f"{PULLS}?{query}").json()]

    assert found("") == [1]
    assert found("state=all") == [2, 1]
    assert found("state=all&direction=asc") == [1, 2]
    assert found("state=closed&base=topic") == [2]
    assert found("state=all&head=acme:topic") == [1]
    assert found("state=all&head=olga:topic") == []
    assert olga.get(f"{PULLS}?state=merged").status_code == 422


def test_a_push_moves_the_head(topic: World) -> None:
    """The head, the refs and the test merge follow; a moved base is met at the next look."""
    open_pull(topic, head="topic")
    olga = topic.as_("olga")
    head = commit(topic, "topic", "more.txt")
    pull = olga.get(f"{PULLS}/1").json()
    assert (pull["head"]["sha"], pull["commits"], pull["mergeable_state"]) == (head, 3, "clean")
    store = topic.forge.git(topic.widget.id)
    assert store.text("rev-parse", "refs/pull/1/head") == head
    base = commit(topic, "main", "new.txt", "another\n")
    pull = olga.get(f"{PULLS}/1").json()
    assert (pull["mergeable"], pull["mergeable_state"], pull["merge_commit_sha"]) == (False, "dirty", None)
    assert store.attempt("rev-parse", "--verify", "-q", "refs/pull/1/merge")[0] != 0
    assert merge(topic).status_code == 405
    assert sha_of(topic, "main") == base
    events = topic.forge.store.db.column(
        str,
        "SELECT payload ->> 'after' FROM event WHERE kind = 'PullRequestEvent' AND payload ->> 'before' IS NOT NULL",
    )
    assert events == [head]


def test_a_rewritten_head(topic: World) -> None:
    """A force push is told in the history."""
    open_pull(topic, head="topic")
    olga = topic.as_("olga")
    side = sha_of(topic, "main")
    commit(topic, "topic", "x.txt")
    assert olga.patch(f"{REPO}/git/refs/heads/topic", json={"sha": side, "force": True}).status_code == 200
    assert [row["event"] for row in olga.get(f"{REPO}/issues/1/events").json()] == ["head_ref_force_pushed"]


def test_deleted_branches_close(topic: World) -> None:
    """Without its head or its base a pull request closes; with the head back it can be opened again."""
    olga = topic.as_("olga")
    open_pull(topic, head="topic")
    head = sha_of(topic, "topic")
    assert olga.delete(f"{REPO}/git/refs/heads/topic").status_code == 204
    pull = olga.get(f"{PULLS}/1").json()
    assert (pull["state"], pull["merged"], pull["head"]["sha"]) == ("closed", False, head)
    assert [row["event"] for row in olga.get(f"{REPO}/issues/1/events").json()] == [
        "head_ref_deleted",
        "closed",
    ]
    assert olga.patch(f"{PULLS}/1", json={"state": "open"}).status_code == 422
    olga.post(f"{REPO}/git/refs", json={"ref": "refs/heads/topic", "sha": head})
    assert olga.patch(f"{PULLS}/1", json={"state": "open"}).json()["state"] == "open"
    olga.post(f"{REPO}/git/refs", json={"ref": "refs/heads/stable", "sha": sha_of(topic, "main")})
    assert olga.patch(f"{PULLS}/1", json={"base": "stable"}).json()["base"]["ref"] == "stable"
    olga.delete(f"{REPO}/git/refs/heads/stable")
    assert olga.get(f"{PULLS}/1").json()["state"] == "closed"


def test_a_renamed_branch_takes_its_pull_requests_along(topic: World) -> None:
    """Neither head nor base is lost by a rename."""
    olga = topic.as_("olga")
    open_pull(topic, head="topic")
    assert olga.post(f"{REPO}/branches/main/rename", json={"new_name": "trunk"}).status_code == 201
    assert olga.post(f"{REPO}/branches/topic/rename", json={"new_name": "renamed"}).status_code == 201
    pull = olga.get(f"{PULLS}/1").json()
    assert (pull["state"], pull["base"]["ref"], pull["head"]["ref"]) == ("open", "trunk", "renamed")
    assert merge(topic).status_code == 200


def test_update(topic: World) -> None:
    """Author and writers change it, strangers do not; a new base must exist."""
    open_pull(topic, "wim", head="topic")
    assert topic.as_("otto").patch(f"{PULLS}/1", json={"title": "x"}).status_code == 403
    changed = topic.as_("wim").patch(f"{PULLS}/1", json={"title": "Faster", "body": "Why"}).json()
    assert (changed["title"], changed["body"]) == ("Faster", "Why")
    assert topic.as_("wim").patch(f"{PULLS}/1", json={"base": "nowhere"}).status_code == 422
    assert topic.as_("wim").patch(f"{PULLS}/1", json={"state": "closed"}).json()["state"] == "closed"
    assert topic.as_("wim").patch(f"{PULLS}/1", json={"base": "feature/side"}).status_code == 422


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


def test_a_fork(topic: World, tmp_path: Path) -> None:
    """A head in another repository: its commits come along, and its pushes move the pull request."""
    forge = topic.forge
    fork = repositories.create(forge, topic.people["otto"], "widget", columns={"parent_id": topic.widget.id})
    git("clone", "-q", forge.git_path(topic.widget.id), tmp_path / "fork", cwd=tmp_path)
    (tmp_path / "fork" / "fork.txt").write_text("f\n")
    git("add", ".", cwd=tmp_path / "fork")
    git("commit", "-q", "-m", "From a fork", cwd=tmp_path / "fork")
    git("push", "-q", str(forge.git_path(fork.id)), "HEAD:refs/heads/main", cwd=tmp_path / "fork")
    pull = open_pull(topic, "otto", head="otto:main").json()
    assert (pull["head"]["label"], pull["head"]["repo"]["full_name"]) == ("otto:main", "otto/widget")
    assert (pull["commits"], pull["mergeable_state"]) == (1, "clean")
    assert merge(topic).status_code == 200
    repositories.delete(forge, fork)
    # GitHub's description does not know the null that GitHub sends here: not judged.
    plain = httpx.Client(transport=MountedForge(topic.app), base_url="http://forge.test")
    assert plain.get(f"{PULLS}/1").json()["head"]["repo"] is None


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
    from localforge import refs

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


def test_a_collaborator_may_be_asked(topic: World) -> None:
    """Seeded roles reach reviews: what the fixture gives is what is judged."""
    seed.add_collaborator(topic.forge, topic.widget, topic.people["mia"], role=Role.WRITE)
    open_pull(topic, head="topic")
    asked = topic.as_("olga").post(f"{PULLS}/1/requested_reviewers", json={"reviewers": ["mia"]})
    assert [person["login"] for person in asked.json()["requested_reviewers"]] == ["mia"]
