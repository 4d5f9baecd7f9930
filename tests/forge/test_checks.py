"""Statuses and check runs over REST."""

from tests.forge.proposing import REPO, merge, report, sha_of, state
from tests.forge.robots import reporter, robot
from tests.forge.world import World


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
    wim, head = reporter(proposed), sha_of(proposed, "topic")
    runs = f"{REPO}/check-runs"
    begun = wim.post(runs, json={"name": "unit", "head_sha": head, "status": "in_progress"}).json()
    assert (begun["conclusion"], begun["pull_requests"][0]["number"], begun["app"]["slug"]) == (
        None,
        1,
        "reporter",
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
    other = robot(proposed, permissions={"checks": "write"}).client()
    assert other.post(f"{REPO}/check-suites", json={"head_sha": head}).status_code == 201
    assert wim.post(f"{runs}/{again['id']}/rerequest").status_code == 201
    assert wim.post(f"{suite}/rerequest").status_code == 201
    assert wim.post(runs, json={"name": "x", "head_sha": head, "status": "completed"}).status_code == 422
    assert wim.post(runs, json={"name": "x", "head_sha": "0" * 40}).status_code == 422


def test_an_unsuccessful_head_is_unstable(proposed: World) -> None:
    """What nobody requires does not block."""
    report(proposed, "lint", "failure")
    assert state(proposed) == "unstable"
    assert merge(proposed).status_code == 200


def test_people_report_no_checks(proposed: World) -> None:
    """As GitHub has it: a token of a person is refused, whatever their role; nothing is reported."""
    head, runs = sha_of(proposed, "topic"), f"{REPO}/check-runs"
    run = reporter(proposed).post(runs, json={"name": "unit", "head_sha": head}).json()
    for login in ("olga", "wim"):
        person = proposed.as_(login)
        for answer in (
            person.post(runs, json={"name": "mine", "head_sha": head}),
            person.patch(f"{runs}/{run['id']}", json={"conclusion": "success"}),
            person.post(f"{REPO}/check-suites", json={"head_sha": head}),
        ):
            assert answer.status_code == 403
            assert answer.json()["message"] == "You must authenticate via a GitHub App."
    (seen,) = proposed.as_("olga").get(f"{REPO}/commits/topic/check-runs").json()["check_runs"]
    assert (seen["name"], seen["conclusion"]) == ("unit", None)
