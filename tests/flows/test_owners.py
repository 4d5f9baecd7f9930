"""Code owners on a real forge: whose approval a change waits for, and that nothing is written without it."""

from dataclasses import replace

import pytest
from tests.flows.house import ORG, House, lane_in

from localforge import seed
from localforge.forge import Forge
from penstock.core.change.events import ApprovalRecorded
from penstock.core.change.journal import Draft
from penstock.core.change.model import State
from penstock.core.refs import Actor, ChangeId
from penstock.flows.views import text_of

OPERATOR, ANOTHER = "operator", "olga"


def asked(house: House, *, code_owners: bool = True) -> None:
    pulls = house.settings.config.pr_management.model_copy(update={"require_code_owners": code_owners})
    house.configure(house.settings.config.model_copy(update={"pr_management": pulls}))


def gates_of(house: House, name: ChangeId) -> str:
    return text_of(house.home.store.texts(), house.change(name).judgement)


def test_an_owner_who_approves_opens_the_way(house: House):
    asked(house)
    repo = house.repository("owned", {"CODEOWNERS": f"* @{ANOTHER}\nsrc/ @{OPERATOR.upper()}\n"})
    with house.working():
        name = house.start(repo)
        waiting = house.until(name, State.WAITING_USER_APPROVAL)
        assert lane_in(waiting, repo).owners == ((OPERATOR,),)
        assert "must approve" in gates_of(house, name)
        house.approve(name)
        house.until(name, State.PR_OPEN, State.VERIFYING_CI)


def test_without_an_owners_approval_nothing_is_written(house: House):
    asked(house)
    repo = house.repository("others", {".github/CODEOWNERS": f"* @{ANOTHER}\n"})
    with house.working():
        name = house.start(repo)
        house.until(name, State.WAITING_USER_APPROVAL)
        (answer,) = house.approve(name)
        assert answer.recorded
        waiting = house.change(name)
        assert waiting.state is State.WAITING_USER_APPROVAL, "an approval, and not the owner's"
        given = waiting.approvals[0]
        forged = replace(given, id="a-0000000000000000", by=Actor(login=ANOTHER, kind="person"))
        house.home.store.record(name, Draft(key="forged", event=ApprovalRecorded(approval=forged)))
        stopped = house.until(name, State.NEEDS_HUMAN, State.BLOCKED_POLICY)
    assert stopped.reason == "branch_denied", "whoever has no right to write there owns nothing"
    assert house.branches(repo) == {"main"}


@pytest.mark.slow
def test_demanded_since_it_binds_what_was_begun_before(house: House):
    repo = house.repository("demanded", {"CODEOWNERS": f"* @{ANOTHER}\n"})
    with house.working():
        name = house.start(repo)
        house.until(name, State.WAITING_USER_APPROVAL)
    asked(house)
    with house.working():
        house.approve(name)
        assert house.until(name, State.NEEDS_HUMAN, State.BLOCKED_POLICY).reason == "branch_denied"
    assert house.branches(repo) == {"main"}


UNKNOWN = {
    "a line that is none": ("* @operator\n!x @operator\n", "line 2"),
    "a team that is none": (f"* @{ORG}/ghosts\n", "could not be read"),
    "another organization's team": ("* @elsewhere/team\n", "could not be read"),
    "an address": ("* dev@example.org\n", "could not be read"),
}


@pytest.mark.parametrize(("text", "why"), UNKNOWN.values(), ids=UNKNOWN)
def test_owners_that_cannot_be_told_are_nobody(house: House, text: str, why: str):
    asked(house)
    repo = house.repository(f"unclear-{list(UNKNOWN.values()).index((text, why))}", {"CODEOWNERS": text})
    with house.working():
        name = house.start(repo)
        assert house.until(name, State.NEEDS_HUMAN).reason == "gates_unknown"
    assert why in gates_of(house, name)
    assert house.branches(repo) == {"main"}


@pytest.mark.slow
def test_a_members_approval_is_its_teams(house: House):
    asked(house)
    forge = Forge(house.embedded.forge_state)
    keepers = seed.NewTeam(name="Keepers", members=(seed.account(forge, OPERATOR),))
    seed.create_team(forge, seed.account(forge, ORG), keepers)
    forge.close()
    repo = house.repository("kept", {"docs/CODEOWNERS": f"*.py @{ORG}/keepers\n"})
    with house.working():
        name = house.start(repo)
        house.until(name, State.WAITING_USER_APPROVAL)
        house.approve(name)
        house.until(name, State.PR_OPEN, State.VERIFYING_CI)


@pytest.mark.slow
def test_where_owners_are_not_asked_anybody_with_the_right_approves(house: House):
    repo = house.repository("unasked", {"CODEOWNERS": f"* @{ANOTHER}\n"})
    with house.working():
        name = house.start(repo)
        house.until(name, State.WAITING_USER_APPROVAL)
        house.approve(name)
        house.until(name, State.PR_OPEN, State.VERIFYING_CI)
