"""How hard each rule of G2 and G3 is, who may waive it, and what a verdict is once that is applied: a closed table."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeVar

from penstock.core.document import nearest
from penstock.core.evidence import DiffFacts
from penstock.core.policy.hazards import FORBIDDABLE
from penstock.core.policy.rules import Policy, Waiver
from penstock.core.policy.tools import FILE_TOOLS, TOOLS, rule_of
from penstock.core.proposal import matches_any
from penstock.core.verdict import Outcome, Verdict, all_of, warned


class Severity(StrEnum):
    WARN = "warn"
    BLOCK = "block"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A rule as it is built in. A layer may make WARN BLOCK; BLOCK stays.

    `waivable`: on named paths, by the layer that owns it; of what is built in, that is the organization's. `partly`: of
    what is less bad it warns, until a layer makes that block, too.
    """

    severity: Severity
    waivable: bool = False
    partly: bool = False


_FIXED = Card(severity=Severity.BLOCK)
_OPEN = Card(severity=Severity.BLOCK, waivable=True)
_PARTLY = Card(severity=Severity.BLOCK, waivable=True, partly=True)
_SOFT = Card(severity=Severity.WARN)
_DEMANDED = Card(severity=Severity.WARN, waivable=True)
"""Blocks where a layer demands it; only there it can be waived."""

BUILT_IN = {
    "own_policy": _FIXED,
    "protected_paths": _FIXED,
    "frozen_paths": _FIXED,
    "in_scope": _FIXED,
    "P-001": _FIXED,
    "G-13": _FIXED,
    "known_vulnerability": _FIXED,
    "lockfile_integrity": _SOFT,
    "dependency_audit": _SOFT,
    "new_dependency": _SOFT,
    "weakened_tests": _DEMANDED,
    "breaking_api": _DEMANDED,
    "line_ends": _DEMANDED,
    "made_elsewhere": _DEMANDED,
    "actions_security": _PARTLY,
    "licences": _PARTLY,
    "complexity": _OPEN,
    "links": _OPEN,
    "no_surprises": _OPEN,
    "names": _OPEN,
    "parses": _OPEN,
}
RULES = (
    BUILT_IN
    | dict.fromkeys(map(rule_of, TOOLS), _SOFT)
    | dict.fromkeys((*FORBIDDABLE, *map(rule_of, FILE_TOOLS)), _DEMANDED)
)
OPEN = frozenset(rule for rule, card in BUILT_IN.items() if card.waivable and card.severity is Severity.BLOCK)
"""What blocks everywhere, and the organization may waive."""


def rule_id(text: str) -> str:
    """The id of a rule that there is. Raises ValueError."""
    if text in RULES:
        return text
    near = nearest(text, list(RULES))
    raise ValueError(f"there is no rule `{text}`" + (f"; did you mean `{near}`?" if near else ""))


def settled(
    facts: DiffFacts, policy: Policy, judge: Callable[[DiffFacts], Verdict], now: datetime | None
) -> Verdict:
    """What `judge` says of the facts, as hard as the policy has its rules, less what is waived.

    A rule is waived by judging it again without the paths that its waivers name; what is left counts as it did, and
    the waivers that were used are in the tree. `now` None: no waiver counts.
    """
    verdict = raised(judge(facts), policy)
    live = [waiver for waiver in policy.waivers if now is not None and now < waiver.until]
    for rule in sorted({waiver.rule for waiver in live}):
        used = [(w, hit) for w in live if w.rule == rule and (hit := _paths(facts, w))]
        node = next(_nodes(verdict, rule), None)
        if used and node and node.outcome is not Outcome.PASS:
            rest = raised(judge(_without(facts, {path for _, hit in used for path in hit})), policy)
            verdict = _exchanged(verdict, rule, _waived(node, next(_nodes(rest, rule), node), used))
    return verdict


def raised(verdict: Verdict, policy: Policy) -> Verdict:
    """The tree with every warning of a rule that the policy requires as a block."""
    if verdict.children:
        return all_of(verdict.rule, (raised(child, policy) for child in verdict.children), verdict.reason)
    harder = verdict.outcome is Outcome.WARN and verdict.rule.partition(".")[0] in policy.require
    return replace(verdict, outcome=Outcome.BLOCK) if harder else verdict


def _paths(facts: DiffFacts, waiver: Waiver) -> tuple[str, ...]:
    return tuple(fact.path for fact in facts.files if matches_any(fact.path, waiver.paths))


def _without(facts: DiffFacts, paths: set[str]) -> DiffFacts:
    return replace(
        facts,
        files=tuple(fact for fact in facts.files if fact.path not in paths),
        collisions=tuple((new, other) for new, other in facts.collisions if new not in paths),
        breaking=_elsewhere(facts.breaking, paths),
        unread=_elsewhere(facts.unread, paths),
        tangled=_elsewhere(facts.tangled, paths),
        workflows=_elsewhere(facts.workflows, paths),
        unaudited=_elsewhere(facts.unaudited, paths),
    )


class _Placed(Protocol):
    @property
    def path(self) -> str: ...


P = TypeVar("P", bound=_Placed)


def _elsewhere(found: tuple[P, ...], paths: set[str]) -> tuple[P, ...]:
    return tuple(one for one in found if one.path not in paths)


def _nodes(verdict: Verdict, rule: str) -> Iterator[Verdict]:
    if verdict.rule == rule:
        yield verdict
        return
    for child in verdict.children:
        yield from _nodes(child, rule)


def _exchanged(verdict: Verdict, rule: str, new: Verdict) -> Verdict:
    if verdict.rule == rule:
        return new
    if not verdict.children:
        return verdict
    return all_of(verdict.rule, (_exchanged(child, rule, new) for child in verdict.children), verdict.reason)


def _waived(node: Verdict, rest: Verdict, used: list[tuple[Waiver, tuple[str, ...]]]) -> Verdict:
    """The same node where the waivers change nothing: what they name is not what is wrong."""
    if rest == node:
        return node
    said = (
        warned(
            f"{node.rule}.waived",
            f"{', '.join(hit[:3])}{' …' if len(hit) > 3 else ''}: waived by {waiver.owner} "
            f"before {waiver.until:%Y-%m-%d}: {waiver.reason}",
        )
        for waiver, hit in used
    )
    return all_of(node.rule, (rest, *said))
