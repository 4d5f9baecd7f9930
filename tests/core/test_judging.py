"""Policy, integrity and risk of patch sets: what must be stopped is stopped, and says by which rule."""

from dataclasses import replace

import pytest

from penstock.core.evidence import DiffFacts, FileFact, FileMode, FileStatus
from penstock.core.gates import judge_patches
from penstock.core.policy.patches import Scope
from penstock.core.policy.rules import Policy, Tier
from penstock.core.refs import Digest, Sha
from penstock.core.risk import History, assess, of_its_kind
from penstock.core.secrets import Finding
from penstock.core.sources.kinds import Origin
from penstock.core.verdict import Outcome, failures, leaves, render_text

OLD, NEW = Sha("1" * 40), Sha("2" * 40)
PLAIN = FileFact(
    path="src/lib/a.py",
    status=FileStatus.MODIFIED,
    old_mode=FileMode.FILE,
    new_mode=FileMode.FILE,
    old_sha=OLD,
    new_sha=NEW,
    additions=3,
    deletions=2,
    binary=False,
    hidden_characters=False,
)
SCOPE = Scope(allowed=("src/**", "tests/**"))


def diff(*files: FileFact) -> DiffFacts:
    return DiffFacts(base_commit=OLD, tree=NEW, files=files, patch_digest=Digest("sha256:" + "0" * 64))


CASES = [
    ("an ordinary edit in scope", PLAIN, Outcome.PASS, ""),
    ("outside the scope", replace(PLAIN, path="README.md"), Outcome.BLOCK, "in_scope"),
    ("a CI file", replace(PLAIN, path=".github/workflows/ci.yml"), Outcome.BLOCK, "protected_paths"),
    ("CODEOWNERS anywhere", replace(PLAIN, path="docs/CODEOWNERS"), Outcome.BLOCK, "protected_paths"),
    ("agent instructions", replace(PLAIN, path="src/AGENTS.md"), Outcome.BLOCK, "protected_paths"),
    ("a configured path", replace(PLAIN, path="src/.env.local"), Outcome.BLOCK, "protected_paths"),
    ("our own policy", replace(PLAIN, path="config/orchestrator.yml"), Outcome.BLOCK, "own_policy"),
    ("our own rules", replace(PLAIN, path="config/routing/more.yml"), Outcome.BLOCK, "own_policy"),
    ("our own records", replace(PLAIN, path=".infinity/ledger/backlog.json"), Outcome.BLOCK, "own_policy"),
    ("a symbolic link", replace(PLAIN, new_mode=FileMode.SYMLINK), Outcome.BLOCK, "links"),
    ("a submodule", replace(PLAIN, new_mode=FileMode.SUBMODULE), Outcome.BLOCK, "links"),
    ("a binary", replace(PLAIN, binary=True), Outcome.BLOCK, "no_surprises"),
    ("lookalikes", replace(PLAIN, disguised=("line 1: U+0430",)), Outcome.BLOCK, "no_surprises"),
    ("hidden characters", replace(PLAIN, hidden_characters=True), Outcome.BLOCK, "no_surprises"),
    ("a new executable", replace(PLAIN, new_mode=FileMode.EXECUTABLE), Outcome.BLOCK, "no_surprises"),
    ("what does not parse", replace(PLAIN, unparsable="line 3"), Outcome.BLOCK, "parses"),
    (
        "a secret",
        replace(PLAIN, secrets=(Finding(rule="github-token", first=3, last=3),)),
        Outcome.BLOCK,
        "P-001",
    ),
    ("too many lines", replace(PLAIN, additions=20_001), Outcome.BLOCK, "G-13"),
]


def test_weaker_tests_are_said_to_whoever_approves_and_raise_the_risk():
    weaker = diff(replace(PLAIN, weakened=("line 3: a test is left out",)))
    verdict = judge_patches(weaker, SCOPE, Policy())
    assert verdict.outcome is Outcome.WARN
    assert "line 3: a test is left out" in render_text(verdict)
    before = assess((diff(PLAIN),), dependents=0, policy=Policy()).score
    assert assess((weaker,), dependents=0, policy=Policy()).score > before


TOLD = [
    ("line_ends", replace(PLAIN, line_ends="LF to CRLF"), "src/lib/a.py (LF to CRLF)"),
    ("made_elsewhere", replace(PLAIN, origin=Origin.GENERATED), "src/lib/a.py (generated)"),
    ("made_elsewhere", replace(PLAIN, origin=Origin.VENDORED), "src/lib/a.py (vendored)"),
]


@pytest.mark.parametrize(("rule", "fact", "said"), TOLD, ids=[said for _, _, said in TOLD])
def test_what_whoever_approves_should_know_warns_and_blocks_where_a_layer_says_so(rule, fact, said):
    (leaf,) = (leaf for leaf in leaves(judge_patches(diff(fact), SCOPE, Policy())) if leaf.rule == rule)
    assert leaf.outcome is Outcome.WARN
    assert said in leaf.reason
    harder = judge_patches(diff(fact), SCOPE, Policy(require=(rule,)))
    assert [leaf.rule for leaf in failures(harder)] == [rule]
    fine = judge_patches(diff(PLAIN), SCOPE, Policy(require=(rule,)))
    assert fine.outcome is Outcome.PASS


def test_what_only_moved_is_said_with_the_size():
    said = render_text(judge_patches(diff(replace(PLAIN, moved=2)), SCOPE, Policy()))
    assert "1 files, 5 changed lines, of which 2 only moved here from elsewhere in it" in said


PROTECTED = (
    ".GitHub/workflows/ci.yml",
    "docs/codeowners",
    "src/Agents.MD",
    ".circleci/config.yml",
    ".CircleCI/config.yml",
    ".buildkite/pipeline.yml",
    ".woodpecker/build.yml",
    "Jenkinsfile",
    "src/jenkinsfile",
    ".gitlab-ci.yml",
    "azure-pipelines.yml",
    ".travis.yml",
    "GEMINI.md",
    "claude.md",
    ".claude/settings.json",
    "src/.claude/commands/x.md",
    ".cursor/rules/a.mdc",
    ".github/copilot-instructions.md",
    "src/.gitattributes",
    ".GitModules",
    ".pre-commit-config.yaml",
    "action.yml",
    "tools/setup/Action.yaml",
    ".forgejo/workflows/ci.yml",
    ".drone.yml",
    ".cirrus.star",
    ".husky/pre-commit",
    ".mcp.json",
    "web/.clinerules/all.md",
    ".clinerules",
    "src/.ENV.local",
    "src/cafe\N{COMBINING ACUTE ACCENT}/menu.txt",
    "src/CAFE\N{COMBINING ACUTE ACCENT}/menu.txt",
)
OPEN = (
    "src/agents.py",
    "src/action.py",
    "actions.yml",
    "docs/action.yml.md",
    "src/github/a.py",
    "docs/jenkinsfile.md",
    "src/claude/a.py",
    "src/cafe/menu.txt",
)
EVERYWHERE = Scope(allowed=("**",))
CAFE = replace(
    Policy(),
    protected_paths=(*Policy().protected_paths, "src/caf\N{LATIN SMALL LETTER E WITH ACUTE}/**"),
)


@pytest.mark.parametrize(("path", "stopped"), [*((p, True) for p in PROTECTED), *((p, False) for p in OPEN)])
def test_protected_paths_are_known_in_any_case_and_composition(path, stopped):
    verdict = judge_patches(diff(replace(PLAIN, path=path)), EVERYWHERE, CAFE)
    assert [leaf.rule for leaf in failures(verdict)] == ["protected_paths"] * stopped


@pytest.mark.parametrize("path", ["Config/Orchestrator.yml", ".INFINITY/ledger/backlog.json"])
def test_our_own_files_are_known_in_any_case(path):
    verdict = judge_patches(diff(replace(PLAIN, path=path)), EVERYWHERE, Policy())
    assert "own_policy" in {leaf.rule for leaf in failures(verdict)}


@pytest.mark.parametrize(
    ("path", "named", "stops"),
    [
        (".github/workflows/ci.yml", (".github/workflows/ci.yml",), []),
        (".github/workflows/ci.yml", (".github/workflows/*.yml",), []),
        (".github/workflows/ci.yml", (".github/workflows/other.yml",), ["protected_paths"]),
        (".github/workflows/ci.yml", (), ["protected_paths"]),
        ("config/orchestrator.yml", ("config/orchestrator.yml",), ["own_policy"]),
        ("legal/a.txt", ("legal/a.txt",), ["frozen_paths"]),
    ],
)
def test_a_protected_path_passes_only_where_a_person_named_it(path, named, stops):
    policy = replace(Policy(), frozen_paths=("legal/**",))
    scope = Scope(allowed=("**",), named=named)
    verdict = judge_patches(diff(replace(PLAIN, path=path)), scope, policy)
    assert [leaf.rule for leaf in failures(verdict)] == stops


@pytest.mark.parametrize(
    ("path", "allowed"), [("SRC/lib/a.py", "src/**"), (".github/ci.yml", ".github/ci.yml")]
)
def test_a_scope_names_paths_exactly_and_no_protected_one(path, allowed):
    verdict = judge_patches(diff(replace(PLAIN, path=path)), Scope(allowed=(allowed,)), Policy())
    assert not verdict.allows


NO_NAMES = (
    "src/a:b",
    "src/CON",
    "src/con.py",
    "src/aux/a.py",
    "src/a. ",
    "src/a.",
    "src/a /b.py",
    "src/a\\b",
    "src/lpt1",
)
NAMES = (
    "src/console.py",
    "src/a.b.py",
    "src/.hidden",
    "src/[id].py",
    "src/com/a.py",
    "src/auxiliary/nul_.py",
    "src/é",
)


@pytest.mark.parametrize(("name", "stopped"), [*((n, True) for n in NO_NAMES), *((n, False) for n in NAMES)])
def test_new_names_can_be_checked_out_on_every_system(name, stopped):
    new = replace(PLAIN, path=name, status=FileStatus.ADDED, old_mode=FileMode.ABSENT, old_sha=None)
    verdict = judge_patches(diff(new), SCOPE, Policy())
    assert [leaf.rule for leaf in failures(verdict)] == ["names"] * stopped
    assert judge_patches(diff(replace(PLAIN, path=name)), SCOPE, Policy()).allows, "it was there before"


def test_names_that_differ_in_case_only_are_stopped():
    collided = replace(diff(PLAIN), collisions=(("src/Lib", "src/lib"),))
    (leaf,) = failures(judge_patches(collided, SCOPE, Policy()))
    assert leaf.rule == "names"
    assert "src/Lib (beside src/lib)" in leaf.reason


@pytest.mark.parametrize(("what", "fact", "outcome", "rule"), CASES, ids=[c[0] for c in CASES])
def test_one_file(what, fact, outcome, rule):
    verdict = judge_patches(diff(PLAIN, fact), SCOPE, Policy())
    assert verdict.outcome is outcome
    assert (rule in {leaf.rule for leaf in failures(verdict)}) is bool(rule)


def test_an_empty_patch_set_is_not_allowed():
    assert not judge_patches(diff(), SCOPE, Policy()).allows


@pytest.mark.parametrize(
    ("files", "dependents", "tier"),
    [
        ((replace(PLAIN, path="tests/test_a.py"),), 0, Tier.LOW),
        ((PLAIN,), 0, Tier.LOW),
        ((PLAIN, replace(PLAIN, path="pyproject.toml")), 0, Tier.MEDIUM),
        ((replace(PLAIN, path="src/auth/login.py", additions=900),), 0, Tier.HIGH),
        ((replace(PLAIN, path=".github/workflows/ci.yml"),), 0, Tier.HIGH),
        ((PLAIN, replace(PLAIN, path="pyproject.toml")), 5, Tier.HIGH),
    ],
)
def test_risk(files, dependents, tier):
    assert assess((diff(*files),), dependents=dependents, policy=Policy()).tier is tier


@pytest.mark.parametrize(
    ("history", "points", "said"),
    [
        (History(), 0, "nothing of bump was merged before"),
        (History(merged=9), 0, "0 of the last 9 changes of bump were taken back"),
        (History(merged=9, taken_back=1), 15, "1 of the last 9"),
        (History(merged=9, taken_back=9), 45, "9 of the last 9"),
        (None, 15, "cannot be told"),
    ],
)
def test_what_the_same_kind_did_before_raises_the_risk_and_never_lowers_it(history, points, said):
    before = assess((diff(PLAIN),), dependents=0, policy=Policy())
    now = assess((diff(PLAIN),), dependents=0, policy=Policy(), history=of_its_kind("bump", history))
    assert now.score == before.score + points
    assert said in now.items[-1].reason


def test_an_unknown_blast_radius_says_so_and_counts():
    unknown = assess((diff(PLAIN),), dependents=None, policy=Policy())
    none = assess((diff(PLAIN),), dependents=0, policy=Policy())
    assert unknown.score > none.score
    assert any("unknown" in item.reason for item in unknown.items)
