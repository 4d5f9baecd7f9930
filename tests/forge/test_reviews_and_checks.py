"""Reviews, statuses, check runs, and what protected branches make of them at a merge."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.forge.test_pulls import PULLS, REPO, commit, merge, open_pull, propose, sha_of
from tests.forge.world import World

from localforge import seed
from localforge.access import Role
from localforge.pulls.closing import closes
from localforge.pulls.owners import Rule, matches, owners_of
from localforge.pulls.readiness import Facts, decide

CORPUS = Path("../shared/corpora/codeowners_patterns.json")


@pytest.fixture
def proposed(world: World) -> World:
    """Olga proposes `topic` as number 1; `mia` and `wim` may write."""
    seed.add_collaborator(world.forge, world.widget, world.people["mia"], role=Role.WRITE)
    propose(world, "topic", {"src/widget.py": "def spin():\n    return 3\n\n\ndef stop():\n    return 0\n"})
    open_pull(world, head="topic")
    return world


def review(world: World, login: str, event: str | None, body: str = "", **more: object) -> dict[str, object]:
    sent = {"body": body, **({"event": event} if event else {}), **more}
    answer = world.as_(login).post(f"{PULLS}/1/reviews", json=sent)
    assert answer.status_code == 200, answer.text
    given: dict[str, object] = answer.json()
    return given


def protect(world: World, **rules: object) -> None:
    empty = {
        "required_status_checks": None,
        "enforce_admins": True,
        "required_pull_request_reviews": None,
        "restrictions": None,
    }
    answer = world.as_("olga").put(f"{REPO}/branches/main/protection", json={**empty, **rules})
    assert answer.status_code == 200, answer.text


def state(world: World) -> str:
    return str(world.as_("olga").get(f"{PULLS}/1").json()["mergeable_state"])


def report(world: World, context: str, outcome: str, sha: str | None = None) -> None:
    where = f"{REPO}/statuses/{sha or sha_of(world, 'topic')}"
    assert world.as_("wim").post(where, json={"state": outcome, "context": context}).status_code == 201


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


def test_statuses(proposed: World) -> None:
    """The newest of a context counts; one state for all of them."""
    wim, head = proposed.as_("wim"), sha_of(proposed, "topic")
    assert wim.get(f"{REPO}/commits/topic/status").json()["state"] == "pending"
    for context, outcome in (("ci/a", "failure"), ("ci/b", "success"), ("ci/a", "success")):
        report(proposed, context, outcome)
    combined = wim.get(f"{REPO}/commits/topic/status").json()
    assert (combined["state"], combined["total_count"], combined["sha"]) == ("success", 2, head)
    assert [row["context"] for row in combined["statuses"]] == ["ci/b", "ci/a"]
    assert len(wim.get(f"{REPO}/commits/{head}/statuses").json()) == 3
    report(proposed, "ci/c", "error")
    assert wim.get(f"{REPO}/commits/topic/status").json()["state"] == "failure"
    for body in (
        {"state": "good"},
        {"state": "success", "target_url": "ftp://x"},
        {"state": "success", "description": "x" * 141},
    ):
        assert wim.post(f"{REPO}/statuses/{head}", json=body).status_code == 422
    assert wim.post(f"{REPO}/statuses/{'0' * 40}", json={"state": "success"}).status_code == 422
    assert proposed.as_("otto").post(f"{REPO}/statuses/{head}", json={"state": "success"}).status_code == 403


def test_check_runs(proposed: World) -> None:
    """Reported, finished, repeated; the suite follows its newest runs."""
    wim, head = proposed.as_("wim"), sha_of(proposed, "topic")
    runs = f"{REPO}/check-runs"
    begun = wim.post(runs, json={"name": "unit", "head_sha": head, "status": "in_progress"}).json()
    assert (begun["conclusion"], begun["pull_requests"][0]["number"], begun["app"]["slug"]) == (
        None,
        1,
        "wim",
    )
    suite = f"{REPO}/check-suites/{begun['check_suite']['id']}"
    assert wim.get(suite).json()["status"] == "in_progress"
    remark = {"path": "a.py", "start_line": 1, "end_line": 1, "annotation_level": "failure", "message": "no"}
    failed = wim.patch(
        f"{runs}/{begun['id']}",
        json={"conclusion": "failure", "output": {"title": "T", "summary": "S", "annotations": [remark]}},
    ).json()
    assert (failed["status"], failed["output"]["annotations_count"]) == ("completed", 1)
    assert wim.get(f"{runs}/{begun['id']}/annotations").json()[0]["message"] == "no"
    assert wim.get(suite).json()["conclusion"] == "failure"
    again = wim.post(runs, json={"name": "unit", "head_sha": head, "conclusion": "success"}).json()
    assert wim.get(suite).json()["conclusion"] == "success"

    def listed(query: str) -> list[int]:
        return [row["id"] for row in wim.get(f"{REPO}/commits/topic/check-runs?{query}").json()["check_runs"]]

    assert listed("") == [again["id"]]
    assert listed("filter=all") == [again["id"], begun["id"]]
    assert listed("check_name=other") == []
    assert listed("filter=all&status=in_progress") == []
    assert listed(f"app_id={again['app']['id']}") == [again["id"]]
    assert listed("app_id=15368") == []
    assert wim.get(f"{suite}/check-runs?filter=all").json()["total_count"] == 2
    assert wim.get(f"{REPO}/commits/topic/check-suites").json()["total_count"] == 1
    assert wim.post(f"{REPO}/check-suites", json={"head_sha": head}).status_code == 200
    assert proposed.as_("mia").post(f"{REPO}/check-suites", json={"head_sha": head}).status_code == 201
    assert wim.post(f"{runs}/{again['id']}/rerequest").status_code == 201
    assert wim.post(f"{suite}/rerequest").status_code == 201
    assert wim.post(runs, json={"name": "x", "head_sha": head, "status": "completed"}).status_code == 422
    assert wim.post(runs, json={"name": "x", "head_sha": "0" * 40}).status_code == 422


def test_an_unsuccessful_head_is_unstable(proposed: World) -> None:
    """What nobody requires does not block."""
    report(proposed, "lint", "failure")
    assert state(proposed) == "unstable"
    assert merge(proposed).status_code == 200


def test_required_checks(proposed: World) -> None:
    """A status or a check run of that name must have succeeded on the head, whoever asks."""
    protect(proposed, required_status_checks={"strict": False, "contexts": ["unit", "lint"]})
    before = sha_of(proposed, "main")
    assert state(proposed) == "blocked"
    refused = merge(proposed)
    assert refused.status_code == 405
    assert refused.json()["message"] == (
        'Required status check "unit" is expected. Required status check "lint" is expected.'
    )
    report(proposed, "lint", "success")
    head = sha_of(proposed, "topic")
    for conclusion, expected in (("failure", "blocked"), ("success", "clean")):
        body = {"name": "unit", "head_sha": head, "conclusion": conclusion}
        proposed.as_("wim").post(f"{REPO}/check-runs", json=body)
        assert state(proposed) == expected
    commit(proposed, "topic", "later.txt")
    assert (state(proposed), merge(proposed).status_code) == ("blocked", 405)
    assert sha_of(proposed, "main") == before


def test_strict_checks_need_the_newest_base(proposed: World) -> None:
    """Behind until the base is in the head, and checked there again."""
    protect(proposed, required_status_checks={"strict": True, "contexts": ["unit"]}, enforce_admins=False)
    report(proposed, "unit", "success")
    assert state(proposed) == "clean"
    commit(proposed, "main", "base.txt")
    assert state(proposed) == "behind"
    refused = merge(proposed, login="wim")
    assert (refused.status_code, refused.json()["message"]) == (
        405,
        "The head branch is not up to date with the base branch.",
    )
    proposed.as_("olga").put(f"{PULLS}/1/update-branch")
    assert state(proposed) == "blocked"
    report(proposed, "unit", "success")
    assert state(proposed) == "clean"
    assert merge(proposed, login="wim").status_code == 200


def test_administrators_pass_unless_they_are_bound(proposed: World) -> None:
    """`enforce_admins` off: an administrator merges what is blocked, a writer does not."""
    protect(proposed, required_status_checks={"strict": False, "contexts": ["unit"]}, enforce_admins=False)
    assert (state(proposed), merge(proposed, login="wim").status_code) == ("blocked", 405)
    assert merge(proposed, login="olga").status_code == 200


def test_required_reviews(proposed: World) -> None:
    """Approvals of writers count, the last word of each; a push ends them where the rule says so."""
    protect(
        proposed,
        required_pull_request_reviews={"required_approving_review_count": 1, "dismiss_stale_reviews": True},
    )
    assert "At least 1 approving review is required" in merge(proposed).json()["message"]
    review(proposed, "otto", "APPROVE")
    assert state(proposed) == "blocked"
    review(proposed, "mia", "APPROVE")
    assert state(proposed) == "clean"
    review(proposed, "wim", "REQUEST_CHANGES", "wait")
    assert "Changes have been requested" in merge(proposed).json()["message"]
    review(proposed, "wim", "COMMENT", "hm")
    assert state(proposed) == "blocked"
    review(proposed, "wim", "APPROVE")
    assert state(proposed) == "clean"
    commit(proposed, "topic", "later.txt")
    assert (state(proposed), merge(proposed).status_code) == ("blocked", 405)
    review(proposed, "mia", "APPROVE")
    assert merge(proposed).status_code == 200


def test_approval_of_the_last_push(proposed: World) -> None:
    """Whoever pushed last does not count, nor does an approval from before."""
    protect(
        proposed,
        required_pull_request_reviews={
            "required_approving_review_count": 1,
            "require_last_push_approval": True,
        },
    )
    review(proposed, "mia", "APPROVE")
    assert state(proposed) == "clean"
    commit(proposed, "topic", "later.txt")
    assert merge(proposed).json()["message"] == (
        "New changes require approval from someone other than the last pusher."
    )
    review(proposed, "wim", "APPROVE")
    assert state(proposed) == "clean"


def test_who_may_dismiss(proposed: World) -> None:
    """Only whom the protection names, and administrators."""
    protect(proposed, required_pull_request_reviews={"dismissal_restrictions": {"users": ["mia"]}})
    given = review(proposed, "wim", "APPROVE")
    where, body = f"{PULLS}/1/reviews/{given['id']}/dismissals", {"message": "no"}
    assert proposed.as_("wim").put(where, json=body).status_code == 403
    assert proposed.as_("mia").put(where, json=body).json()["state"] == "DISMISSED"


def test_code_owners(proposed: World) -> None:
    """The owner of a changed file must approve; others do not replace them."""
    commit(proposed, "main", ".github/CODEOWNERS", "*.py @wim\n")
    protect(
        proposed,
        required_pull_request_reviews={
            "required_approving_review_count": 1,
            "require_code_owner_reviews": True,
        },
    )
    review(proposed, "mia", "APPROVE")
    assert merge(proposed).json()["message"] == "Waiting on code owner review."
    review(proposed, "wim", "APPROVE")
    assert merge(proposed).status_code == 200


def test_other_rules(proposed: World) -> None:
    """Linear history takes no merge commit; restrictions name who may; conversations are resolved."""
    protect(proposed, required_linear_history=True, required_conversation_resolution=True)
    assert merge(proposed).json()["message"] == "This branch must not contain merge commits."
    place = {"path": "src/widget.py", "line": 2, "body": "why?", "commit_id": sha_of(proposed, "topic")}
    proposed.as_("mia").post(f"{PULLS}/1/comments", json=place)
    assert merge(proposed, merge_method="squash").json()["message"] == "All comments must be resolved."
    protect(proposed, restrictions={"users": ["wim"], "teams": []})
    assert merge(proposed, login="mia").json()["message"] == "You're not authorized to push to this branch."
    assert merge(proposed, login="wim").status_code == 200


FACTS = {
    "open": True,
    "draft": False,
    "conflicts": False,
    "missing": (),
    "behind": False,
    "unsuccessful": False,
}


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, "clean"),
        ({"unsuccessful": True}, "unstable"),
        ({"behind": True, "unsuccessful": True}, "behind"),
        ({"missing": ("x",), "behind": True}, "blocked"),
        ({"draft": True, "missing": ("x",)}, "draft"),
        ({"conflicts": True, "draft": True}, "dirty"),
        ({"conflicts": None}, "unknown"),
        ({"open": False}, "unknown"),
    ],
)
def test_the_word_for_where_it_stands(facts: dict[str, object], expected: str) -> None:
    """The first that applies, from the gravest."""
    build: Callable[..., Facts] = Facts
    assert decide(build(**(FACTS | facts))) == expected


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


def test_owners_patterns() -> None:
    """The last matching line counts, also when it names nobody."""
    known = [
        Rule(pattern="*", owners=("@all",)),
        Rule(pattern="/docs/", owners=("@docs",)),
        Rule(pattern="docs/*.gen", owners=()),
    ]
    assert [owners_of(known, path) for path in ("a.py", "docs/x/y.md", "docs/x.gen")] == [
        ("@all",),
        ("@docs",),
        (),
    ]


@pytest.mark.skipif(not CORPUS.exists(), reason="the shared corpus of CODEOWNERS verdicts is not here")
def test_owners_patterns_as_others_judge_them() -> None:
    """153 verdicts of another implementation."""
    wrong = [
        (case["pattern"], path)
        for case in json.loads(CORPUS.read_text())
        for path, expected in case["paths"].items()
        if matches(case["pattern"], path) != expected
    ]
    assert wrong == []
