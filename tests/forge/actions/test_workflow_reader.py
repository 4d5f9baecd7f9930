"""Workflow files: GitHub's own reader cases, and the shapes of what is read."""

import json
import re
from pathlib import Path
from typing import NotRequired, TypedDict, cast

import pytest
import yaml

from localforge.actions.expressions import Environment
from localforge.actions.workflow.linking import Bounds, Found, link
from localforge.actions.workflow.model import InvalidWorkflow, Run, Uses, Workflow
from localforge.actions.workflow.reader import read_workflow
from localforge.actions.workflow.tree import resolve

OFFICIAL = Path(__file__).parents[3] / "../shared/actions/workflow-reader"

# Cases that do not hold here: GitHub has read anchors since they were written, and its reader counts the bytes that its own
# objects take in memory.
WAIVED = {"errors-anchor-tag", "errors-reusable-workflow-max-result-size"}


class StepJson(TypedDict):
    id: str


class PlacedJson(TypedDict):
    lit: str


class JobJson(TypedDict):
    id: str | PlacedJson
    steps: NotRequired[list[StepJson]]
    jobs: NotRequired[list["JobJson"]]


class ErrorJson(TypedDict):
    Message: str


class ExpectedJson(TypedDict):
    errors: NotRequired[list[ErrorJson]]
    jobs: NotRequired[list[JobJson]]


Shape = list[tuple[str, object]]


def theirs(jobs: list[JobJson]) -> Shape:
    """Ids of jobs with those of their steps or of the jobs of the workflow they call."""
    return [
        (
            _id(job["id"]),
            theirs(job["jobs"]) if "jobs" in job else [step["id"] for step in job.get("steps", [])],
        )
        for job in jobs
    ]


def _id(value: str | PlacedJson) -> str:
    return value if isinstance(value, str) else value["lit"]


def ours(workflow: Workflow) -> Shape:
    return [
        (
            job.id,
            ours(workflow.called[job.id]) if job.id in workflow.called else [step.id for step in job.steps],
        )
        for job in workflow.jobs
    ]


def official_problem(path: Path) -> str:
    """How our reading of this case differs from GitHub's; empty when it does not."""
    head, text, *others, tail = re.split(r"^---\s*$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    options = cast("dict[str, int]", yaml.safe_load(head) or {})
    expected = cast("ExpectedJson", json.loads(tail))
    called = {name.strip(): source[1:] for name, source in zip(others[::2], others[1::2], strict=True)}

    def fetch(uses: str, _origin: str) -> Found | None:
        return Found(name=uses, source=called[uses], origin="") if uses in called else None

    read = read_workflow(f".github/workflows/{path.name}", text[1:], max_depth=options.get("max-depth", 50))
    if isinstance(read, Workflow) and not options.get("skip-reusable-workflows"):
        depth = options.get("max-nested-reusable-workflows-depth", 10)
        read = link(read, fetch, bounds=Bounds(depth=depth, jobs=options.get("max-job-limit", 1000)))
    messages = list(read.messages) if isinstance(read, InvalidWorkflow) else []
    wanted = [error["Message"] for error in expected.get("errors", [])]
    if messages != wanted:
        return f"{messages} instead of {wanted}"
    if isinstance(read, InvalidWorkflow):
        return ""
    shape, their_shape = ours(read), theirs(expected.get("jobs", []))
    return "" if shape == their_shape else f"{shape} instead of {their_shape}"


@pytest.mark.skipif(
    not OFFICIAL.is_dir(), reason="the official cases are not beside this checkout (../shared)"
)
def test_official_cases() -> None:
    """Every case reads, with the workflows that it calls, or is refused in GitHub's words."""
    cases = [path for path in sorted(OFFICIAL.glob("*.yml")) if path.stem not in WAIVED]
    wrong = {path.stem: problem for path in cases if (problem := official_problem(path))}
    assert not wrong
    assert len(cases) == 96


def read(text: str) -> Workflow:
    workflow = read_workflow(".github/workflows/ci.yml", text)
    assert isinstance(workflow, Workflow), workflow
    return workflow


def test_reads_what_the_file_says() -> None:
    workflow = read(
        """\
name: CI
on:
  push:
    branches: [main, 'release/**']
    paths-ignore: docs/**
  pull_request:
    types: opened
  workflow_dispatch:
    inputs:
      level: {type: choice, options: [low, high], required: true, default: low}
env: {LEVEL: 1}
permissions: read-all
defaults: {run: {shell: sh}}
jobs:
  test:
    needs: lint
    runs-on: ${{ matrix.os }}
    strategy: {matrix: {os: [ubuntu-latest]}}
    steps:
      - uses: actions/checkout@v4
        with: {fetch-depth: 0}
      - name: Say ${{ 'hi' }}
        if: failure()
        run: echo hi
        working-directory: sub
  lint: {runs-on: ubuntu-latest, steps: [{run: 'true'}]}
"""
    )
    push, pull, dispatch = workflow.triggers
    assert (workflow.name, push.event, push.branches) == ("CI", "push", ("main", "release/**"))
    assert (push.paths_ignore, push.paths, pull.types) == (("docs/**",), None, ("opened",))
    assert dispatch.inputs[0].options == ("low", "high")
    assert workflow.permissions is not None
    assert workflow.permissions["contents"] == "read"
    test, lint = workflow.jobs
    assert (test.needs, lint.needs, test.at.line) == (("lint",), (), 16)
    checkout, say = test.steps
    assert isinstance(checkout.action, Uses)
    assert checkout.action.inputs is not None
    assert resolve(checkout.action.inputs, Environment()) == {"fetch-depth": "0"}
    assert isinstance(say.action, Run)
    assert say.name is not None
    assert resolve(say.name, Environment()) == "Say hi"
    assert say.condition.names_status
    assert checkout.condition.template.source == "success()"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "ci.yml: No YAML content was found"),
        ("on: [push", "ci.yml (Line: 1, Col: 10): You have an error in your yaml syntax"),
        (
            "on: push\njobs: {a: {runs-on: x, steps: [{run: a\x00b}]}}",
            "You have an error in your yaml syntax",
        ),
        ("on: pushed\njobs: {a: {runs-on: x}}", "(Line: 1, Col: 5): Unexpected value 'pushed'"),
        (
            "on: push\njobs: {a: {runs-on: x, needs: b}, c: {runs-on: x}}",
            "Job 'a' depends on unknown job 'b'.",
        ),
        (
            "on: push\njobs: {a: {runs-on: x, needs: b}, b: {runs-on: x, needs: a}, c: {runs-on: x}}",
            "creates a cycle in the dependency graph.",
        ),
        (
            "on: push\njobs: {a: {runs-on: x, steps: [{id: s, run: x}, {id: s, run: x}]}}",
            "'s' may not be used more",
        ),
        ("on: push\njobs: {a: {runs-on: x, if: nope()}}", "Unrecognized function: 'nope'"),
        ("on: push\njobs: " + "[" * 5000, "Maximum object depth exceeded"),
        ("? [a]\n: b", "A mapping key must be a scalar"),
        ("on: push\n---\non: push\n", "Only one YAML document is allowed"),
        ("on: push\njobs: *nope\n", "Unknown anchor 'nope'"),
    ],
)
def test_refuses_with_a_place(text: str, message: str) -> None:
    invalid = read_workflow(".github/workflows/ci.yml", text)
    assert isinstance(invalid, InvalidWorkflow)
    assert message in "\n".join(invalid.messages)
    assert all(line.startswith(".github/workflows/ci.yml") for line in invalid.messages)


def test_anchors_are_shared_and_bounded() -> None:
    workflow = read(
        "on: push\njobs:\n  a: &job {runs-on: x, steps: [{run: echo}]}\n  b: *job\n",
    )
    assert [job.steps[0].id for job in workflow.jobs] == ["__run", "__run"]
    laughs = "on: push\nenv:\n  a: &a0 [x, x]\n" + "".join(
        f"  a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40)
    )
    invalid = read_workflow("x.yml", laughs)
    assert isinstance(invalid, InvalidWorkflow)
    assert invalid.messages == ("x.yml: Maximum object size exceeded",)


def test_on_is_a_word_and_numbers_are_numbers() -> None:
    """YAML 1.2: `on`, `yes` and `0o10` are not what YAML 1.1 makes of them."""
    workflow = read("on: push\nenv: {A: yes, B: 0o10, C: 3.10, D: on}\njobs: {a: {runs-on: x}}\n")
    assert workflow.env is not None
    assert resolve(workflow.env, Environment()) == {"A": "yes", "B": "8", "C": "3.1", "D": "on"}
