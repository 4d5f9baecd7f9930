"""Layers of policy: a lower one only ever tightens, and one that means to loosen is told both lines."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.test_judging import PLAIN, diff

from penstock.core.evidence import Declared, Hazard
from penstock.core.gates import judge_patches
from penstock.core.policy.documents import (
    Contents,
    Demands,
    LayerCi,
    LayerFile,
    LayerPulls,
    LayerSafety,
    WaiverText,
)
from penstock.core.policy.layers import Layer, Layered, bound, combine, organization, read_layer, tightened
from penstock.core.policy.patches import Scope
from penstock.core.policy.rules import ContentPolicy, Policy
from penstock.core.policy.severity import Severity
from penstock.core.routing.loading import Refused
from penstock.core.verdict import Outcome, failures
from penstock.settings import CONFIG, policy_of

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
EVERYWHERE = Scope(allowed=("**",))
TOP = """version: 1
pr_management: {require_reviews: 2, require_code_owners: true}
safety:
  max_files: 50
policies:
  python_version: "3.11"
  forbid: [curl_pipe_sh]
  rules: {weakened_tests: block}
  contents: {licenses: [MIT], max_function_complexity: 20}
"""
WAIVER = "- {{rule: {rule}, paths: ['docs/**'], owner: '@ada', reason: for people, expires: {day}}}"


def top(text: str = TOP) -> Layered | Refused:
    from penstock.core.document import Rejected, parse_placed

    found = parse_placed(text, CONFIG)
    assert not isinstance(found, Rejected), found
    config, document = found
    return organization("top.yml", policy_of(config), config.policies, document)


def layer(text: str) -> Layer:
    found = read_layer("low.yml", f"version: 1\n{text}".encode())
    assert isinstance(found, Layer), found
    return found


def waiver(rule: str, day: str = "2026-12-31") -> str:
    return WAIVER.format(rule=rule, day=day)


def the_top() -> Layered:
    found = top()
    assert isinstance(found, Layered)
    return found


LOOSENING = {
    "fewer reviews": (
        "pr_management: {require_reviews: 1}",
        "low.yml:2:17: pr_management.require_reviews: 1 where at least 2 is allowed (top.yml:2)",
    ),
    "no code owners": (
        "pr_management:\n  require_code_owners: false",
        "low.yml:3:3: pr_management.require_code_owners: false where it is true (top.yml:2)",
    ),
    "more files": (
        "safety: {max_files: 51}",
        "low.yml:2:10: safety.max_files: 51 where at most 50 is allowed (top.yml:4)",
    ),
    "more than what is built in": (
        "safety: {max_changed_lines: 20001}",
        "low.yml:2:10: safety.max_changed_lines: 20001 where at most 20000 is allowed (built in)",
    ),
    "a softer rule": (
        "policies: {rules: {weakened_tests: warn}}",
        "low.yml:2:20: policies.rules.weakened_tests: warn where it blocks (top.yml:8)",
    ),
    "a softer rule of those built in": (
        "policies: {rules: {P-001: warn}}",
        "low.yml:2:20: policies.rules.P-001: warn where it blocks (built in)",
    ),
    "more ways through a function": (
        "policies: {contents: {max_function_complexity: 21}}",
        "low.yml:2:23: policies.contents.max_function_complexity: 21 where at most 20 is allowed (top.yml:9)",
    ),
    "more binaries": (
        "policies: {contents: {max_binary_kib: 1}}",
        "low.yml:2:23: policies.contents.max_binary_kib: 1 where at most 0 is allowed (built in)",
    ),
    "another licence": (
        "policies:\n  contents:\n    licenses: [MIT, GPL-3.0-only]",
        "low.yml:4:5: policies.contents.licenses: GPL-3.0-only where that is not allowed (top.yml:9)",
    ),
    "another version": (
        'policies: {python_version: "3.12"}',
        "low.yml:2:12: policies.python_version: 3.12 where 3.11 is required (top.yml:6)",
    ),
    "a wider range": (
        'policies: {require: ["python_version>=3.9"]}',
        "low.yml:2:22: policies.require[0]: >=3.9 where 3.11 is required (top.yml:6)",
    ),
    "a waiver of what is demanded above": (
        f"policies:\n  waivers:\n    {waiver('curl_pipe_sh')}",
        "low.yml:4:8: policies.waivers[0].rule: curl_pipe_sh is demanded at top.yml:7: only there it can be waived",
    ),
    "a waiver of what is built in": (
        f"policies:\n  waivers:\n    {waiver('links')}",
        "policies.waivers[0].rule: links is built in: only the organization's configuration can waive it",
    ),
    "a waiver of what never can be": (
        f"policies:\n  waivers:\n    {waiver('P-001')}",
        "policies.waivers[0].rule: P-001 can never be waived",
    ),
    "a waiver of what stops nothing": (
        f"policies:\n  waivers:\n    {waiver('tls_off')}",
        "policies.waivers[0].rule: there is nothing to waive: tls_off stops nothing here",
    ),
    "a waiver of what no path could carry": (
        f"policies:\n  require: ['git_version>=2']\n  waivers:\n    {waiver('git_version')}",
        "low.yml:5:8: policies.waivers[0].rule: git_version can never be waived",
    ),
    "twice the same": (
        "policies: {forbid: [tls_off, tls_off]}",
        "low.yml:2:30: policies.forbid[1]: tls_off stands at low.yml:2 already",
    ),
}


@pytest.mark.parametrize(("text", "said"), LOOSENING.values(), ids=LOOSENING)
def test_what_a_layer_may_not_say_names_both_places(text, said):
    found = combine(the_top(), (layer(text),))
    assert isinstance(found, Refused)
    assert any(problem.startswith(said) or said in problem for problem in found.problems), found.problems


MISTAKEN = {
    "a typo in a key": ("polices: {}", "low.yml:2:1: polices: unknown key; did you mean `policies`?"),
    "a key that only the organization has": (
        "safety: {approval_expires_days: 30}",
        "low.yml:2:10: safety.approval_expires_days: unknown key",
    ),
    "layers of its own, so that there can be no cycle": (
        "policies: {layers: [policies/low.yml]}",
        "low.yml:2:12: policies.layers: unknown key",
    ),
    "an unknown predicate": (
        "policies: {forbid: [curl_pipe_hs]}",
        "low.yml:2:21: policies.forbid[0]: `curl_pipe_hs` cannot be forbidden; did you mean `curl_pipe_sh`?",
    ),
    "an unknown rule": (
        "policies: {rules: {weakend_tests: block}}",
        "low.yml:2:20: policies.rules.weakend_tests: there is no rule `weakend_tests`; did you mean `weakened_tests`?",
    ),
    "an unknown severity": (
        "policies: {rules: {weakened_tests: blok}}",
        "low.yml:2:20: policies.rules.weakened_tests: Input should be 'warn' or 'block'; did you mean `block`?",
    ),
    "a rule twice": (
        "policies:\n  rules:\n    links: block\n    links: block",
        "low.yml:5:5: policies.rules.links: this key is given twice",
    ),
    "an unknown tool": (
        "policies: {require: ['nodee_version>=20']}",
        "low.yml:2:22: policies.require[0]: the version of `nodee` cannot be required; did you mean `node_version`?",
    ),
    "no version": (
        "policies: {node_version: lts}",
        "low.yml:2:12: policies.node_version: `lts` is no version or range",
    ),
    "a pattern that takes back": (
        "safety: {protected_paths: ['!.env']}",
        "low.yml:2:28: safety.protected_paths[0]: a pattern that begins with `!` would take back",
    ),
    "a waiver without a reason": (
        "policies:\n  waivers:\n    - {rule: links, paths: [a], owner: b, expires: 2027-01-01}",
        "low.yml:4:7: policies.waivers[0]: the key `reason` is missing",
    ),
    "a waiver with a blank reason": (
        "policies:\n  waivers:\n    - {rule: links, paths: [a], owner: b, reason: ' ', expires: 2027-01-01}",
        "policies.waivers[0].reason: a waiver needs a reason",
    ),
    "a waiver without paths": (
        "policies:\n  waivers:\n    - {rule: links, paths: [], owner: b, reason: c, expires: 2027-01-01}",
        "policies.waivers[0].paths: Tuple should have at least 1 item",
    ),
    "a waiver for ever": (
        "policies:\n  waivers:\n    - {rule: links, paths: [a], owner: b, reason: c, expires: never}",
        "policies.waivers[0].expires: Input should be a valid date",
    ),
    "no UTF-8": ("policies: {forbid: [\udcff]}", "low.yml:2:21: not UTF-8"),
}


@pytest.mark.parametrize(("text", "said"), MISTAKEN.values(), ids=MISTAKEN)
def test_a_mistake_is_named_with_its_place_and_nothing_is_taken(text, said):
    content = f"version: 1\n{text}\n".encode(errors="surrogateescape")
    found = read_layer("low.yml", content)
    assert isinstance(found, Refused)
    assert any(said in problem for problem in found.problems), found.problems
    today = the_top()
    binding = bound(today.policy, today, None, found)
    assert binding.layer is not None
    assert binding.layer.outcome is Outcome.UNKNOWN, "what cannot be read is no pass"


def test_an_endless_file_is_refused():
    assert isinstance(read_layer("low.yml", b"#" * (1 << 23)), Refused)


def test_every_value_says_where_it_comes_from():
    found = combine(
        the_top(),
        (
            layer(
                "safety: {max_files: 5}\npolicies: {forbid: [tls_off, curl_pipe_sh], rules: {new_dependency: block}}"
            ),
        ),
    )
    assert isinstance(found, Layered)
    assert found.sources == ("top.yml", "low.yml")
    assert found.policy.max_files == 5
    wanted = {
        "safety.max_files": "low.yml:2",
        "safety.max_changed_lines": "built in",
        "pr_management.require_reviews": "top.yml:2",
        "rule curl_pipe_sh": "top.yml:7",
        "rule tls_off": "low.yml:3",
        "rule new_dependency": "low.yml:3",
        "rule python_version": "top.yml:6",
        "rule P-001": "built in",
    }
    assert {name: found.origin(name) for name in wanted} == wanted


def test_the_same_again_is_no_loosening():
    same = "pr_management: {require_reviews: 2, require_code_owners: true}\nsafety: {max_files: 50}"
    found = combine(the_top(), (layer(same),))
    assert isinstance(found, Layered)
    assert found.policy == the_top().policy
    assert found.origin("safety.max_files") == "top.yml:4", "who said it first owns it"


def test_a_layer_that_demands_a_rule_itself_takes_waivers_from_above_back():
    above = top(TOP + f"  waivers:\n    {waiver('curl_pipe_sh')}\n")
    assert isinstance(above, Layered)
    assert len(above.policy.waivers) == 1
    assert tightened(above.policy, layer("policies: {forbid: [tls_off]}").given).waivers
    assert not tightened(above.policy, layer("policies: {forbid: [curl_pipe_sh]}").given).waivers


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "  waivers:\n    " + waiver("G-13"),
            "top.yml:11:8: policies.waivers[0].rule: G-13 can never be waived",
        ),
        ("  waivers:\n    " + waiver("own_policy"), "own_policy can never be waived"),
        ("  waivers:\n    " + waiver("tls_off"), "there is nothing to waive: tls_off stops nothing here"),
        (
            "  waivers:\n    " + "\n    ".join([waiver("links")] * 2),
            "top.yml:12:8: policies.waivers[1].rule: this waiver",
        ),
        ("  require: [lockfile_integrity, lockfile_integrity]", "top.yml:10:33: policies.require[1]"),
    ],
)
def test_the_organizations_own_mistakes(text, said):
    found = top(TOP + text + "\n")
    assert isinstance(found, Refused)
    assert any(said in problem for problem in found.problems), found.problems


numbers = st.none() | st.integers(1, 100)
globs = st.lists(st.sampled_from(["src/**", "*.md", "a.py", "docs/"]), max_size=2, unique=True).map(tuple)
names = st.lists(st.sampled_from(["curl_pipe_sh", "tls_off", "unpinned_actions"]), max_size=2, unique=True)
waivers = st.builds(
    WaiverText,
    rule=st.sampled_from(["curl_pipe_sh", "tls_off", "links", "weakened_tests", "python_version"]),
    paths=st.just(("**",)),
    owner=st.just("@eve"),
    reason=st.just("I may"),
    expires=st.just(datetime(2026, 12, 31, tzinfo=UTC).date()),
)
layer_files = st.builds(
    LayerFile,
    version=st.just(1),
    safety=st.builds(
        LayerSafety, protected_paths=globs, frozen_paths=globs, max_files=numbers, max_changed_lines=numbers
    ),
    pr_management=st.builds(
        LayerPulls, require_reviews=numbers, require_code_owners=st.none() | st.booleans()
    ),
    ci=st.builds(LayerCi, required=globs),
    policies=st.builds(
        Demands,
        python_version=st.none() | st.sampled_from(["3.11", "3.12", ">=3.9"]),
        forbid=names.map(tuple),
        rules=st.dictionaries(
            st.sampled_from(["weakened_tests", "new_dependency", "links", "P-001"]), st.sampled_from(Severity)
        ),
        waivers=st.lists(waivers, max_size=2).map(tuple),
        contents=st.builds(
            Contents,
            max_function_complexity=numbers,
            max_binary_kib=numbers,
            licenses=st.none() | st.lists(st.sampled_from(["MIT", "GPL-3.0-only"]), max_size=2).map(tuple),
        ),
    ),
)
facts = st.sampled_from(
    [
        PLAIN,
        replace(PLAIN, path="README.md", weakened=("deleted",)),
        replace(PLAIN, hazards=(Hazard(name="tls_off", line=3), Hazard(name="curl_pipe_sh", line=4))),
        replace(PLAIN, tools=(Declared(tool="python", text="3.12"),)),
        replace(PLAIN, binary=True, size=2000),
        replace(PLAIN, licence="GPL-3.0-only"),
    ]
)


@given(layer_files, layer_files, st.lists(facts, max_size=3))
def test_no_layer_ever_lets_through_what_was_stopped_above_it(first, second, files):
    """Whatever it says, checked or not, and also where a pinned policy meets a layer that came later."""
    policy = Policy(
        max_files=2,
        forbid=("curl_pipe_sh",),
        tools=(("python", "3.11"),),
        required_reviews=2,
        contents=ContentPolicy(licences=("MIT",), max_binary_bytes=3000),
    )
    for given_layer in (first, second):
        lower = tightened(policy, given_layer)
        above, below = (judge_patches(diff(*files), EVERYWHERE, p, NOW) for p in (policy, lower))
        assert above.allows or not below.allows
        assert {leaf.rule for leaf in failures(above)} <= {leaf.rule for leaf in failures(below)}
        assert lower.required_reviews >= policy.required_reviews
        assert lower.code_owners >= policy.code_owners
        assert set(policy.ci.required) <= set(lower.ci.required)
        policy = lower
