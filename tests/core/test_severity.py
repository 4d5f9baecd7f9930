"""How hard rules are, and what waivers do: seen, bounded by paths and time, and never of what cannot be waived."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.core.test_judging import PLAIN, diff

from penstock.core.evidence import FileMode, FileStatus, Hazard
from penstock.core.gates import judge_patches
from penstock.core.policy.patches import Scope
from penstock.core.policy.rules import Policy, Waiver
from penstock.core.policy.severity import BUILT_IN, RULES
from penstock.core.secrets import Finding
from penstock.core.sources.api import Break
from penstock.core.sources.complexity import Tangled
from penstock.core.sources.workflows import Severity as Grade
from penstock.core.sources.workflows import WorkflowFinding
from penstock.core.verdict import Outcome, Verdict, failures, render_text

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
SCOPE = Scope(allowed=("**",))
IMAGE = replace(PLAIN, path="assets/a.png", binary=True)
LINK = replace(PLAIN, path="assets/a", new_mode=FileMode.SYMLINK)
WEAKER = replace(PLAIN, path="tests/a.py", weakened=("deleted",))
PIPED = replace(PLAIN, path="docs/a.sh", hazards=(Hazard(name="curl_pipe_sh", line=3),))


def waiver(rule: str, *paths: str, days: int = 1) -> Waiver:
    return Waiver(rule=rule, paths=paths, owner="@ada", reason="pictures", until=NOW + timedelta(days=days))


ACTION = WorkflowFinding(
    path="assets/action.yml", line=3, rule="template-injection", severity=Grade.HIGH, what="expands", mark="x"
)
TANGLED = Tangled(path="assets/a.py", name="f", line=1, ways=50, before=0)
GONE = Break(path="assets/a.py", line=1, symbol="f", why="removed")
CODE = diff(replace(PLAIN, path="assets/a.py"))
CONTENTS = {
    "complexity": replace(CODE, tangled=(TANGLED,)),
    "breaking_api": replace(CODE, breaking=(GONE,)),
    "actions_security": replace(diff(replace(PLAIN, path="assets/action.yml")), workflows=(ACTION,)),
}


@pytest.mark.parametrize(
    ("paths", "stops"), [((), True), (("docs/**",), True), (("assets/**",), False)], ids=str
)
@pytest.mark.parametrize("rule", CONTENTS)
def test_what_contents_say_is_waived_by_path_like_anything_else(rule, paths, stops):
    waivers = (waiver(rule, *paths),) if paths else ()
    policy = Policy(waivers=waivers, require=("breaking_api",))
    scope = replace(SCOPE, named=("assets/action.yml",))
    assert stopping(judge_patches(CONTENTS[rule], scope, policy, NOW)) == ({rule} if stops else set())


def judged(*files, waivers=(), now: datetime | None = NOW, **policy) -> Verdict:
    return judge_patches(diff(*files), SCOPE, Policy(waivers=tuple(waivers), **policy), now)


def stopping(verdict: Verdict) -> set[str]:
    return {leaf.rule for leaf in failures(verdict)}


def test_a_raised_rule_blocks_where_it_warned():
    assert judged(WEAKER).outcome is Outcome.WARN
    assert stopping(judged(WEAKER, require=("weakened_tests",))) == {"weakened_tests"}


WAIVED = {
    "a picture": (IMAGE, "no_surprises", {}),
    "a link": (LINK, "links", {}),
    "a name": (
        replace(PLAIN, path="assets/con", old_mode=FileMode.ABSENT, status=FileStatus.ADDED),
        "names",
        {},
    ),
    "what does not parse": (replace(PLAIN, path="assets/a.json", unparsable="line 1"), "parses", {}),
    "weaker tests, where they block": (
        replace(WEAKER, path="assets/test_a.py"),
        "weakened_tests",
        {"require": ("weakened_tests",)},
    ),
    "what is forbidden": (replace(PIPED, path="assets/a.sh"), "curl_pipe_sh", {"forbid": ("curl_pipe_sh",)}),
}


@pytest.mark.parametrize(("fact", "rule", "policy"), WAIVED.values(), ids=WAIVED)
def test_what_is_waived_passes_and_says_so(fact, rule, policy):
    assert stopping(judged(PLAIN, fact, **policy)) == {rule}
    let = judged(PLAIN, fact, waivers=[waiver(rule, "assets/**")], **policy)
    assert let.outcome is Outcome.WARN
    assert f"! {rule}.waived: {fact.path}: waived by @ada before 2026-06-16: pictures" in render_text(let)


NOT_WAIVED = {
    "expired": (IMAGE, [waiver("no_surprises", "assets/**", days=0)], {}),
    "when nobody says when": (IMAGE, [waiver("no_surprises", "assets/**")], {"now": None}),
    "on other paths": (IMAGE, [waiver("no_surprises", "docs/**")], {}),
    "another rule": (IMAGE, [waiver("links", "assets/**")], {}),
}


@pytest.mark.parametrize(("fact", "waivers", "more"), NOT_WAIVED.values(), ids=NOT_WAIVED)
def test_what_is_not_waived_stays_as_it_is(fact, waivers, more):
    without = judged(fact, **more)
    assert judged(fact, waivers=waivers, **more) == without
    assert stopping(without) == {"no_surprises"}


def test_what_a_waiver_does_not_name_is_still_stopped():
    other = replace(IMAGE, path="src/b.bin")
    left = judged(IMAGE, other, waivers=[waiver("no_surprises", "assets/**")])
    (leaf,) = failures(left)
    assert "src/b.bin" in leaf.reason
    assert "assets/a.png" not in leaf.reason
    assert "no_surprises.waived" in render_text(left)
    both = judged(
        IMAGE, other, waivers=[waiver("no_surprises", "assets/**"), waiver("no_surprises", "src/**")]
    )
    assert both.allows


def test_one_rules_waiver_is_not_anothers():
    double = replace(IMAGE, new_mode=FileMode.SYMLINK)
    assert stopping(judged(double, waivers=[waiver("links", "**")])) == {"no_surprises"}


NEVER = {
    "P-001": replace(PLAIN, secrets=(Finding(rule="github-token", first=3, last=3),)),
    "own_policy": replace(PLAIN, path=".infinity/policy.yml"),
    "protected_paths": replace(PLAIN, path=".github/workflows/ci.yml"),
    "G-13": replace(PLAIN, additions=30_000),
}


@pytest.mark.parametrize("rule", NEVER)
def test_what_can_never_be_waived_is_not_even_offered(rule):
    assert not RULES[rule].waivable
    assert rule in stopping(judged(NEVER[rule]))


def test_nothing_of_these_kinds_is_ever_waivable():
    assert not [rule for rule, card in RULES.items() if card.waivable and rule.startswith(("P-", "G-"))]


def test_frozen_paths_are_stopped_whatever_the_scope():
    frozen = replace(PLAIN, path="Legal/terms.md")
    assert stopping(judged(frozen, frozen_paths=("legal/**",))) == {"frozen_paths"}
    assert judged(PLAIN, frozen_paths=("legal/**",)).allows


def test_every_rule_of_the_table_is_one_that_judges():
    everything = judged(IMAGE, LINK, WEAKER, PIPED, forbid=("curl_pipe_sh",))
    asked = {line.strip("✓!?✗… ").partition(":")[0] for line in render_text(everything).splitlines()}
    dependencies = {"lockfile_integrity", "dependency_audit", "new_dependency", "known_vulnerability"}
    assert set(BUILT_IN) - dependencies <= asked
