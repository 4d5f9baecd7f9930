"""What was merged, proven or broken: its checks on the base branch, against those that it was merged onto."""

from collections.abc import Iterable

from penstock.core.evidence import CheckFact, CheckStatus
from penstock.core.verdict import Verdict, all_of, blocked, passed, pending, warned

BROKEN = frozenset({"failure", "error", "timed_out", "startup_failure"})
"""A check that was cancelled or left out says nothing about the merge."""


def judge_merged(after: Iterable[CheckFact], before: Iterable[CheckFact], *, settled: bool) -> Verdict:
    """BLOCK where a check fails on the merged commit that did not fail on the one before it.

    `settled`: by now every check has begun that ever will. Until then, and while one runs, PENDING.
    """
    after = tuple(after)
    already = {_name(check) for check in before if check.conclusion in BROKEN}
    verdicts = [_judge(check, already) for check in sorted(after, key=_name)]
    if not after and settled:
        verdicts.append(warned("checks", "nothing was checked after the merge"))
    if not settled:
        verdicts.append(pending("time", "more checks may still begin"))
    return all_of("after the merge", tuple(verdicts))


def _judge(check: CheckFact, already: set[tuple[str, int]]) -> Verdict:
    if check.status is not CheckStatus.COMPLETED:
        return pending(check.name, "running")
    if check.conclusion not in BROKEN:
        return passed(check.name, check.conclusion)
    if _name(check) in already:
        return warned(check.name, f"{check.conclusion}, as before the merge: {check.url}")
    return blocked(check.name, f"{check.conclusion}: {check.url}")


def _name(check: CheckFact) -> tuple[str, int]:
    return check.name, check.app_id or 0
