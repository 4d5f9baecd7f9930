"""Reviews, remarks on lines, and asking for them."""

import pytest
from tests.forge.proposing import PULLS, REPO, commit, protect, review, sha_of
from tests.forge.world import World


def test_a_review(proposed: World) -> None:
    """Pending until submitted and seen by its author alone; then dismissed."""
    mia, olga = proposed.as_("mia"), proposed.as_("olga")
    given = review(proposed, "mia", None, "Looks fine")
    where = f"{PULLS}/1/reviews/{given['id']}"
    assert given["state"] == "PENDING"
    assert olga.get(f"{PULLS}/1/reviews").json() == []
    assert (olga.get(where).status_code, mia.get(where).status_code) == (404, 200)
    assert mia.post(f"{PULLS}/1/reviews", json={"body": "again"}).status_code == 422
    assert olga.post(f"{where}/events", json={"event": "APPROVE"}).status_code == 404
    done = mia.post(f"{where}/events", json={"event": "APPROVE"}).json()
    assert (done["state"], done["body"], done["commit_id"]) == (
        "APPROVED",
        "Looks fine",
        sha_of(proposed, "topic"),
    )
    assert mia.post(f"{where}/events", json={"event": "APPROVE"}).status_code == 422
    assert mia.put(where, json={"body": "Looks good"}).json()["body"] == "Looks good"
    assert olga.put(where, json={"body": "x"}).status_code == 403
    assert olga.put(f"{where}/dismissals", json={"message": "moved on"}).json()["state"] == "DISMISSED"
    assert olga.put(f"{where}/dismissals", json={"message": "again"}).status_code == 422
    assert [row["event"] for row in olga.get(f"{REPO}/issues/1/timeline").json()] == [
        *("committed", "reviewed", "review_dismissed"),
    ]


@pytest.mark.parametrize(
    ("login", "event", "body", "status"),
    [
        ("olga", "APPROVE", "", 422),
        ("olga", "REQUEST_CHANGES", "no", 422),
        ("olga", "COMMENT", "note", 200),
        ("mia", "REQUEST_CHANGES", "", 422),
        ("mia", "COMMENT", " ", 422),
        ("mia", "MAYBE", "x", 422),
        ("otto", "APPROVE", "", 200),
    ],
)
def test_who_may_review_how(proposed: World, login: str, event: str, body: str, status: int) -> None:
    """Nobody approves their own; words are needed except for an approval."""
    answer = proposed.as_(login).post(f"{PULLS}/1/reviews", json={"event": event, "body": body})
    assert answer.status_code == status


def test_remarks_on_lines(proposed: World) -> None:
    """A remark needs a line of the diff; answers join its thread; a push makes it outdated."""
    mia, olga, head = proposed.as_("mia"), proposed.as_("olga"), sha_of(proposed, "topic")
    given = review(
        proposed, "mia", "COMMENT", "See", comments=[{"path": "src/widget.py", "position": 3, "body": "3?"}]
    )
    (first,) = olga.get(f"{PULLS}/1/reviews/{given['id']}/comments").json()
    assert (first["line"], first["side"], first["position"]) == (2, "RIGHT", 3)
    assert first["diff_hunk"].startswith("@@ -1,2 +1,6 @@")
    assert first["diff_hunk"].endswith("+    return 3")
    second = mia.post(
        f"{PULLS}/1/comments",
        json={"body": "and this", "commit_id": head, "path": "src/widget.py", "line": 2, "side": "LEFT"},
    ).json()
    assert second["diff_hunk"].endswith("-    return 2")
    answer = olga.post(f"{PULLS}/1/comments/{second['id']}/replies", json={"body": "ok"}).json()
    assert answer["in_reply_to_id"] == second["id"]
    whole = {"body": "file", "commit_id": head, "path": "src/widget.py", "subject_type": "file"}
    assert mia.post(f"{PULLS}/1/comments", json=whole).json()["subject_type"] == "file"
    for place, field in (
        ({"path": "README.md", "line": 1}, "path"),
        ({"path": "src/widget.py", "line": 99}, "line"),
        ({"path": "src/widget.py", "position": 0}, "position"),
    ):
        refused = mia.post(f"{PULLS}/1/comments", json={"body": "x", "commit_id": head, **place})
        assert refused.json()["errors"][0]["field"] == f"pull_request_review_thread.{field}"
    assert olga.get(f"{PULLS}/1").json()["review_comments"] == 4
    listed = olga.get(f"{PULLS}/comments?sort=updated&direction=desc").json()
    assert [row["body"] for row in listed] == ["file", "ok", "and this", "3?"]
    assert olga.get(f"{PULLS}/comments?since=2999-01-01T00:00:00Z").json() == []
    commit(proposed, "topic", "more.txt")
    outdated = olga.get(f"{PULLS}/comments/{first['id']}").json()
    assert (outdated.get("position"), outdated["original_position"]) == (None, 3)


def test_asking_for_reviews(proposed: World) -> None:
    """Collaborators can be asked; whoever answers is no longer asked."""
    olga, where = proposed.as_("olga"), f"{PULLS}/1/requested_reviewers"
    assert olga.post(where, json={"reviewers": ["otto"]}).status_code == 422
    assert olga.post(where, json={"reviewers": ["olga"]}).status_code == 422
    assert proposed.as_("otto").post(where, json={"reviewers": ["mia"]}).status_code == 403
    asked = olga.post(where, json={"reviewers": ["mia", "wim"]}).json()["requested_reviewers"]
    assert [person["login"] for person in asked] == ["mia", "wim"]
    review(proposed, "mia", "APPROVE")
    assert [person["login"] for person in olga.get(where).json()["users"]] == ["wim"]
    left = olga.request("DELETE", where, json={"reviewers": ["wim"]}).json()
    assert left["requested_reviewers"] == []


def test_who_may_dismiss(proposed: World) -> None:
    """Only whom the protection names, and administrators."""
    protect(proposed, required_pull_request_reviews={"dismissal_restrictions": {"users": ["mia"]}})
    given = review(proposed, "wim", "APPROVE")
    where, body = f"{PULLS}/1/reviews/{given['id']}/dismissals", {"message": "no"}
    assert proposed.as_("wim").put(where, json=body).status_code == 403
    assert proposed.as_("mia").put(where, json=body).json()["state"] == "DISMISSED"
