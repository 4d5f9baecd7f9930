"""Waves of repositories, manifests, intake, design and verification."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.evidence import CheckFact, CheckStatus, RequiredChecks
from penstock.core.fleet.graph import Cycle, providers, waves
from penstock.core.fleet.manifest import read_manifest
from penstock.core.gates import (
    ARTIFACTS,
    Design,
    ForgeIntake,
    Intake,
    Verification,
    judge_design,
    judge_forge_intake,
    judge_intake,
    judge_verification,
)
from penstock.core.policy.patches import Scope
from penstock.core.policy.rules import Policy
from penstock.core.refs import NodeId, RepoRef, Sha
from penstock.core.secrets import find_secrets, redact
from penstock.core.signal import IssueSignal, claims
from penstock.core.verdict import Outcome, blocked, passed, unknown

HEAD, SIBLING, MOVED = Sha("1" * 40), Sha("2" * 40), Sha("3" * 40)


@given(st.dictionaries(st.integers(0, 12), st.frozensets(st.integers(0, 12), max_size=4), max_size=13))
def test_every_repository_comes_after_all_that_it_needs_and_none_is_lost(raw):
    nodes = {NodeId(str(k)) for k in raw}
    needs = {
        NodeId(str(k)): frozenset(NodeId(str(v)) for v in vs if v < k and NodeId(str(v)) in nodes)
        for k, vs in raw.items()
    }
    order = waves(needs)
    assert not isinstance(order, Cycle)
    place = {node: number for number, wave in enumerate(order) for node in wave}
    assert set(place) == nodes
    assert all(place[provider] < place[node] for node, them in needs.items() for provider in them)


def test_a_circle_is_named():
    a, b = NodeId("a"), NodeId("b")
    answer = waves({a: frozenset({b}), b: frozenset({a})})
    assert isinstance(answer, Cycle)
    assert set(answer.members) == {a, b}


def test_providers_follow_from_manifests():
    lib = read_manifest(b'[project]\nname = "Text_Kit"\n')
    app = read_manifest(
        b'[project]\nname = "app"\ndependencies = ["text-kit>=1; python_version>\'3\'", "httpx[http2]"]\n'
    )
    assert providers({NodeId("l"): lib, NodeId("a"): app}) == {
        NodeId("l"): frozenset(),
        NodeId("a"): frozenset({NodeId("l")}),
    }


@pytest.mark.parametrize(
    "bad", [b"\xff\xfe", b"[project", b"project = 3", b"[project]\ndependencies = 3", b"[project]\nname = []"]
)
def test_an_unreadable_project_file_is_a_problem_and_not_an_empty_one(bad):
    assert read_manifest(bad).problem
    assert not read_manifest(None).problem


CLAIM = Intake(labelled_for_us=True, association="MEMBER", recipes=("rename",), complexity=3)


@pytest.mark.parametrize(
    ("facts", "allowed"),
    [
        (CLAIM, True),
        (replace(CLAIM, labelled_for_us=False), False),
        (replace(CLAIM, association="NONE"), False),
        (replace(CLAIM, association=""), False),
        (replace(CLAIM, recipes=()), False),
        (replace(CLAIM, recipes=("a", "b")), False),
        (replace(CLAIM, complexity=8), False),
        (replace(CLAIM, same="c-older"), False),
    ],
)
def test_intake(facts, allowed):
    assert judge_intake(facts, Policy()).allows is allowed


TOLD = ForgeIntake(still=True, what="CI fails", routing=passed("routing"), recipes=("fix",), complexity=3)


@pytest.mark.parametrize(
    ("facts", "allowed"),
    [
        (TOLD, True),
        (replace(TOLD, still=False), False),
        (replace(TOLD, routing=blocked("routing", "a guard holds")), False),
        (replace(TOLD, routing=unknown("routing", "nobody knows")), False),
        (replace(TOLD, recipes=()), False),
        (replace(TOLD, recipes=("a", "b")), False),
        (replace(TOLD, complexity=8), False),
    ],
)
def test_intake_of_what_the_forge_itself_tells(facts, allowed):
    assert judge_forge_intake(facts, Policy()).allows is allowed


DESIGN = Design(artifacts=ARTIFACTS, repositories=2, scope=Scope(allowed=("src/**",)), open_questions=())


@pytest.mark.parametrize(
    ("facts", "allowed"),
    [
        (DESIGN, True),
        (replace(DESIGN, artifacts=ARTIFACTS[1:]), False),
        (replace(DESIGN, repositories=0), False),
        (replace(DESIGN, scope=Scope(allowed=())), False),
        (replace(DESIGN, open_questions=("which?",)), False),
    ],
)
def test_design(facts, allowed):
    assert judge_design(facts).allows is allowed


ALONE = CheckFact(name="test", status=CheckStatus.COMPLETED, conclusion="success", url="u")
GREEN = replace(ALONE, siblings=(("acme/lib", SIBLING),))
REQUIRED = RequiredChecks(names=frozenset({"test"}), strict=False, approving_reviews=0)
NOTHING = replace(REQUIRED, names=frozenset())
BOUND = replace(NOTHING, apps=frozenset({("test", 15368)}))
ACTIONS = replace(GREEN, app_id=15368)
OTHER = replace(GREEN, app_id=7)
VERIFIED = Verification(head=HEAD, checks=(GREEN,), required=REQUIRED, sibling_heads=(("acme/lib", SIBLING),))

VERIFICATIONS = [
    ("green", VERIFIED, Outcome.PASS),
    ("missing", replace(VERIFIED, checks=()), Outcome.PENDING),
    ("another check is green", replace(VERIFIED, checks=(replace(GREEN, name="lint"),)), Outcome.PENDING),
    (
        "running",
        replace(VERIFIED, checks=(replace(GREEN, status=CheckStatus.RUNNING, conclusion=""),)),
        Outcome.PENDING,
    ),
    ("red", replace(VERIFIED, checks=(replace(GREEN, conclusion="failure"),)), Outcome.BLOCK),
    ("cancelled", replace(VERIFIED, checks=(replace(GREEN, conclusion="cancelled"),)), Outcome.BLOCK),
    ("timed out", replace(VERIFIED, checks=(replace(GREEN, conclusion="timed_out"),)), Outcome.BLOCK),
    (
        "one green, one red of the same name",
        replace(VERIFIED, checks=(GREEN, replace(GREEN, url="v", conclusion="failure"))),
        Outcome.BLOCK,
    ),
    (
        "an optional check is red",
        replace(VERIFIED, checks=(GREEN, replace(GREEN, name="lint", conclusion="failure"))),
        Outcome.PASS,
    ),
    ("rules unreadable", replace(VERIFIED, required=None), Outcome.UNKNOWN),
    (
        "tested with the sibling as it is",
        replace(VERIFIED, checks=(replace(GREEN, siblings=(("acme/lib", SIBLING),)),)),
        Outcome.PASS,
    ),
    (
        "tested with an older sibling",
        replace(VERIFIED, checks=(replace(GREEN, siblings=(("acme/lib", MOVED),)),)),
        Outcome.PENDING,
    ),
    ("no job says which sibling it ran with", replace(VERIFIED, checks=(ALONE,)), Outcome.WARN),
    (
        "a job names another repository only",
        replace(VERIFIED, checks=(replace(GREEN, siblings=(("acme/other", SIBLING),)),)),
        Outcome.WARN,
    ),
    ("no sibling to run with", replace(VERIFIED, checks=(ALONE,), sibling_heads=()), Outcome.PASS),
    (
        "nothing required, nothing reported",
        replace(VERIFIED, checks=(), required=replace(REQUIRED, names=frozenset())),
        Outcome.PENDING,
    ),
    (
        "nothing required, something red",
        replace(
            VERIFIED,
            checks=(replace(GREEN, conclusion="failure"),),
            required=replace(REQUIRED, names=frozenset()),
        ),
        Outcome.BLOCK,
    ),
    (
        "nothing required, everything left out",
        replace(
            VERIFIED,
            checks=(replace(GREEN, conclusion="skipped"), replace(GREEN, name="lint", conclusion="neutral")),
            required=NOTHING,
        ),
        Outcome.PENDING,
    ),
    (
        "nothing required, one succeeded and one was left out",
        replace(
            VERIFIED, checks=(GREEN, replace(GREEN, name="lint", conclusion="skipped")), required=NOTHING
        ),
        Outcome.PASS,
    ),
    (
        "required and skipped",
        replace(VERIFIED, checks=(replace(GREEN, conclusion="skipped"),)),
        Outcome.PASS,
    ),
    ("of the app", replace(VERIFIED, checks=(ACTIONS,), required=BOUND), Outcome.PASS),
    ("of another app", replace(VERIFIED, checks=(OTHER,), required=BOUND), Outcome.PENDING),
    ("a status where an app is asked", replace(VERIFIED, checks=(GREEN,), required=BOUND), Outcome.PENDING),
    (
        "red of the app, green of another",
        replace(VERIFIED, checks=(replace(ACTIONS, conclusion="failure"), OTHER, GREEN), required=BOUND),
        Outcome.BLOCK,
    ),
    (
        "green of the app, red of another",
        replace(VERIFIED, checks=(ACTIONS, replace(OTHER, conclusion="failure")), required=BOUND),
        Outcome.PASS,
    ),
    (
        "asked of the app and of anyone, green of anyone",
        replace(VERIFIED, checks=(GREEN,), required=replace(BOUND, names=frozenset({"test"}))),
        Outcome.PENDING,
    ),
    (
        "asked of an app where no CI is expected",
        replace(VERIFIED, checks=(), required=BOUND, expected=False),
        Outcome.PENDING,
    ),
    (
        "tested with an older sibling under a name in other case",
        replace(VERIFIED, checks=(replace(GREEN, siblings=(("Acme/Lib", MOVED),)),)),
        Outcome.PENDING,
    ),
    (
        "tested with the sibling as it is under a name in other case",
        replace(VERIFIED, checks=(replace(GREEN, siblings=(("Acme/Lib", SIBLING),)),)),
        Outcome.PASS,
    ),
    (
        "said to have no CI",
        replace(VERIFIED, checks=(), required=replace(REQUIRED, names=frozenset()), expected=False),
        Outcome.PASS,
    ),
]


@pytest.mark.parametrize(("what", "facts", "outcome"), VERIFICATIONS, ids=[v[0] for v in VERIFICATIONS])
def test_verification(what, facts, outcome):
    assert judge_verification(facts).outcome is outcome


ISSUE = IssueSignal(
    repo=RepoRef(forge="f", node_id=NodeId("R"), owner="acme", name="lib"),
    number=1,
    title="t",
    body="",
    labels=frozenset({"bot-task"}),
    author="ada",
    author_association="OWNER",
    open=True,
)


@pytest.mark.parametrize(
    ("signal", "claimed"),
    [
        (ISSUE, True),
        (replace(ISSUE, labels=frozenset()), False),
        (replace(ISSUE, labels=frozenset({"bot-task", "wontfix"})), False),
        (replace(ISSUE, open=False), False),
    ],
)
def test_claims(signal, claimed):
    assert claims(signal, auto_claim=frozenset({"bot-task"}), ignore=frozenset({"wontfix"})) is claimed


def test_secrets_are_found_and_taken_out():
    token = "ghp_" + "a" * 36
    assert find_secrets(f"x {token} y") == ("github-token",)
    assert token not in redact(f"x {token} y")
    assert redact("the password is hunter2", known=("hunter2",)) == "the password is [redacted]"
    assert find_secrets("nothing here: ghp_short, AKIA") == ()
