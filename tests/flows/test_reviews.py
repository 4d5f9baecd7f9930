"""People's reviews at the forge: waited for where a branch demands them, counted where the policy says so."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import httpx
import pytest
from tests.flows.house import ORG, House, digest_of
from tests.flows.test_tightening import grant

from localforge import seed
from localforge.access import Role
from localforge.apps.registering import Blueprint
from localforge.forge import Forge
from localforge.store.accounts import by_login
from penstock.core.approval import ApprovalScope
from penstock.core.change.events import ReviewsObserved
from penstock.core.change.model import Change, State
from penstock.core.refs import ChangeId, Digest, RepoRef
from penstock.flows import orders
from penstock.flows.views import is_waiting_for_people, waits_for
from penstock.settings import Config, PrManagement

COUNTED = Config(version=1, pr_management=PrManagement(count_reviews=True))


def review(
    house: House, repo: RepoRef, event: str, *, by: httpx.Client | None = None, commit: str | None = None
) -> int:
    """A person's review of the change's pull request; the operator's unless somebody else is named."""
    body = {"event": event, "body": "As a person."} | ({"commit_id": commit} if commit else {})
    answer = (by or house.person).post(f"/repos/{ORG}/{repo.name}/pulls/1/reviews", json=body)
    assert answer.status_code == 200, answer.text
    return int(answer.json()["id"])


def dismiss(house: House, repo: RepoRef, number: int) -> None:
    path = f"/repos/{ORG}/{repo.name}/pulls/1/reviews/{number}/dismissals"
    house.ask("PUT", path, {"message": "no longer"})


def comment(house: House, repo: RepoRef, text: str, *, by: httpx.Client | None = None) -> str:
    """A person's comment on the change's pull request; its address."""
    answer = (by or house.person).post(f"/repos/{ORG}/{repo.name}/issues/1/comments", json={"body": text})
    assert answer.status_code == 201, answer.text
    return f"/repos/{ORG}/{repo.name}/issues/comments/{answer.json()['id']}"


@contextmanager
def client_of(house: House, token: str) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {token}"}
    with httpx.Client(base_url=house.embedded.url, headers=headers, timeout=30) as client:
        yield client


@contextmanager
def person(house: House, login: str) -> Iterator[httpx.Client]:
    forge = Forge(house.embedded.forge_state)
    account = by_login(forge.store.db, login)
    assert account
    token = seed.create_token(forge, account, "repo")
    forge.close()
    with client_of(house, token) as client:
        yield client


@contextmanager
def bot(house: House) -> Iterator[httpx.Client]:
    """An App that may review everything of the organization."""
    forge = Forge(house.embedded.forge_state)
    org = by_login(forge.store.db, ORG)
    assert org
    rights = {"pull_requests": "write", "contents": "write", "issues": "write"}
    app = seed.create_app(forge, org, Blueprint(name="Reviewer", permissions=rights)).app
    token = seed.create_installation_token(forge, app, seed.install_app(forge, app, org))
    forge.close()
    with client_of(house, token) as client:
        yield client


def demand_reviews(house: House, repo: RepoRef, count: int = 1) -> None:
    house.ask(
        "PUT",
        f"/repos/{ORG}/{repo.name}/branches/main/protection",
        {
            "required_status_checks": {"strict": False, "contexts": ["test"]},
            "enforce_admins": False,
            "required_pull_request_reviews": {"required_approving_review_count": count},
            "restrictions": None,
        },
    )


def approved_by(
    house: House,
    login: str,
    change: Change,
    digest: Digest,
    scope: ApprovalScope = ApprovalScope.CONTENT,
) -> bool:
    desk = replace(house.home.desk(interactive=True), person=login)
    (answer,) = orders.approve(desk, change, (digest,), scope)
    return answer.recorded


def is_reviewed(change: Change) -> bool:
    return any(approval.review for approval in change.approvals)


def seen(house: House, name: ChangeId) -> list[ReviewsObserved]:
    entries = house.home.store.reader.entries(name)
    return [entry.event for entry in entries if isinstance(entry.event, ReviewsObserved)]


@pytest.mark.slow
def test_a_review_that_the_branch_demands_is_waited_for(house: House):
    """Approved here, and not tried: MERGING waits for a person at the forge, whatever the policy counts."""
    repo = house.repository("demanding")
    demand_reviews(house, repo)
    with house.working():
        name = house.to_merge_approval(repo)
        house.approve(name, ApprovalScope.MERGE)
        waiting = house.until(name, State.MERGING)
        assert waits_for(waiting) == "an approving review at the forge, which the branch demands"
        assert is_waiting_for_people(waiting)
        head = waiting.lanes[0].forward.head
        base = house.ask("GET", f"/repos/{ORG}/demanding/git/ref/heads/main").json()["object"]["sha"]
        assert "E_ROLLBACK_POINT_PLACED" not in house.kinds(name)
        review(house, repo, "APPROVE", commit=base)
        review(house, repo, "COMMENT", commit=head)
        assert not [e for e in house.kinds(name) if e in {"E_MERGE_REFUSED", "E_NEEDS_HUMAN", "E_MERGED"}]
        review(house, repo, "APPROVE", commit=head)
        done = house.until(name, State.DONE)
    assert [event.lacking for event in seen(house, name)] == [0]
    assert not is_reviewed(done), "the policy counts none"
    assert "E_MERGE_REFUSED" not in house.kinds(name)


def test_a_review_approves_the_merge_of_exactly_its_head(house: House):
    """Counted where the policy says so; not of who may not write, not of a bot, and of nobody on another commit."""
    house.configure(COUNTED)
    repo = house.repository("counting")
    grant(house, repo, Role.READ)
    with house.working():
        name = house.to_merge_approval(repo)
        base = house.ask("GET", f"/repos/{ORG}/counting/git/ref/heads/main").json()["object"]["sha"]
        head = house.change(name).lanes[0].forward.head
        with person(house, "ben") as ben, bot(house) as robot:
            for reader in (ben, robot):
                review(house, repo, "APPROVE", by=reader)
                comment(house, repo, f"/approve {head}", by=reader)
            review(house, repo, "REQUEST_CHANGES", by=ben)
        review(house, repo, "APPROVE", commit=base)
        comment(house, repo, f"/approve {base}")
        assert house.change(name).state is State.VERIFYING_CI
        number = review(house, repo, "APPROVE")
        done = house.until(name, State.DONE)
    (given,) = [approval for approval in done.approvals if approval.scope is ApprovalScope.MERGE]
    assert (given.review, given.by.login) == (f"pullrequestreview-{number}", "operator")
    assert given.self_approved
    assert house.kinds(name).count("E_APPROVAL_RECORDED") == 1, "of the content"


@pytest.mark.slow
def test_a_comment_that_names_the_head_is_a_review(house: House):
    """Of somebody else than the requester, where others may; as its author left it; and what is revoked stays so."""
    needs_two = PrManagement(count_reviews=True, require_reviews=2)
    house.configure(Config(version=1, pr_management=needs_two))
    repo = house.repository("commenting")
    for login in ("ben", "cleo"):
        grant(house, repo, Role.WRITE, login)
    with house.working(), person(house, "ben") as ben, person(house, "cleo") as cleo:
        name = house.start(repo)
        waiting = house.until(name, State.WAITING_USER_APPROVAL)
        for login in ("ben", "cleo"):
            assert approved_by(house, login, waiting, digest_of(waiting))
        change = house.until(name, State.PR_OPEN, and_=lambda c: bool(c.lanes[0].forward.pull))
        house.report(change)
        house.until(name, State.VERIFYING_CI, and_=lambda c: bool(c.lanes[0].forward.preview))
        head = change.lanes[0].forward.head
        review(house, repo, "APPROVE")
        edited = comment(house, repo, "Nice.", by=cleo)
        time.sleep(1.1)  # the forge tells times in seconds
        house.ask("PATCH", edited, {"body": f"/approve {head}"})
        comment(house, repo, f"> /approve {head}", by=cleo)
        said = comment(house, repo, f"/approve {head}", by=ben)
        reviewed = house.until(name, State.VERIFYING_CI, and_=is_reviewed)
        (given,) = [a for a in reviewed.approvals if a.review]
        assert (given.by.login, given.review) == ("ben", f"issuecomment-{said.rsplit('/', 1)[1]}")
        assert orders.revoke(house.home.desk(interactive=True), reviewed, given.id).recorded
        review(house, repo, "APPROVE", by=cleo)
        counted = house.until(name, State.VERIFYING_CI, and_=is_reviewed)
        assert [a.by.login for a in counted.approvals if a.review] == ["cleo"]
        assert not house.pulls(repo)[0]["merged_at"]
        review(house, repo, "APPROVE", by=ben)
        done = house.until(name, State.DONE)
    assert sorted(a.by.login for a in done.approvals if a.review) == ["ben", "cleo"]


@pytest.mark.slow
def test_nothing_is_counted_unless_the_policy_says_so(house: House):
    repo = house.repository("uncounted")
    with house.working():
        name = house.to_merge_approval(repo)
        review(house, repo, "APPROVE")
        review(house, repo, "REQUEST_CHANGES")
        house.approve(name, ApprovalScope.MERGE)
        done = house.until(name, State.DONE)
    assert not is_reviewed(done)


@pytest.mark.slow
def test_requested_changes_stop_the_merge_until_they_are_dismissed(house: House):
    house.configure(COUNTED)
    repo = house.repository("objecting")
    with house.working():
        name = house.to_merge_approval(repo)
        number = review(house, repo, "REQUEST_CHANGES")
        stopped = house.until(name, State.NEEDS_HUMAN)
        assert stopped.reason == "changes_requested"
        orders.resume(house.home.desk(interactive=True), stopped)
        again = house.until(name, State.NEEDS_HUMAN, and_=lambda c: c.generation > stopped.generation)
        assert again.reason == "changes_requested"
        dismiss(house, repo, number)
        orders.resume(house.home.desk(interactive=True), again)
        house.until(name, State.VERIFYING_CI, and_=lambda c: bool(c.lanes[0].forward.preview))
        house.approve(name, ApprovalScope.MERGE)
        house.until(name, State.DONE)


@pytest.mark.slow
def test_an_objection_right_before_the_merge_is_seen(house: House):
    """Read again by the decision: approved here, and objected to since anybody looked."""
    house.configure(COUNTED)
    repo = house.repository("objecting-late")
    with house.working():
        name = house.to_merge_approval(repo)
    house.approve(name, ApprovalScope.MERGE)
    review(house, repo, "REQUEST_CHANGES")
    with house.working():
        stopped = house.until(name, State.NEEDS_HUMAN)
    assert stopped.reason == "rollback_point_denied"
    assert not house.pulls(repo)[0]["merged_at"]


@pytest.mark.slow
@pytest.mark.parametrize("noticed", [True, False])
def test_a_dismissed_review_approves_nothing(house: House, noticed: bool):
    """One of two that are needed: taken off the record once it is seen, and not counted by the merge's decision before."""
    needs_two = PrManagement(count_reviews=True, require_reviews=2)
    house.configure(Config(version=1, pr_management=needs_two))
    repo = house.repository(f"dismissed-{noticed}".lower())
    grant(house, repo, Role.WRITE)
    grant(house, repo, Role.WRITE, "cleo")
    with house.working():
        name = house.start(repo)
        waiting = house.until(name, State.WAITING_USER_APPROVAL)
        given = [approved_by(house, who, waiting, digest_of(waiting)) for who in ("ben", "operator", "cleo")]
        assert given == [True, False, True], "not by who asked for it"
        change = house.until(name, State.PR_OPEN, and_=lambda c: bool(c.lanes[0].forward.pull))
        house.report(change)
        house.until(name, State.VERIFYING_CI, and_=lambda c: bool(c.lanes[0].forward.preview))
        with person(house, "ben") as ben:
            number = review(house, repo, "APPROVE", by=ben)
        reviewed = house.until(name, State.VERIFYING_CI, and_=is_reviewed)
        if noticed:
            dismiss(house, repo, number)
            house.until(name, State.VERIFYING_CI, and_=lambda c: not is_reviewed(c))
    if not noticed:
        dismiss(house, repo, number)
    preview = reviewed.lanes[0].forward.preview
    assert preview
    assert approved_by(house, "cleo", house.change(name), preview.digest, ApprovalScope.MERGE)
    assert house.change(name).state is (State.VERIFYING_CI if noticed else State.MERGING)
    with house.working():
        if not noticed:
            assert house.until(name, State.NEEDS_HUMAN).reason == "rollback_point_denied"
    assert not house.pulls(repo)[0]["merged_at"]
