"""Carrying approvals over to another base: only where what was approved is provably what would be written there."""

from dataclasses import dataclass

from penstock.core.dependencies.files import kind_of
from penstock.core.policy.owners import PLACES
from penstock.core.policy.rules import NEVER_WRITABLE, Tier
from penstock.core.proposal import names_any
from penstock.core.refs import Digest
from penstock.core.verdict import Verdict, all_of, check

SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """One repository's patch on the base that was approved, on the base as it is now, and what came between them."""

    patch_before: Digest
    patch_now: Digest
    """Digests of the normalized patches."""
    touched: frozenset[str]
    """Every path that the patch changes, on either base."""
    between: frozenset[str]
    """Every path that differs between the two bases."""
    policy_unchanged: bool
    """Is today's policy the one that was pinned at creation."""
    tier_before: Tier | None
    tier_now: Tier
    gates: Verdict
    """G2 and G3 of the patch on the base as it is now."""


def judge_carrying(moved: Moved) -> Verdict:
    """May approvals be carried over. The verdict is the record of why it is the same."""
    return all_of(
        "carry_over",
        (
            check(
                "same_patch",
                f"the normalized patch was {moved.patch_before}, and is {moved.patch_now}",
                holds=moved.patch_before == moved.patch_now,
            ),
            _untouched(
                "touched_paths",
                moved.touched & moved.between,
                f"none of its {len(moved.touched)} paths differs between the bases",
            ),
            _untouched("code_owners", _matching(moved, PLACES), "CODEOWNERS is as it was"),
            _untouched(
                "lockfiles",
                frozenset(path for path in moved.between if kind_of(path) is not None),
                "no manifest or lock file differs between the bases",
            ),
            _untouched("policy_files", _matching(moved, NEVER_WRITABLE), "no policy file differs, either"),
            check(
                "policy",
                "the policy is the one that was pinned at creation"
                if moved.policy_unchanged
                else "the policy has changed since creation",
                holds=moved.policy_unchanged,
            ),
            check(
                "tier",
                f"the risk was {moved.tier_before or 'unknown'}, and is {moved.tier_now}",
                holds=moved.tier_before is moved.tier_now,
            ),
            moved.gates,
        ),
    )


def _matching(moved: Moved, patterns: tuple[str, ...]) -> frozenset[str]:
    return frozenset(path for path in moved.between if names_any(path, patterns))


def _untouched(rule: str, hit: frozenset[str], fine: str) -> Verdict:
    shown = ", ".join(sorted(hit)[:SHOWN]) + (f" and {len(hit) - SHOWN} more" if len(hit) > SHOWN else "")
    return check(rule, f"changed between the bases: {shown}" if hit else fine, holds=not hit)
