"""Matrices, needs, conditions, fail-fast and conclusions: decisions about runs, without a runner."""

import time
from collections.abc import Mapping
from dataclasses import replace

import pytest

from localforge.actions.expressions import Value
from localforge.actions.legs import Conclusion, Leg, LegState
from localforge.actions.matrix import MatrixError, expand, label
from localforge.actions.plan import Cancel, Decision, Queue, Settle, decide, runnable
from localforge.actions.progress import Progress, conclusion
from localforge.actions.workflow.model import Workflow
from localforge.actions.workflow.reader import read_workflow


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ({"a": [1, 2], "b": ["x", "y"]}, ["1, x", "1, y", "2, x", "2, y"]),
        ({"a": [1, 2], "exclude": [{"a": 1}]}, ["2"]),
        ({"a": [1, 2], "b": ["x", "y"], "exclude": [{"a": 1, "b": "x"}]}, ["1, y", "2, x", "2, y"]),
        ({"include": [{"a": 1}, {"a": 2}]}, ["1", "2"]),
        ({"a": [{"n": 1, "m": [2, 3]}]}, ["1, 2, 3"]),
        (
            {
                "fruit": ["apple", "pear"],
                "animal": ["cat", "dog"],
                "include": [
                    {"color": "green"},
                    {"color": "pink", "animal": "cat"},
                    {"fruit": "apple", "shape": "circle"},
                    {"fruit": "banana"},
                    {"fruit": "banana", "animal": "cat"},
                ],
            },
            [
                "apple, cat, pink, circle",
                "apple, dog, green, circle",
                "pear, cat, pink",
                "pear, dog, green",
                "banana",
                "banana, cat",
            ],
        ),
    ],
)
def test_matrix(matrix: Value, expected: list[str]) -> None:
    """The last row is the example of GitHub's documentation."""
    assert [label(combination) for combination in expand(matrix)] == expected


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ("text", "must be a mapping"),
        ({"a": "text"}, "'a' must be a sequence"),
        ({"a": []}, "'a' does not contain any values"),
        ({"a": [1], "exclude": [{"a": 1}]}, "does not contain any combinations"),
        ({"include": "x"}, "'include' must be a sequence"),
        ({"include": [1]}, "'include' must hold mappings only"),
        ({"a": list(range(257))}, "generates 257 jobs"),
        ({name: list(range(100)) for name in "abcdefgh"}, "more than 10000 combinations"),
    ],
)
def test_matrix_refuses(matrix: Value, message: str) -> None:
    with pytest.raises(MatrixError, match=message):
        expand(matrix)


def workflow(jobs: str) -> Workflow:
    read = read_workflow("ci.yml", f"on: push\njobs:\n{jobs}")
    assert isinstance(read, Workflow), read
    return read


class Play:
    """Carries decisions out in memory and lets legs end as told."""

    def __init__(self, jobs: str, contexts: Mapping[str, Value] | None = None) -> None:
        self.workflow = workflow(jobs)
        self.contexts = contexts or {}
        self.legs: list[LegState] = []
        self.cancelled = False
        self.stopped: set[int] = set()

    @property
    def progress(self) -> Progress:
        return Progress(
            workflow=self.workflow, legs=self.legs, cancelled=self.cancelled, contexts=self.contexts
        )

    def settle(self) -> "Play":
        while decisions := [
            d for d in decide(self.progress) if d not in [Cancel(leg_id=n) for n in self.stopped]
        ]:
            for decision in decisions:
                self.apply(decision)
        return self

    def apply(self, decision: Decision) -> None:
        match decision:
            case Queue(legs=legs):
                self.legs += [LegState(id=len(self.legs) + n, leg=leg) for n, leg in enumerate(legs)]
            case Settle(leg=leg, conclusion=ended):
                self.legs.append(LegState(id=len(self.legs), leg=leg, conclusion=ended))
            case Cancel(leg_id=leg_id):
                self.stopped.add(leg_id)

    def end(self, name: str, ended: Conclusion, **outputs: str) -> "Play":
        index, state = next(
            (i, s) for i, s in enumerate(self.legs) if s.leg.name == name and not s.conclusion
        )
        self.legs[index] = LegState(
            id=state.id, leg=state.leg, started=True, conclusion=ended, outputs=outputs
        )
        return self.settle()

    @property
    def states(self) -> dict[str, str]:
        return {s.leg.name: s.conclusion.value if s.conclusion else "open" for s in self.legs}


def test_needs_order_and_outputs_flow() -> None:
    play = Play(
        """\
  build: {runs-on: x, outputs: {version: 1}}
  test: {runs-on: x, needs: build, if: needs.build.outputs.version == '7', name: 'Test ${{ needs.build.result }}'}
  other: {runs-on: x, needs: build, if: needs.build.outputs.version == '8'}
  deploy: {runs-on: x, needs: [test, other]}
"""
    ).settle()
    assert play.states == {"build": "open"}
    play.end("build", Conclusion.SUCCESS, version="7")
    assert play.states == {"build": "success", "Test success": "open", "other": "skipped"}
    play.end("Test success", Conclusion.SUCCESS)
    assert play.states["deploy"] == "skipped"
    assert conclusion(play.progress) is Conclusion.SUCCESS


@pytest.mark.parametrize(
    ("condition", "after_failure", "after_success"),
    [
        ("", "skipped", "open"),
        ("always()", "open", "open"),
        ("failure()", "open", "skipped"),
        ("success()", "skipped", "open"),
        ("'true'", "skipped", "open"),
        ("failure('first')", "open", "skipped"),
        ("success('first')", "skipped", "open"),
        ("cancelled()", "skipped", "skipped"),
        ("${{ needs.first.result == 'failure' && always() }}", "open", "skipped"),
        ("fromJSON('{')", "failure", "failure"),
    ],
)
def test_conditions(condition: str, after_failure: str, after_success: str) -> None:
    jobs = f'  first: {{runs-on: x}}\n  then:\n    runs-on: x\n    needs: first\n    if: "{condition}"\n'
    if "fromJSON" in condition:
        after_failure = "skipped"
    assert Play(jobs).settle().end("first", Conclusion.FAILURE).states["then"] == after_failure
    assert Play(jobs).settle().end("first", Conclusion.SUCCESS).states["then"] == after_success


def test_a_distant_failure_is_still_a_failure() -> None:
    play = Play(
        """\
  a: {runs-on: x}
  b: {runs-on: x, needs: a, if: always()}
  c: {runs-on: x, needs: b}
  d: {runs-on: x, needs: b, if: failure()}
"""
    ).settle()
    play.end("a", Conclusion.FAILURE).end("b", Conclusion.SUCCESS)
    assert play.states == {"a": "failure", "b": "success", "c": "skipped", "d": "open"}


def test_fail_fast_stops_siblings_unless_told_not_to() -> None:
    jobs = "  m: {runs-on: x, strategy: {%s matrix: {n: [1, 2, 3]}}}\n"
    fast = Play(jobs % "").settle().end("m (2)", Conclusion.FAILURE)
    assert fast.stopped == {0, 2}
    slow = Play(jobs % "fail-fast: false,").settle().end("m (2)", Conclusion.FAILURE)
    assert slow.stopped == set()
    slow.end("m (1)", Conclusion.SUCCESS).end("m (3)", Conclusion.SUCCESS)
    assert conclusion(slow.progress) is Conclusion.FAILURE


def test_max_parallel() -> None:
    play = Play(
        "  m: {runs-on: x, strategy: {max-parallel: 2, matrix: {n: [1, 2, 3]}}}\n  o: {runs-on: x}\n"
    ).settle()
    assert [state.leg.name for state in runnable(play.legs)] == ["m (1)", "m (2)", "o"]
    play.legs[0] = LegState(id=0, leg=play.legs[0].leg, started=True)
    assert [state.leg.name for state in runnable(play.legs)] == ["m (2)", "o"]
    play.end("m (1)", Conclusion.SUCCESS)
    assert [state.leg.name for state in runnable(play.legs)] == ["m (2)", "m (3)", "o"]


def test_continue_on_error_is_a_success_to_the_rest() -> None:
    play = Play(
        """\
  m:
    runs-on: x
    continue-on-error: ${{ matrix.n == 2 }}
    strategy: {matrix: {n: [1, 2]}}
  then: {runs-on: x, needs: m}
"""
    ).settle()
    play.end("m (2)", Conclusion.FAILURE)
    assert play.stopped == set()
    play.end("m (1)", Conclusion.SUCCESS)
    assert play.states["then"] == "open"
    play.end("then", Conclusion.SUCCESS)
    assert conclusion(play.progress) is Conclusion.SUCCESS


def test_a_matrix_from_an_output_and_one_that_is_wrong() -> None:
    jobs = """\
  plan: {runs-on: x}
  go: {runs-on: x, needs: plan, strategy: {matrix: '${{ fromJSON(needs.plan.outputs.m) }}'}}
"""
    good = Play(jobs).settle().end("plan", Conclusion.SUCCESS, m='{"n": [1, 2]}')
    assert good.states == {"plan": "success", "go (1)": "open", "go (2)": "open"}
    bad = Play(jobs).settle().end("plan", Conclusion.SUCCESS, m='{"n": 1}')
    assert bad.states["go"] == "failure"
    assert conclusion(bad.progress) is Conclusion.FAILURE


def test_a_cancelled_run_starts_only_what_asks_for_it() -> None:
    play = Play(
        """\
  a: {runs-on: x}
  b: {runs-on: x, needs: a}
  c: {runs-on: x, needs: a, if: cancelled()}
"""
    ).settle()
    play.cancelled = True
    play.end("a", Conclusion.CANCELLED)
    assert play.states == {"a": "cancelled", "b": "skipped", "c": "open"}
    play.end("c", Conclusion.SUCCESS)
    assert conclusion(play.progress) is Conclusion.CANCELLED


def test_a_run_is_open_while_a_job_is() -> None:
    play = Play("  a: {runs-on: x}\n  b: {runs-on: x}\n").settle()
    assert conclusion(play.progress) is None
    play.end("a", Conclusion.TIMED_OUT)
    assert conclusion(play.progress) is None
    play.end("b", Conclusion.SUCCESS)
    assert conclusion(play.progress) is Conclusion.FAILURE


def test_a_chain_of_calls_is_worked_out_in_reasonable_time() -> None:
    """Each call needs the one before it: results and calls are worked out once, not once for each way to them."""
    leaf = workflow("  a: {runs-on: x, outputs: {n: 1}}\n")
    chain = workflow(
        "  c0: {uses: ./.github/workflows/leaf.yml}\n"
        + "".join(f"  c{n}: {{needs: c{n - 1}, uses: ./.github/workflows/leaf.yml}}\n" for n in range(1, 40))
    )
    linked = replace(chain, called={job.id: leaf for job in chain.jobs})
    legs = [
        LegState(
            id=n,
            leg=Leg(job="a", index=0, total=1, name="a", matrix=None, scope=f"c{n}#0/"),
            started=True,
            conclusion=Conclusion.SUCCESS,
        )
        for n in range(39)
    ]
    started = time.monotonic()
    progress = Progress(workflow=linked, legs=legs, cancelled=False, contexts={})
    (queued,) = decide(progress)
    assert isinstance(queued, Queue)
    assert queued.legs[0].name == "c39 / a"
    assert time.monotonic() - started < 2
