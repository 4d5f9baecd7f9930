"""`human_approval_required`: what is kept for people in every mode. What cannot be told is theirs, too."""

from penstock.core.approval import ApprovalScope
from penstock.core.dependencies.advisories import Standing
from penstock.core.evidence import DiffFacts, FileFact, FileStatus
from penstock.core.policy.patches import is_protected
from penstock.core.policy.rules import Policy, Reserved
from penstock.core.policy.weakening import TESTS
from penstock.core.proposal import matches_any
from penstock.core.risk import SENSITIVE
from penstock.core.sources.api import language_of
from penstock.core.verdict import Verdict, all_of, check, passed

NO_INTERFACE = (*TESTS, "*.md", "*.rst", "*.adoc", "docs/**", "doc/**", "LICENSE*", "CHANGELOG*", "AUTHORS*")
"""What nobody's code can depend on."""


def judge_reserved(facts: DiffFacts, scope: ApprovalScope, policy: Policy) -> Verdict:
    """Is nothing of this patch set's approval, or of its merge, kept for people."""
    asked = [_judge(reserved, facts, scope, policy) for reserved in policy.human_approval]
    return all_of("human_approval_required", asked or (passed("reserved", "nothing is reserved for people"),))


def _judge(reserved: Reserved, facts: DiffFacts, scope: ApprovalScope, policy: Policy) -> Verdict:
    match reserved:
        case Reserved.MERGE_TO_MAIN:
            merges = scope is ApprovalScope.MERGE
            return check(reserved, "every merge goes to a main branch, and is a person's", holds=not merges)
        case Reserved.BREAKING_CHANGES:
            broken = breaking(facts)
            told = "whether it breaks what others use" + (" cannot be told" if broken is None else "")
            return check(reserved, told, holds=None if broken is None else not broken)
        case Reserved.SECURITY_RELATED:
            found = tuple(fact.path for fact in facts.files if _guards(fact, policy))
            worse = tuple(a.name for a in facts.audits if a.audit.standing is not Standing.CLEAN)
            told = ", ".join((*found, *worse)[:3]) or "nothing"
            return check(reserved, f"{told} of it concerns security", holds=not (found or worse))


def breaking(facts: DiffFacts) -> bool | None:
    """Does it take away what others may use, or ask for more; None where that cannot be told of some file of it."""
    public = [fact for fact in facts.files if not matches_any(fact.path, NO_INTERFACE)]
    if facts.breaking or any(fact.status is FileStatus.DELETED for fact in public):
        return True
    untold = facts.unread or any(language_of(fact.path) is None for fact in public)
    return None if untold else False


def _guards(fact: FileFact, policy: Policy) -> bool:
    return matches_any(fact.path, SENSITIVE) or is_protected(fact.path, policy)
