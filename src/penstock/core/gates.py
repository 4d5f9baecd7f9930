"""Gates G0–G5: named checks with evidence, each a verdict."""

from dataclasses import dataclass
from datetime import datetime

from penstock.core.evidence import GREEN, CheckFact, CheckStatus, DiffFacts, RequiredChecks
from penstock.core.policy.patches import Scope, judge_integrity, judge_policy
from penstock.core.policy.rules import Policy
from penstock.core.policy.severity import settled
from penstock.core.refs import Sha
from penstock.core.signal import TRUSTED_ASSOCIATIONS
from penstock.core.verdict import Verdict, all_of, blocked, check, passed, pending, unknown, warned


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """What G0 asks about: the claim, the matched recipes, the author, and what is already open."""

    labelled_for_us: bool
    association: str
    recipes: tuple[str, ...]
    complexity: int
    routing: Verdict | None = None
    """What the routing rules and guards say; None where there are no rules."""
    same: str = ""
    """An older change that is open, with the same recipe for the same repository: a recipe would propose the same."""


def judge_intake(facts: Intake, policy: Policy) -> Verdict:
    """G0: is it ours, clear, in scope, under the complexity ceiling, its author allowed, no guard holding."""
    return all_of(
        "G0",
        (
            *((facts.routing,) if facts.routing else ()),
            check("ours", "carries a label that claims it", holds=facts.labelled_for_us),
            check(
                "author",
                f"author is {facts.association or 'unknown'} of the organization",
                holds=facts.association in TRUSTED_ASSOCIATIONS,
            ),
            check(
                "duplicate",
                f"{facts.same} is open with the same recipe" if facts.same else "nothing open does the same",
                holds=not facts.same,
            ),
            *_doable(facts.recipes, facts.complexity, policy),
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgeIntake:
    """What G0 asks about a signal that the forge itself tells: is it `still` so, and whom the rules give it to."""

    still: bool
    what: str
    routing: Verdict
    recipes: tuple[str, ...] = ()
    complexity: int = 0


def judge_forge_intake(facts: ForgeIntake, policy: Policy) -> Verdict:
    """G0 of what has no author to be allowed, and no label: only a rule that routes it makes it ours."""
    return all_of(
        "G0",
        (
            facts.routing,
            check("ours", f"it is still so: {facts.what}", holds=facts.still),
            *_doable(facts.recipes, facts.complexity, policy),
        ),
    )


def _doable(recipes: tuple[str, ...], complexity: int, policy: Policy) -> tuple[Verdict, ...]:
    ceiling = f"complexity {complexity} of at most {policy.max_complexity}"
    return (
        _one_recipe(recipes),
        check("complexity", ceiling, holds=complexity <= policy.max_complexity),
    )


def _one_recipe(recipes: tuple[str, ...]) -> Verdict:
    if not recipes:
        return blocked("clear", "no recipe matches it, and no other agent is configured")
    if len(recipes) > 1:
        return blocked("clear", f"several recipes match it ({', '.join(recipes)}); it must be one")
    return passed("clear", f"recipe {recipes[0]} matches it")


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """What G1 asks about: the artifacts by name, the repositories, the scope, and what is still open."""

    artifacts: tuple[str, ...]
    repositories: int
    scope: Scope
    open_questions: tuple[str, ...]


ARTIFACTS = ("decision", "architecture", "scope", "plan", "gates")


def judge_design(facts: Design) -> Verdict:
    """G1: every artifact present, at least one repository, a scope that names paths, no open question."""
    missing = [name for name in ARTIFACTS if name not in facts.artifacts]
    questions = "; ".join(facts.open_questions)
    return all_of(
        "G1",
        (
            check(
                "artifacts", f"missing: {', '.join(missing)}" if missing else "all present", holds=not missing
            ),
            check(
                "repositories", f"{facts.repositories} repositories take part", holds=facts.repositories > 0
            ),
            check("scope", "the scope names paths", holds=bool(facts.scope.allowed)),
            check("open_questions", questions or "none", holds=not questions),
        ),
    )


def judge_patches(facts: DiffFacts, scope: Scope, policy: Policy, now: datetime | None = None) -> Verdict:
    """G2 and G3 of one repository's patch set. `now`: by when waivers are measured; None, and none counts."""

    def judge(facts: DiffFacts) -> Verdict:
        return all_of(
            "patch set",
            (
                all_of("G2", (judge_integrity(facts, scope, policy),)),
                all_of("G3", (judge_policy(facts, policy, scope.named),)),
            ),
        )

    return settled(facts, policy, judge, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What G5 asks about: the checks on one exact head and what they are measured against."""

    head: Sha
    checks: tuple[CheckFact, ...]
    required: RequiredChecks | None
    """None: the branch's rules could not be read."""
    sibling_heads: tuple[tuple[str, Sha], ...]
    """(full name, commit) that each sibling of the change stands at now."""
    expected: bool = True
    silent: bool = False
    """Nothing can report on this head: it has no workflow, and the forge knows no other source of checks."""


def judge_verification(facts: Verification) -> Verdict:
    """G5: every required check on the exact head is green, none missing, none stale (G-08)."""
    required = facts.required
    if required is None:
        return all_of(
            "G5", (unknown("required_checks", "the branch's rules could not be read (Administration: read)"),)
        )
    by_name = [_judge_check(name, facts) for name in sorted(required.names)]
    by_app = [_judge_check(name, facts, app) for name, app in sorted(required.apps)]
    if by_name or by_app:
        return all_of("G5", (*by_name, *by_app, _judge_siblings(facts)))
    if not facts.expected:
        return all_of(
            "G5", (passed("required_checks", "the configuration says that this repository has no CI"),)
        )
    return all_of("G5", (*_judge_reported(facts), _judge_siblings(facts)))


def _judge_reported(facts: Verification) -> tuple[Verdict, ...]:
    """Where nothing is required, whatever is reported: all green, and not all of it left out."""
    head = facts.head[:10]
    if not facts.checks and facts.silent:
        why = "nothing is required, and without a workflow file nothing can report: a person merges on their own judgement"
        return (warned("checks", why),)
    if not facts.checks:
        return (pending("checks", f"no check on {head} yet"),)
    succeeded = any(c.status is CheckStatus.COMPLETED and c.conclusion == "success" for c in facts.checks)
    return (
        *(_judge_check(name, facts) for name in sorted({c.name for c in facts.checks})),
        passed("checks", f"at least one succeeded on {head}")
        if succeeded
        else pending("checks", f"none succeeded on {head} yet; skipped and neutral ones prove nothing"),
    )


def _judge_check(name: str, facts: Verification, app: int | None = None) -> Verdict:
    """`app`: only what that app reports counts; None: what anyone does."""
    found = [c for c in facts.checks if c.name == name and app in {None, c.app_id}]
    if not found:
        source = "" if app is None else f" from app {app}"
        return pending(name, f"required{source}, and not reported on {facts.head[:10]} yet")
    if any(c.status is not CheckStatus.COMPLETED for c in found):
        return pending(name, "running")
    red = [c for c in found if c.conclusion not in GREEN]
    return (
        blocked(name, f"{red[0].conclusion}: {red[0].url}")
        if red
        else passed(name, f"{found[0].conclusion} on {facts.head[:10]}")
    )


def _judge_siblings(facts: Verification) -> Verdict:
    now = {name.casefold(): sha for name, sha in facts.sibling_heads}
    tested = {(name.casefold(), sha) for c in facts.checks for name, sha in c.siblings}
    stale = sorted(name for name, sha in tested if name in now and now[name] != sha)
    if stale:
        return pending("siblings", f"tested with an older commit of {', '.join(stale)}; must run again")
    if now and not any(name in now for name, _ in tested):
        return warned("siblings", "no job said which sibling commit it ran with")
    return passed("siblings", f"{len(tested)} sibling commits are current" if tested else "there are none")
