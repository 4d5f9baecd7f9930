"""Issues, labels, milestones, comments, people, history and search over REST. Shapes are judged by the client."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.forge.world import World, build

ISSUES = "/repos/acme/widget/issues"


@pytest.fixture(scope="module")
def populated(tmp_path_factory: pytest.TempPathFactory, clone: Path) -> Iterator[World]:
    """Four issues that differ in everything that can be asked for; nobody changes them."""
    world = build(tmp_path_factory.mktemp("populated") / "state", clone)
    world.forge.clock = lambda: "2026-02-02T10:00:00Z"
    olga = world.as_("olga")
    olga.post("/repos/acme/widget/milestones", json={"title": "One"})
    olga.post(ISSUES, json={"title": "one", "body": "ask @wim for a sprocket", "labels": ["bug"]})
    olga.post(ISSUES, json={"title": "two", "body": "left handed"})
    olga.patch(f"{ISSUES}/2", json={"state": "closed"})
    third = {"title": "three", "labels": ["bug", "question"], "assignees": ["mia"], "milestone": 1}
    olga.post(ISSUES, json=third)
    world.as_("otto").post(ISSUES, json={"title": "four"})
    olga.post(f"{ISSUES}/1/comments", json={"body": "a flange"})
    yield world
    world.forge.close()


def numbers(world: World, query: str) -> list[int]:
    return [item["number"] for item in world.as_("olga").get(f"{ISSUES}?{query}").json()]


def test_an_issue_from_opening_to_reopening(world: World) -> None:
    """Every change shows in the issue, its events and its timeline, and nothing shows that did not happen."""
    olga, otto = world.as_("olga"), world.as_("otto")
    issue = olga.post(
        ISSUES,
        json={"title": " Spin ", "body": "It spins.", "labels": ["bug", "fresh"], "assignees": ["mia"]},
    )
    assert issue.status_code == 201
    assert issue.headers["location"] == "http://forge.test/repos/acme/widget/issues/1"
    assert [label["name"] for label in issue.json()["labels"]] == ["bug", "fresh"]
    assert issue.json()["labels"][1]["color"] == "ededed"
    assert (issue.json()["title"], issue.json()["assignee"]["login"]) == ("Spin", "mia")
    assert issue.json()["author_association"] == "MEMBER"
    assert olga.get("/repos/acme/widget").json()["open_issues_count"] == 1

    assert otto.patch(f"{ISSUES}/1", json={"title": "Mine"}).status_code == 403
    changed = {
        "title": "Spins",
        "state": "closed",
        "state_reason": "not_planned",
        "labels": [],
        "assignees": [],
    }
    closed = olga.patch(f"{ISSUES}/1", json=changed).json()
    assert (closed["state"], closed["state_reason"], closed["closed_by"]["login"]) == (
        "closed",
        "not_planned",
        "olga",
    )
    assert (closed["labels"], closed["assignees"]) == ([], [])
    assert olga.get("/repos/acme/widget").json()["open_issues_count"] == 0
    again = olga.patch(f"{ISSUES}/1", json={"state": "open", "body": None}).json()
    assert (again["state_reason"], again["closed_at"], again["body"]) == ("reopened", None, None)
    happened = [entry["event"] for entry in olga.get(f"{ISSUES}/1/events").json()]
    assert happened == [
        *("labeled", "labeled", "assigned"),
        *("renamed", "closed", "unlabeled", "unlabeled", "unassigned", "reopened"),
    ]
    before = olga.get(f"{ISSUES}/1/events").json()
    olga.patch(f"{ISSUES}/1", json={"state": "open", "title": "Spins"})
    assert olga.get(f"{ISSUES}/1/events").json() == before


def test_what_a_stranger_may_not_set_is_left_out(world: World) -> None:
    """Labels, assignees and milestone need triage rights; the issue itself does not."""
    world.as_("olga").post("/repos/acme/widget/milestones", json={"title": "One"})
    wanted = {"title": "Hello", "labels": ["bug"], "assignees": ["mia"], "milestone": 1}
    issue = world.as_("otto").post(ISSUES, json=wanted)
    assert issue.status_code == 201
    assert (issue.json()["labels"], issue.json()["assignees"], issue.json()["milestone"]) == ([], [], None)
    assert issue.json()["author_association"] == "NONE"
    assert world.client().post(ISSUES, json=wanted).status_code == 401


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"title": "  "}, "title", "missing_field"),
        ({"title": "x" * 257}, "title", "custom"),
        ({"title": "x", "body": "y" * 65537}, "body", "custom"),
        ({"title": "x", "assignees": ["otto"]}, "assignees", "invalid"),
        ({"title": "x", "milestone": 7}, "milestone", "invalid"),
        ({"title": "x", "labels": [""]}, "name", "invalid"),
    ],
)
def test_refused_issues(world: World, body: dict[str, object], field: str, code: str) -> None:
    """422 names the field, and nothing is written."""
    answer = world.as_("olga").post(ISSUES, json=body)
    assert answer.status_code == 422
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [(field, code)]
    assert numbers(world, "state=all") == []


def test_issues_switched_off(world: World) -> None:
    """410 in a repository without issues."""
    olga = world.as_("olga")
    assert olga.patch("/repos/acme/widget", json={"has_issues": False}).status_code == 200
    assert olga.post(ISSUES, json={"title": "x"}).status_code == 410


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [4, 3, 1]),
        ("state=closed", [2]),
        ("state=all&direction=asc", [1, 2, 3, 4]),
        ("labels=bug", [3, 1]),
        ("labels=bug,question", [3]),
        ("creator=otto", [4]),
        ("assignee=mia", [3]),
        ("assignee=none", [4, 1]),
        ("assignee=*", [3]),
        ("milestone=1", [3]),
        ("milestone=none", [4, 1]),
        ("mentioned=wim", [1]),
        ("sort=comments", [1, 4, 3]),
        ("since=2999-01-01T00:00:00Z", []),
        ("since=2000-01-01T00:00:00Z&state=all", [4, 3, 2, 1]),
        ("per_page=1&page=2", [3]),
    ],
)
def test_filters(populated: World, query: str, expected: list[int]) -> None:
    """Every filter of the list, alone."""
    assert numbers(populated, query) == expected


@pytest.mark.parametrize("query", ["state=ajar", "since=yesterday", "sort=size", "milestone=soon"])
def test_refused_filters(populated: World, query: str) -> None:
    """A filter that means nothing is refused, not ignored."""
    assert populated.as_("olga").get(f"{ISSUES}?{query}").status_code == 422


def test_comments(world: World) -> None:
    """Comments are counted, changed by whom they belong to, and gone when deleted."""
    olga, otto = world.as_("olga"), world.as_("otto")
    olga.post(ISSUES, json={"title": "Talk"})
    mine = otto.post(f"{ISSUES}/1/comments", json={"body": "Hello **you**"}).json()
    assert mine["author_association"] == "NONE"
    where = f"{ISSUES}/comments/{mine['id']}"
    assert world.as_("mia").patch(where, json={"body": "no"}).status_code == 403
    assert otto.patch(where, json={"body": "Hello <b>you</b>"}).json()["body"] == "Hello <b>you</b>"
    rendered = otto.get(where, headers={"accept": "application/vnd.github.html+json"}).json()
    assert rendered["body_html"] == "<p>Hello &lt;b&gt;you&lt;/b&gt;</p>\n"
    assert olga.get(f"{ISSUES}/1").json()["comments"] == 1
    assert otto.post(f"{ISSUES}/1/comments", json={"body": " "}).status_code == 422
    assert [row["id"] for row in olga.get(f"{ISSUES}/1/comments").json()] == [mine["id"]]
    assert [row["id"] for row in olga.get(f"{ISSUES}/comments?sort=updated").json()] == [mine["id"]]
    assert [row["event"] for row in olga.get(f"{ISSUES}/1/timeline").json()] == ["commented"]
    assert olga.delete(where).status_code == 204
    assert (otto.get(where).status_code, olga.get(f"{ISSUES}/1").json()["comments"]) == (404, 0)
    assert olga.get(f"{ISSUES}/1/comments").json() == []


def test_a_locked_conversation(world: World) -> None:
    """Only who may write comments on a locked issue."""
    olga, otto, wim = world.as_("olga"), world.as_("otto"), world.as_("wim")
    otto.post(ISSUES, json={"title": "Hot"})
    assert otto.put(f"{ISSUES}/1/lock").status_code == 403
    assert olga.put(f"{ISSUES}/1/lock", json={"lock_reason": "too heated"}).status_code == 204
    assert olga.get(f"{ISSUES}/1").json()["active_lock_reason"] == "too heated"
    assert otto.post(f"{ISSUES}/1/comments", json={"body": "but"}).status_code == 403
    assert wim.post(f"{ISSUES}/1/comments", json={"body": "calm"}).status_code == 201
    assert olga.delete(f"{ISSUES}/1/lock").status_code == 204
    assert otto.post(f"{ISSUES}/1/comments", json={"body": "ok"}).status_code == 201
    assert [row["event"] for row in olga.get(f"{ISSUES}/1/events").json()] == ["locked", "unlocked"]


def test_labels(world: World) -> None:
    """GitHub's nine to begin with; made, renamed, put on, taken off, removed."""
    olga, labels = world.as_("olga"), "/repos/acme/widget/labels"
    assert len(olga.get(labels).json()) == 9
    assert world.as_("otto").post(labels, json={"name": "x"}).status_code == 403
    made = olga.post(labels, json={"name": "area: git/core", "color": "0052cc", "description": "Git"})
    assert (made.status_code, made.json()["default"]) == (201, False)
    assert olga.get(f"{labels}/area: git/core").json()["description"] == "Git"
    for body, code in (
        ({"name": "BUG"}, "already_exists"),
        ({"name": "y", "color": "red"}, "invalid"),
        ({"name": "z" * 51}, "custom"),
    ):
        assert olga.post(labels, json=body).json()["errors"][0]["code"] == code
    olga.post(ISSUES, json={"title": "Label me"})
    on_issue = f"{ISSUES}/1/labels"
    assert len(olga.post(on_issue, json={"labels": ["bug", "area: git/core"]}).json()) == 2
    assert len(olga.post(on_issue, json=["BUG", {"name": "question"}]).json()) == 3
    renamed = olga.patch(f"{labels}/bug", json={"new_name": "defect"}).json()
    assert (renamed["name"], renamed["color"]) == ("defect", "d73a4a")
    names = [label["name"] for label in olga.delete(f"{on_issue}/question").json()]
    assert names == ["defect", "area: git/core"]
    assert olga.delete(f"{on_issue}/question").status_code == 404
    assert [label["name"] for label in olga.put(on_issue, json={"labels": ["invalid"]}).json()] == ["invalid"]
    assert olga.delete(f"{labels}/invalid").status_code == 204
    assert olga.get(on_issue).json() == []
    olga.post(on_issue, json={"labels": ["wontfix"]})
    assert olga.delete(on_issue).status_code == 204
    assert olga.get(f"{ISSUES}/1").json()["labels"] == []


def test_assignees_and_milestones(world: World) -> None:
    """Who belongs to the repository can be assigned; a milestone counts its issues."""
    olga, milestones = world.as_("olga"), "/repos/acme/widget/milestones"
    assert [person["login"] for person in olga.get("/repos/acme/widget/assignees").json()] == [
        "mia",
        "olga",
        "wim",
    ]
    assert olga.get("/repos/acme/widget/assignees/WIM").status_code == 204
    assert olga.get("/repos/acme/widget/assignees/otto").status_code == 404
    olga.post(ISSUES, json={"title": "Work"})
    assert (
        len(
            olga.post(f"{ISSUES}/1/assignees", json={"assignees": ["wim", "mia", "otto"]}).json()["assignees"]
        )
        == 2
    )
    left = olga.request("DELETE", f"{ISSUES}/1/assignees", json={"assignees": ["wim"]}).json()
    assert [person["login"] for person in left["assignees"]] == ["mia"]
    assert olga.post(milestones, json={"title": "One", "due_on": "2026-05-01T00:00:00Z"}).status_code == 201
    assert olga.patch(f"{ISSUES}/1", json={"milestone": 1}).json()["milestone"]["open_issues"] == 1
    assert olga.patch(f"{milestones}/1", json={"state": "closed"}).json()["closed_at"] is not None
    assert olga.get(milestones).json() == []
    assert len(olga.get(f"{milestones}?state=all").json()) == 1
    assert olga.get(f"{milestones}/2").status_code == 404
    assert olga.patch(f"{ISSUES}/1", json={"milestone": None}).json()["milestone"] is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("repo:acme/widget sprocket", {1}),
        ('"left handed"', {2}),
        ("flange", {1}),
        ("is:open is:issue", {1, 3, 4}),
        ("is:closed", {2}),
        ("label:bug,question", {1, 3}),
        ("label:bug -label:question", {1}),
        ("author:otto", {4}),
        ("-author:otto", {1, 2, 3}),
        ("assignee:mia", {3}),
        ("no:assignee", {1, 2, 4}),
        ("milestone:one", {3}),
        ("in:title sprocket", set()),
        ("comments:>=1", {1}),
        ("comments:0..0", {2, 3, 4}),
        ("created:2026-02-02", {1, 2, 3, 4}),
        ("created:<2026-02-02", set()),
        ("created:>2026-02-02", set()),
        ("updated:2026-01-01..*", {1, 2, 3, 4}),
        ("updated:*..2026-01-01", set()),
        ("org:acme is:pr", set()),
        ("author:@me", {1, 2, 3}),
        ("commenter:@me", {1}),
        ("involves:mia", {3}),
        ("involves:@me", {1, 2, 3}),
        ("review-requested:@me", set()),
        ("-reviewed-by:@me", {1, 2, 3, 4}),
    ],
)
def test_search(populated: World, query: str, expected: set[int]) -> None:
    """Words, phrases and qualifiers, also negated."""
    found = populated.as_("olga").get("/search/issues", params={"q": query})
    assert {item["number"] for item in found.json()["items"]} == expected
    assert found.json()["total_count"] == len(expected)


def test_search_hides_what_the_caller_may_not_see(world: World) -> None:
    """Another's private repository is neither searched nor confirmed to exist."""
    world.as_("olga").post("/repos/acme/secret/issues", json={"title": "hidden"})
    assert world.as_("olga").get("/search/issues?q=hidden").json()["total_count"] == 1
    assert world.as_("otto").get("/search/issues?q=hidden").json()["total_count"] == 0
    assert world.as_("otto").get("/search/issues?q=repo:acme/secret").status_code == 422
    assert world.as_("otto").get("/search/issues?q=").status_code == 422
