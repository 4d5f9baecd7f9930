"""Why a signal was routed as it was: every rule that the event could have made true, part by part, with its values."""

from collections.abc import Sequence
from dataclasses import dataclass

from penstock.core.routing.admission import Admission
from penstock.core.routing.facts import Facts
from penstock.core.routing.loading import Rule
from penstock.core.routing.meaning import Value, holds, value_of
from penstock.core.routing.router import Answer, Ignored, Route, Router, Undecided
from penstock.core.routing.tree import Always, Condition, Every, Not, Some, Truth
from penstock.core.verdict import Outcome, Verdict, blocked, passed, unknown

LONGEST_VALUE = 80


def explained(
    router: Router, variants: Sequence[Facts], answer: Answer, admission: Admission | None
) -> Verdict:
    """One tree: who runs, then each rule. A rule that is not reached, or cannot hold, says so."""
    event = variants[0].event
    candidates = router.candidates(event)
    stopper = next((rule.number for rule in _matched(answer) if rule.stop), None)
    rules = [
        _Rule(rule=rule, variants=variants).verdict(reached=stopper is None or rule.number <= stopper)
        for rule in candidates
    ]
    left_out = len(router.rules.rules) - len(candidates)
    if left_out:
        rules.append(blocked("others", f"{_rules(left_out)} that {event} can never make true"))
    tree = Verdict(
        rule="rules",
        outcome=_any_passed(rules),
        reason=f"{_rules(len(candidates))} that {event} can make true",
        children=tuple(rules),
    )
    head = admission.verdict if admission else _headed(answer)
    return Verdict(rule="route", outcome=head.outcome, reason=event, children=(head, tree))


def _rules(count: int) -> str:
    return "1 rule" if count == 1 else f"{count} rules"


def _matched(answer: Answer) -> tuple[Rule, ...]:
    return answer.rules if isinstance(answer, Route) else ()


def _headed(answer: Answer) -> Verdict:
    match answer:
        case Ignored(reason=reason):
            return blocked("routing", reason)
        case Undecided(reason=reason):
            return unknown("routing", reason)
        case Route(runs=runs):
            return passed("routing", ", ".join(run.agent for run in runs))


def _any_passed(rules: Sequence[Verdict]) -> Outcome:
    return Outcome.PASS if any(rule.outcome is Outcome.PASS for rule in rules) else Outcome.BLOCK


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    rule: Rule
    variants: Sequence[Facts]

    def verdict(self, *, reached: bool) -> Verdict:
        rule = self.rule
        if not reached:
            return blocked(rule.where, "not asked: a rule before it stops")
        facts = next((one for one in self.variants if holds(rule.condition, one)), self.variants[0])
        inner = self._verdict(rule.condition, facts)
        runs = ", ".join(rule.run)
        stops = ", and stops" if rule.stop else ""
        return Verdict(
            rule=rule.where,
            outcome=inner.outcome,
            reason=f"runs {runs}{stops}",
            children=inner.children if isinstance(rule.condition, Every) else (inner,),
        )

    def _verdict(self, condition: Condition, facts: Facts) -> Verdict:
        outcome = Outcome.PASS if holds(condition, facts) else Outcome.BLOCK
        if isinstance(condition, Always | Not | Every | Some):
            inner = (
                condition.of
                if isinstance(condition, Every | Some)
                else (condition.of,)
                if isinstance(condition, Not)
                else ()
            )
            name = {Every: "all of", Some: "any of", Not: "not"}.get(type(condition), self._said(condition))
            if isinstance(condition, Not) and not isinstance(condition.of, Always | Not | Every | Some):
                return self._leaf(
                    condition, condition.of.name.fact, value_of(condition.of.name, facts), outcome
                )
            return Verdict(
                rule=name, outcome=outcome, children=tuple(self._verdict(part, facts) for part in inner)
            )
        if condition.name.fact in facts.unknown:
            outcome = Outcome.UNKNOWN
        return self._leaf(condition, condition.name.fact, value_of(condition.name, facts), outcome)

    def _leaf(self, condition: Condition, fact: str, value: Value, outcome: Outcome) -> Verdict:
        shown = "not known" if outcome is Outcome.UNKNOWN else _shown(value)
        return Verdict(rule=self._said(condition), outcome=outcome, reason=f"{fact} is {shown}")

    def _said(self, condition: Condition) -> str:
        return self.rule.text[condition.span.start : condition.span.end]


def _shown(value: Value) -> str:
    match value:
        case None | "" | ():
            return "empty"
        case Truth():
            return "true" if value is Truth.YES else "false"
        case float():
            return "empty" if value != value else f"{value:g}"  # noqa: PLR0124 (NaN is unlike itself)
        case tuple():
            inner = ", ".join(map(_shown, value))
            return _short(f"[{inner}]")
        case str():
            return _short(f'"{value}"')


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"
