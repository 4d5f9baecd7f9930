"""Deliveries to facts: GitHub's own payloads are read whole, and what nobody should send is unknown, not empty."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.routing.facts import Facts
from penstock.core.routing.names import EVENTS, NAMES
from penstock.core.routing.wire import NotFacts, facts_of, with_jobs

NOW = datetime(2026, 1, 2, tzinfo=UTC)
RECORDED = Path(__file__).parents[2] / "flows" / "data" / "webhook-examples.100.json.gz"
EXAMPLES: dict[str, list[dict[str, object]]] = json.loads(gzip.decompress(RECORDED.read_bytes()))
LOOKED_UP = {
    "pull_request": {"paths", "risk"},
    "pull_request_review": {"paths", "risk", "additions", "deletions", "files_changed", "draft"},
    "workflow_run": {"job", "status"},
}
"""What a payload does not tell of a signal that has it."""


@pytest.mark.parametrize("event", sorted(EXAMPLES.keys() & EVENTS.keys()))
def test_payloads_that_github_sent_are_read(event: str) -> None:
    for payload in EXAMPLES[event]:
        facts = facts_of(event, payload, NOW)  # type: ignore[arg-type]
        assert isinstance(facts, Facts)
        assert facts.unknown <= LOOKED_UP.get(event, set())
        assert "/" in facts.repo
        assert facts.author
    facts = facts_of(event, EXAMPLES[event][0], NOW)  # type: ignore[arg-type]
    assert isinstance(facts, Facts)
    assert facts.branch or "branch" not in EVENTS[event].has or event in {"status", "check_suite"}


PAYLOAD = {
    "action": "opened",
    "repository": {"full_name": "acme/lib", "fork": False, "owner": {"login": "acme"}},
    "sender": {"login": "bot"},
    "pull_request": {
        "user": {"login": "ada"},
        "author_association": "MEMBER",
        "title": "T",
        "body": "B\0B",
        "draft": True,
        "labels": [{"name": "bug"}, {"name": "bug"}],
        "head": {"ref": "fix", "repo": {"full_name": "ada/lib"}},
        "base": {"ref": "main", "repo": {"full_name": "acme/lib"}},
        "created_at": "2026-01-01T12:00:00Z",
        "additions": 3,
        "deletions": 1,
        "changed_files": 2,
    },
}


def test_a_pull_request_as_facts() -> None:
    facts = facts_of("pull_request", PAYLOAD, NOW)  # type: ignore[arg-type]
    assert isinstance(facts, Facts)
    assert (facts.action, facts.repo, facts.org, facts.author) == ("opened", "acme/lib", "acme", "ada")
    assert (facts.labels, facts.branch, facts.base) == (("bug",), "fix", "main")
    assert (facts.draft, facts.fork, facts.age_hours) == (True, True, 12.0)
    assert (facts.additions, facts.files_changed, facts.body) == (3.0, 2.0, "B\ufffdB")


def changed(path: tuple[str, ...], value: object, data: object = PAYLOAD) -> object:
    assert isinstance(data, dict)
    key, *rest = path
    return {**data, key: changed(tuple(rest), value, data[key]) if rest else value}


@pytest.mark.parametrize(
    ("path", "value", "unknown"),
    [
        (("pull_request", "labels"), "bug", "labels"),
        (("pull_request", "labels"), [{"name": 3}], "labels"),
        (("pull_request", "labels"), [None], "labels"),
        (("pull_request", "draft"), "yes", "draft"),
        (("pull_request", "draft"), 1, "draft"),
        (("pull_request", "additions"), "3", "additions"),
        (("pull_request", "additions"), True, "additions"),
        (("pull_request", "title"), ["x"], "title"),
        (("pull_request", "created_at"), "yesterday", "age_hours"),
        (("pull_request", "user", "login"), 3, "author"),
        (("repository", "full_name"), {}, "repo"),
    ],
)
def test_a_field_of_another_type_is_unknown_and_not_empty(
    path: tuple[str, ...], value: object, unknown: str
) -> None:
    facts = facts_of("pull_request", changed(path, value), NOW)  # type: ignore[arg-type]
    assert isinstance(facts, Facts)
    assert facts.unknown == {"paths", "risk", unknown}


def test_a_run_s_jobs_are_variants_and_a_completed_one_has_its_conclusion_for_status() -> None:
    run = facts_of("workflow_run", {"workflow_run": {"status": "completed", "conclusion": "failure"}}, NOW)
    assert isinstance(run, Facts)
    assert run.unknown == {"job", "status"}
    variants = with_jobs(run, (("tests", "completed", "failure"), ("lint", "in_progress", "")))
    assert [(one.job, one.status, one.unknown) for one in variants] == [
        ("tests", "failure", frozenset()),
        ("lint", "in_progress", frozenset()),
    ]


@pytest.mark.parametrize(
    ("event", "payload", "level"),
    [
        ("dependabot_alert", {"alert": {"security_advisory": {"severity": "medium"}}}, "medium"),
        (
            "code_scanning_alert",
            {"alert": {"rule": {"security_severity_level": "critical", "severity": "note"}}},
            "critical",
        ),
        ("code_scanning_alert", {"alert": {"rule": {"severity": "error"}}}, "high"),
        ("code_scanning_alert", {"alert": {"rule": {"severity": "dire"}}}, ""),
        ("secret_scanning_alert", {"alert": {}}, "critical"),
    ],
)
def test_alerts_have_one_scale_of_severity(event: str, payload, level: str) -> None:
    facts = facts_of(event, payload, NOW)
    assert isinstance(facts, Facts)
    assert facts.severity == level
    assert ("severity" in facts.unknown) is (level == "")


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just("\0")),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                [
                    "action",
                    "pull_request",
                    "workflow_run",
                    "alert",
                    "user",
                    "login",
                    "labels",
                    "name",
                    "head",
                    "ref",
                    "commits",
                    "added",
                    "created_at",
                    "status",
                    "repository",
                    "full_name",
                    "check_run",
                    "rule",
                    "severity",
                    "review",
                    "body",
                ]
            ),
            inner,
            max_size=6,
        ),
    ),
    max_leaves=12,
)


@given(st.sampled_from(sorted(EVENTS)), JSON)
def test_no_payload_is_a_crash_or_has_what_its_event_does_not(event: str, payload) -> None:
    facts = facts_of(event, payload, NOW)
    if isinstance(facts, NotFacts):
        assert not isinstance(payload, dict)
        return
    empty = Facts(event=event)
    foreign = {known.fact for known in NAMES.values()} - EVENTS[event].has - {"kind"}
    assert all(str(getattr(facts, name)) == str(getattr(empty, name)) for name in foreign)
    assert facts.unknown <= EVENTS[event].has
