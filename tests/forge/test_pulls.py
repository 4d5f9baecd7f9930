"""Pull requests over REST: opening, following branches, what they contain, and every refusal."""

from pathlib import Path

import httpx
import pytest
from tests.forge.proposing import PULLS, REPO, commit, merge, open_pull, propose, sha_of
from tests.forge.world import World, git

from localforge import repositories, seed
from localforge.access import Role
from localforge.mounted import MountedForge


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


def test_a_collaborator_may_be_asked(topic: World) -> None:
    """Seeded roles reach reviews: what the fixture gives is what is judged."""
    seed.add_collaborator(topic.forge, topic.widget, topic.people["mia"], role=Role.WRITE)
    open_pull(topic, head="topic")
    asked = topic.as_("olga").post(f"{PULLS}/1/requested_reviewers", json={"reviewers": ["mia"]})
    assert [person["login"] for person in asked.json()["requested_reviewers"]] == ["mia"]
