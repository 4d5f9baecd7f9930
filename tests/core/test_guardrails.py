"""Every P- and G- rule of the house: the forbidden thing is refused, and the verdict that is recorded says by which rule.

What the ledger keeps of a decision is its verdict and the ids of the leaves that refused (`E_TAP_DECIDED`, and
`E_GATES_EVALUATED` for patch sets); so a row asks for the rule's id on the way to a leaf that refuses.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import get_args

import pytest
from tests.core.test_authority import DIGEST, NOW, REPO, approval, heads, rules
from tests.core.test_autonomy import COUNTED, STAND, told
from tests.core.test_judging import PLAIN, SCOPE, diff

from penstock.core.autonomy.ceiling import judge_ceiling
from penstock.core.autonomy.judging import judge_alone, may_policy_approve
from penstock.core.dependencies.facts import FilePair
from penstock.core.dependencies.files import kind_of, read
from penstock.core.evidence import CheckFact, CheckStatus, DiffFacts, FileFact, RequiredChecks
from penstock.core.gates import Intake, Verification, judge_intake, judge_patches, judge_verification
from penstock.core.policy.rules import MergeMethod, Policy, Tier, Toggles
from penstock.core.refs import Sha
from penstock.core.secrets import Finding
from penstock.core.tap import Heads, Rules, Standing, TapDecision, decide_content, decide_merge
from penstock.core.verdict import Verdict, passed
from penstock.core.write import (
    AuthorizedWrite,
    Content,
    Merge,
    OpenPull,
    Refusal,
    Wanted,
    authorize,
    judge_form,
    subject_of,
)

ROOT = Path(__file__).parents[2]
HEAD, NEWER, TREE = Sha("1" * 40), Sha("2" * 40), Sha("3" * 40)
FINE = passed("fine")

CONTENT = Content(
    repo=REPO,
    branch="penstock/c-0123456789",
    expected_head=None,
    parents=(HEAD,),
    base_tree=TREE,
    tree=TREE,
    edits=(),
    message="Rename it\n\nPenstock-Change: c-0123456789\n",
    at=NOW,
)
PULL = OpenPull(
    repo=REPO,
    branch=CONTENT.branch,
    base_ref="main",
    expected_head=HEAD,
    title="Rename it",
    body="What and why.\n\nOpened by Penstock. Change `c-0123456789`.\n",
    labels=(),
    draft=False,
)
MERGE = Merge(
    repo=REPO,
    number=3,
    base_ref="main",
    expected_head=HEAD,
    method=MergeMethod.SQUASH,
    title="Rename it (#3)",
    message="Penstock-Change: c-0123456789",
)


def formed(wanted: Wanted, toggles: Toggles | None = None) -> Rules:
    return Rules(
        toggles=toggles or Toggles(),
        policy_digest=DIGEST,
        pinned_allows=FINE,
        current_allows=FINE,
        form=judge_form(wanted),
    )


def written(wanted: Wanted, rule_set: Rules | None = None) -> Verdict:
    """The decision on content that is approved and whose heads hold."""
    standing = Standing(digest=DIGEST, approvals=(approval(),), quorum=1, now=NOW)
    return decide_content(subject_of(wanted), rule_set or formed(wanted), heads(), standing).verdict


def merged(rule_set: Rules | None = None, world: Heads | None = None, g5: Verdict = FINE) -> Verdict:
    """The decision on a merge that is approved."""
    decision = decide_merge(
        subject_of(MERGE), rule_set or formed(MERGE), world or heads(), g5, authority=FINE, approvals=("a1",)
    )
    return decision.verdict


def gated(authority: Verdict, *, recorded: bool) -> Verdict:
    decision = TapDecision(
        subject=subject_of(MERGE), policy=FINE, authority=authority, truth=FINE, policy_digest=DIGEST
    )
    answer = authorize(MERGE, decision=decision, recorded=recorded, key="k", stopped=False)
    assert isinstance(answer, Refusal)
    return answer.verdict


def patched(fact: FileFact = PLAIN, policy: Policy | None = None) -> Verdict:
    return judge_patches(diff(fact), SCOPE, policy or Policy())


def verified(*checks: CheckFact) -> Verdict:
    required = RequiredChecks(names=frozenset({"test"}), strict=False, approving_reviews=0)
    facts = Verification(head=HEAD, checks=checks, required=required, sibling_heads=(("acme/lib", NEWER),))
    return judge_verification(facts)


def checked(conclusion: str, *siblings: tuple[str, Sha]) -> CheckFact:
    return CheckFact(
        name="test", status=CheckStatus.COMPLETED, conclusion=conclusion, url="", siblings=siblings
    )


def unlocked() -> DiffFacts:
    """A manifest asks for a package, and its lock file was left as it was."""
    manifest, lock = kind_of("package.json"), kind_of("package-lock.json")
    assert manifest
    assert lock
    before = read("package.json", manifest, b'{"name": "a", "version": "1.0.0"}')
    after = read(
        "package.json", manifest, b'{"name": "a", "version": "1.0.0", "dependencies": {"b": "^1.0.0"}}'
    )
    kept = read("package-lock.json", lock, b'{"name": "a", "lockfileVersion": 3, "packages": {"": {}}}')
    return replace(
        diff(replace(PLAIN, path="src/package.json")),
        dependencies=(
            FilePair(before=before, after=after, touched=True),
            FilePair(before=kept, after=kept, touched=False),
        ),
    )


STRANGER = Intake(labelled_for_us=True, association="NONE", recipes=("rename",), complexity=1)
LEAK = Finding(rule="github-token", first=3, last=3)


@dataclass(frozen=True, slots=True)
class Row:
    """What is forbidden, and how that is asked for. `by` where the rule's id is not on the verdict itself."""

    asked: tuple[Callable[[], Verdict], ...]
    by: str = ""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A rule that no verdict answers: which file sees to it, by what words in it, and why not here."""

    place: str
    words: str
    why: str


ROWS: dict[str, Row | Elsewhere] = {
    "P-001": Row(
        (
            lambda: patched(replace(PLAIN, secrets=(LEAK,))),
            lambda: written(PULL, replace(formed(PULL), secrets=("github-token",))),
        )
    ),
    "P-002": Row(
        (lambda: written(replace(CONTENT, branch="main")), lambda: written(replace(PULL, branch="x")))
    ),
    "P-003": Row(
        (
            lambda: written(replace(CONTENT, message="Rename it\n")),
            lambda: written(replace(PULL, body="What and why.\n")),
            lambda: merged(formed(replace(MERGE, message="Rename it"))),
        )
    ),
    "P-004": Row((lambda: written(replace(CONTENT, expected_head=NEWER)),)),
    "P-005": Elsewhere(
        "cli/preflight.py", "single_credential", "a warning, and E_WORKFLOW_CREATED says it of each change"
    ),
    "P-006": Row((lambda: gated(_nobody(), recorded=True),)),
    "P-007": Row((lambda: judge_intake(STRANGER, Policy()),), by="author"),
    "P-008": Row((lambda: gated(FINE, recorded=False),)),
    "G-01": Row((lambda: written(replace(CONTENT, branch="main")),)),
    "G-02": Row((lambda: written(replace(CONTENT, branch=CONTENT.branch, expected_head=NEWER)),)),
    "G-03": Elsewhere(
        "core/write.py", "Wanted = ", "no write of the closed union touches protection or rulesets"
    ),
    "G-04": Row((lambda: patched(replace(PLAIN, path=".github/workflows/ci.yml")),)),
    "G-05": Row((lambda: patched(replace(PLAIN, path="docs/CODEOWNERS")),)),
    "G-06": Row(
        tuple(
            lambda tier=tier: may_policy_approve(replace(STAND, tier=tier))  # type: ignore[misc]
            for tier in (Tier.HIGH, Tier.CRITICAL)
        )
    ),
    "G-07": Row((lambda: gated(FINE, recorded=False),)),
    "G-08": Row(
        (
            lambda: merged(g5=verified(checked("failure"))),
            lambda: merged(g5=verified()),
            lambda: merged(g5=verified(checked("success", ("acme/lib", HEAD)))),
        )
    ),
    "G-09": Row((lambda: judge_ceiling(told(COUNTED), "another", ceiling=1, now=NOW),)),
    "G-10": Elsewhere(
        "settings.py", "max_api_cost_per_day", "no agent that costs anything is there to be stopped"
    ),
    "G-11": Row((lambda: merged(formed(MERGE, Toggles(quarantine=True))),)),
    "G-12": Row(
        (
            lambda: written(CONTENT, formed(CONTENT, Toggles(autonomy=False))),
            lambda: merged(formed(MERGE, Toggles(autonomy=False))),
        )
    ),
    "G-13": Row(
        (
            lambda: patched(replace(PLAIN, additions=20_001)),
            lambda: patched(policy=Policy(max_changed_lines=4)),
        )
    ),
    "G-14": Row(
        (
            lambda: judge_patches(unlocked(), SCOPE, Policy(require=("lockfile_integrity",))),
            lambda: may_policy_approve(replace(STAND, dependencies=judge_alone(unlocked(), Policy()))),
        )
    ),
    "G-15": Row((lambda: merged(world=replace(heads(), marked=False)),)),
}


def _nobody() -> Verdict:
    """The authority of a decision that nobody approved."""
    standing = Standing(digest=DIGEST, approvals=(), quorum=1, now=NOW + timedelta(days=1))
    return decide_content("content x", rules(), heads(), standing).authority


def refusals(verdict: Verdict, way: str = "") -> Iterator[str]:
    """Of each leaf that refuses, the rules on the way to it and its own words."""
    if verdict.allows:
        return
    way = f"{way} {verdict.rule}"
    if not verdict.children:
        yield f"{way} {verdict.reason}"
    for child in verdict.children:
        yield from refusals(child, way)


JUDGED = [(name, n) for name, row in ROWS.items() if isinstance(row, Row) for n in range(len(row.asked))]


@pytest.mark.parametrize(("name", "number"), JUDGED, ids=[f"{name}.{n}" for name, n in JUDGED])
def test_the_forbidden_thing_is_refused_and_this_rule_says_so(name: str, number: int):
    row = ROWS[name]
    assert isinstance(row, Row)
    verdict = row.asked[number]()
    assert not verdict.allows
    said = list(refusals(verdict))
    assert any((row.by or name) in one for one in said), said


ALLOWED = {
    "content": lambda: written(CONTENT),
    "content on top of a head": lambda: written(replace(CONTENT, expected_head=HEAD)),
    "a pull request": lambda: written(PULL),
    "a merge": merged,
    "a patch set": patched,
}


@pytest.mark.parametrize("what", ALLOWED)
def test_what_is_not_forbidden_is_allowed(what: str):
    assert ALLOWED[what]().allows


ELSEWHERE = {name: row for name, row in ROWS.items() if isinstance(row, Elsewhere)}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_what_is_seen_to_elsewhere_is_there(name: str):
    row = ELSEWHERE[name]
    assert row.words in (ROOT / "src" / "penstock" / row.place).read_text()
    assert row.why


def named_in(*paths: Path) -> set[str]:
    return {found for path in paths for found in re.findall(r"\b(?:P-00\d|G-\d\d)\b", path.read_text())}


def test_no_rule_is_missing():
    """Those of the house, those that the code names, and those that people are told of are the same."""
    every = {f"P-{n:03}" for n in range(1, 9)} | {f"G-{n:02}" for n in range(1, 16)}
    assert set(ROWS) == every
    assert named_in(*(ROOT / "src" / "penstock").rglob("*.py")) <= every
    assert named_in(ROOT / "docs" / "tap.md") == every
    judged = {name for name, row in ROWS.items() if isinstance(row, Row) and not row.by}
    assert judged <= named_in(*(ROOT / "src" / "penstock" / "core").rglob("*.py"))


def test_nothing_that_can_be_asked_for_touches_protection_secrets_or_permissions():
    """G-03 and G-05: there is no such write, and no such request."""
    assert {kind.__name__ for kind in get_args(Wanted)} == {
        "Content",
        "Revert",
        "OpenPull",
        "PlaceTag",
        "Merge",
        "Rerun",
        "Comment",
        "CloseIssue",
        "Withdraw",
    }
    sources = "\n".join(p.read_text() for p in (ROOT / "src/penstock/adapters/github").glob("*.py"))
    asked = re.findall(r"Mutation\([^)]*?path=pen\.(\w+\([^)]*\))", sources)
    assert len(asked) >= 6, "mutations are found as they are written"
    assert not [
        one for one in asked if re.search(r"protection|rulesets|secrets|collaborators|teams|keys", one)
    ]


def test_a_write_without_authority_cannot_be_made():
    """P-006 as a type: the gate alone mints what a writer takes."""
    with pytest.raises(AssertionError):
        AuthorizedWrite(wanted=MERGE, decision=DIGEST, approvals=("a1",), key="k", mint=None)
