"""May policy stand in for a person: for approving one patch set, or for one merge."""

from dataclasses import dataclass, replace

from penstock.core.approval import ApprovalScope
from penstock.core.autonomy.earning import Held
from penstock.core.autonomy.model import GRANTABLE
from penstock.core.evidence import DiffFacts
from penstock.core.policy.dependencies import DEPENDENCY_AUDIT, LOCKFILE_INTEGRITY, judge_dependencies
from penstock.core.policy.rules import Mode, Policy, Tier, Toggles
from penstock.core.verdict import Verdict, all_of, blocked, check, passed


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """What it rests on. `modes`: the one pinned at creation and today's. `quorum`: how many people are asked for.

    `people_approved`: a person approved the content that is to be merged.
    """

    scope: ApprovalScope
    modes: tuple[Mode, Mode]
    tier: Tier | None
    toggles: Toggles
    quorum: int
    owners_asked: bool
    reserved: Verdict
    dependencies: Verdict
    held: Held
    people_approved: bool


def may_policy_approve(stand: Stand) -> Verdict:
    """Authority of policy, in a person's place. Whatever is not known is not allowed."""
    return all_of(
        "policy_approval",
        (
            check(
                "mode",
                "only autonomous lets policy approve; mode is "
                + " and was ".join(dict.fromkeys(mode.value for mode in reversed(stand.modes))),
                holds=all(mode is Mode.AUTONOMOUS for mode in stand.modes),
            ),
            check(
                "G-06",
                f"risk is {stand.tier.value if stand.tier else 'unknown'}; high and critical are a person's",
                holds=stand.tier in GRANTABLE,
            ),
            check("autonomy", "autonomy is not switched off", holds=stand.toggles.autonomy),
            *_merging(stand),
            stand.reserved,
            stand.dependencies,
            all_of("autonomy_held", (stand.held.verdict,)),
            _quorum(stand),
            check(
                "require_reviews",
                f"{stand.quorum} approvals are asked for; policy gives one",
                holds=stand.quorum <= 1,
            ),
            check("code_owners", "code owners are not asked", holds=not stand.owners_asked),
        ),
    )


def judge_alone(facts: DiffFacts, policy: Policy) -> Verdict:
    """G-14 where no person looks at what only warns: the lock file is intact, and all that comes in was audited."""
    return judge_dependencies(
        facts, replace(policy, require=(*policy.require, LOCKFILE_INTEGRITY, DEPENDENCY_AUDIT))
    )


def _merging(stand: Stand) -> tuple[Verdict, ...]:
    if stand.scope is not ApprovalScope.MERGE:
        return ()
    return (
        check("G-11", "not in quarantine", holds=not stand.toggles.quarantine),
        check("automerge", "merging by Penstock is not switched off", holds=stand.toggles.automerge),
    )


def _quorum(stand: Stand) -> Verdict:
    """Without reviewer models the quorum is a person's: who granted the cell, or who approved what is to be merged."""
    if stand.held.grant:
        return passed("quorum", f"{stand.held.grant.by.login} granted this cell, and is the quorum")
    if stand.scope is ApprovalScope.MERGE and stand.people_approved:
        return passed("quorum", "a person approved what is merged")
    return blocked(
        "quorum",
        "nobody granted this cell, and without reviewer models a person approves what was only earned",
    )
