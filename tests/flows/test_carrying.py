"""A base that moves before a write or a merge: what is provably the same goes on, anything else is asked for again."""

import pytest
from tests.flows.house import House, digest_of

from penstock.core.approval import ApprovalScope, CarriedOver
from penstock.core.change.events import CiPassed, GatesEvaluated, PatchSetRebased
from penstock.core.change.model import State
from penstock.core.refs import ChangeId
from penstock.core.verdict import Outcome, Verdict, failures
from penstock.flows.shaping import as_verdict
from penstock.settings import Config, PrManagement


def carried(house: House, name: ChangeId) -> list[tuple[CarriedOver, Verdict]]:
    """What the ledger says of approvals that were to be carried over, with why."""
    found: list[CarriedOver] = []
    for entry in house.home.store.reader.entries(name):
        match entry.event:
            case GatesEvaluated(carried=several):
                found += several
            case CiPassed(carried=one) if one:
                found.append(one)
            case _:
                pass
    texts = house.home.store.texts()
    verdicts = [as_verdict(texts.get(one.verdict) or "") for one in found]
    return [(one, verdict) for one, verdict in zip(found, verdicts, strict=True) if verdict]


def test_what_the_base_left_alone_is_written_and_merged_as_approved(house: House):
    """Once before the branch is written, once before the merge; each time the record says from what to what, and why."""
    repo = house.repository("carried")
    with house.working():
        name = house.start(repo)
        approved = house.until(name, State.WAITING_USER_APPROVAL)
        house.put("carried", "README.md", "somebody else\n")
        house.approve(name)
        opened = house.until(name, State.PR_OPEN, and_=lambda c: bool(c.lanes[0].forward.pull))
        assert digest_of(opened) != digest_of(approved)
        assert len(house.script.briefs) == 1, "nobody was asked to propose again"
        house.report(opened)
        green = house.until(name, State.VERIFYING_CI, and_=lambda c: bool(c.lanes[0].forward.preview))
        offered = green.lanes[0].forward.preview
        house.put("carried", "README.md", "and once more\n")
        house.approve(name, ApprovalScope.MERGE)
        done = house.until(name, State.DONE)
    (content, why), (merge, _) = carried(house, name)
    assert (content.before, content.now) == (digest_of(approved), digest_of(opened))
    assert offered
    assert merge.before == offered.digest
    assert {leaf.rule for leaf in why.children} >= {
        "same_patch",
        "touched_paths",
        "lockfiles",
        "policy",
        "tier",
    }
    rebased = [e.event for e in house.home.store.reader.entries(name) if isinstance(e.event, PatchSetRebased)]
    assert [event.previous for event in rebased] == [digest_of(approved)]
    given = [a for a in done.approvals if a.carried_from]
    assert [a.by.login for a in given] == ["operator", "operator"]
    assert house.kinds(name).count("E_APPROVAL_RECORDED") == 2
    files = house.ask("GET", f"/repos/{repo.full_name}/contents/src/a.py", expect=200).json()
    assert files["size"] == len("x = 1\ny = 2\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "text", "rule"),
    [("requirements.txt", "left-pad==1\n", "lockfiles"), ("docs/CODEOWNERS", "* @ada\n", "code_owners")],
)
def test_what_could_change_the_answer_is_asked_again(house: House, path: str, text: str, rule: str):
    repo = house.repository(f"void-{rule.replace('_', '-')}")
    with house.working():
        name = house.start(repo)
        first = house.until(name, State.WAITING_USER_APPROVAL)
        house.put(repo.name, path, text)
        house.approve(name)
        again = house.until(
            name, State.WAITING_USER_APPROVAL, and_=lambda c: digest_of(c) != digest_of(first)
        )
    assert again.approvals == (), "void for either base"
    assert house.branches(repo) == {"main"}
    ((one, why),) = carried(house, name)
    assert one.outcome is Outcome.BLOCK
    assert [leaf.rule for leaf in failures(why)] == [rule]


@pytest.mark.slow
def test_a_policy_that_was_changed_voids_what_was_approved_of_a_merge(house: House):
    repo = house.repository("void-policy")
    with house.working():
        name = house.to_merge_approval(repo)
    house.approve(name, ApprovalScope.MERGE)
    house.configure(Config(version=1, pr_management=PrManagement(auto_fix_attempts=1)))
    house.put("void-policy", "README.md", "somebody else\n")
    before = house.change(name).lanes[0].forward.preview
    with house.working():
        change = house.until(
            name, State.VERIFYING_CI, and_=lambda c: c.lanes[0].forward.preview not in {None, before}
        )
    assert not [a for a in change.approvals if a.scope is ApprovalScope.MERGE]
    assert not house.pulls(repo)[0]["merged_at"]
    ((_, why),) = carried(house, name)
    assert [leaf.rule for leaf in failures(why)] == ["policy"]
