"""Jobs run for real in the sandbox: environment, outputs, conditions, commands, shells, time and cancellation."""

import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from localforge.actions.commands import Remark
from localforge.actions.execution import JobExecution, JobResult, JobSpec
from localforge.actions.expressions import Value
from localforge.actions.legs import Conclusion
from localforge.actions.sandbox.box import isolated
from localforge.actions.sandbox.isolation import Isolation, Limits, Walls, probe
from localforge.actions.steps import Packed
from localforge.actions.workflow.model import Workflow
from localforge.actions.workflow.reader import read_workflow

TOKEN = "ghs_" + "a" * 36
GITHUB: Mapping[str, Value] = {
    "repository": "acme/widget",
    "sha": "c" * 40,
    "ref": "refs/heads/main",
    "event_name": "push",
    "server_url": "http://127.0.0.1:1",
    "event": {"head_commit": {"message": "It's $(touch /tmp/pwned)"}},
    "token": TOKEN,
    "job": "job",
}


@dataclass
class Told:
    """What a job told its reporter."""

    steps: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    noted: list[Remark] = field(default_factory=list)
    summaries: list[str] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)
    on_line: threading.Event = field(default_factory=threading.Event)

    def step_started(self, number: int, name: str) -> None:
        self.names[number] = name

    def step_ended(self, number: int, conclusion: Conclusion) -> None:
        self.steps[self.names[number]] = conclusion.value

    def log(self, number: int, lines: Sequence[str]) -> None:
        self.lines += lines
        if "READY" in lines:
            self.on_line.set()

    def remarks(self, remarks: Sequence[Remark]) -> None:
        self.noted += remarks

    def summary(self, text: str) -> None:
        self.summaries.append(text)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def find(uses: str, _: str) -> Packed | None:
    """A repository without the commit that is asked for; no other."""
    if not uses.startswith("acme/tools@"):
        return None
    ref = uses.partition("@")[2]
    return Packed(name="acme/tools", path="", ref=ref, sha="", origin="", address="")


def spec(job: str, contexts: Mapping[str, Value] | None = None) -> JobSpec:
    indented = "\n".join("    " + line for line in job.strip("\n").splitlines())
    read = read_workflow(
        "ci.yml", f"on: push\nenv: {{TOP: 1, SHARED: workflow}}\njobs:\n  job:\n{indented}\n"
    )
    assert isinstance(read, Workflow), read
    return JobSpec(
        workflow=read,
        job=read.jobs[0],
        contexts={
            "github": GITHUB,
            "needs": {},
            "matrix": None,
            "strategy": {},
            "vars": {},
            "inputs": {},
            **(contexts or {}),
        },
        event=json.dumps(GITHUB["event"]),
        token=TOKEN,
        secrets={},
        masks=[TOKEN],
        files={".gitconfig": "[user]\n\tname = Runner\n"},
        notes=[f"with {TOKEN}"],
        find=find,
    )


def play(
    job: str, contexts: Mapping[str, Value] | None = None, *, cancel: bool = False
) -> tuple[JobResult, Told]:
    isolation = probe()
    assert isinstance(isolation, Isolation), isolation
    told = Told()
    with isolated(isolation, Walls(limits=Limits()), port=0, slot=0) as sandbox:
        execution = JobExecution(spec(job, contexts), sandbox, told)
        if cancel:

            def when_ready() -> None:
                assert told.on_line.wait(20)
                execution.cancel()

            threading.Thread(target=when_ready).start()
        return execution.run(), told


def test_environment_and_outputs_flow_from_step_to_step() -> None:
    result, told = play(
        """
runs-on: ubuntu-latest
env: {SHARED: job, FROM: '${{ github.event_name }}-${{ matrix.n }}'}
outputs: {answer: '${{ steps.first.outputs.answer }}', secret: '${{ github.token }}'}
defaults: {run: {working-directory: sub}}
steps:
  - run: mkdir sub
    working-directory: .
  - id: first
    run: |
      echo "answer=42" >> "$GITHUB_OUTPUT"
      printf 'text<<END\\nline 1\\nline 2\\nEND\\n' >> "$GITHUB_OUTPUT"
      echo "LATER=set" >> "$GITHUB_ENV"
      echo "SHARED=file" >> "$GITHUB_ENV"
      mkdir -p "$HOME/tools" && printf '#!/bin/sh\\necho tool ran' > "$HOME/tools/mytool" && chmod +x "$HOME/tools/mytool"
      echo "$HOME/tools" >> "$GITHUB_PATH"
      echo "# Summary" >> "$GITHUB_STEP_SUMMARY"
  - run: |
      test "$LATER$SHARED" = setfile && test "$OWN" = step && test "$FROM" = push-7 && test "$TOP" = 1
      test "$CI$GITHUB_ACTIONS" = truetrue && test "$GITHUB_REPOSITORY" = acme/widget
      test "$(pwd)" = "$GITHUB_WORKSPACE/sub" && test "$(id -un)" = runner
      test "${{ steps.first.outputs.text }}" = "$(printf 'line 1\\nline 2')"
      test "$(python -c 'import json, os; print(json.load(open(os.environ["GITHUB_EVENT_PATH"]))["head_commit"]["message"])')" = "$MESSAGE"
      git config user.name; mytool
    env: {OWN: step, MESSAGE: '${{ github.event.head_commit.message }}'}
""",
        {"matrix": {"n": 7}},
    )
    assert result == JobResult(conclusion=Conclusion.SUCCESS, outputs={"answer": "42"}), told.text
    assert "tool ran" in told.lines
    assert "Runner" in told.lines
    assert told.summaries == ["# Summary\n"]
    assert TOKEN not in told.text
    assert "with ***" in told.lines
    assert "##[warning]Skip output 'secret' since it may contain secret." in told.lines


def test_conditions_and_conclusions() -> None:
    result, told = play(
        """
runs-on: ubuntu-latest
steps:
  - {name: fine, run: 'true'}
  - {name: tolerated, id: t, run: exit 3, continue-on-error: true}
  - {name: after tolerated, run: 'true', if: "steps.t.outcome == 'failure' && steps.t.conclusion == 'success'"}
  - {name: fails, run: 'false | true; exit 4'}
  - {name: not run, run: 'true'}
  - {name: on failure, run: 'true', if: failure()}
  - {name: always, run: 'true', if: '${{ always() }}'}
  - {name: wrong, run: 'true', if: "always() && fromJSON('{')"}
"""
    )
    assert result.conclusion is Conclusion.FAILURE
    assert told.steps == {
        "Set up job": "success",
        "fine": "success",
        "tolerated": "success",
        "after tolerated": "success",
        "fails": "failure",
        "not run": "skipped",
        "on failure": "success",
        "always": "success",
        "wrong": "failure",
        "Complete job": "success",
    }
    assert "##[error]Process completed with exit code 4." in told.lines


def test_shells() -> None:
    result, told = play(
        """
runs-on: ubuntu-latest
steps:
  - {name: e is set, continue-on-error: true, run: "false\\necho NOT HERE"}
  - {name: no pipefail, run: 'false | true'}
  - {name: pipefail, shell: bash, continue-on-error: true, id: p, run: 'false | true'}
  - {name: python, shell: python, run: 'print(6 * 7)'}
  - {name: sh, shell: sh, run: 'echo $0'}
  - {name: custom, shell: 'bash -c "cat {0}"', run: 'as text'}
  - {run: 'exit ${{ steps.p.outcome == ''success'' && 1 || 0 }}'}
  - {name: pwsh, shell: pwsh, run: x, continue-on-error: true}
  - {name: missing, shell: 'nosuchshell {0}', run: x, continue-on-error: true}
"""
    )
    assert result.conclusion is Conclusion.SUCCESS, told.text
    assert "NOT HERE" not in told.lines[told.lines.index("##[endgroup]") :][:3]
    assert {"42", "as text"} <= set(told.lines)
    assert "The shell 'pwsh' is unsupported on the local runner" in told.text
    assert "##[error]Process completed with exit code 127." in told.lines


def test_workflow_commands_become_annotations_and_masks() -> None:
    _, told = play(
        """
runs-on: ubuntu-latest
steps:
  - run: |
      echo '::warning file=src/a.py,line=3,endLine=4,col=5,title=Careful%2C now::Two%0Alines'
      echo '::notice::Plain'
      echo '::error file=b.py::Bad'
      echo '::add-mask::hunter2'
      echo 'password hunter2'; printf %s 'xhunter2' | base64; echo 'hun%ter2'
      echo '::group::Folded'; echo '::endgroup::'
      echo '::stop-commands::pause'; echo '::notice::not a command'; echo '::pause::'
      printf 'no newline'
"""
    )
    assert told.noted == [
        Remark(
            level="warning",
            message="Two\nlines",
            title="Careful, now",
            file="src/a.py",
            line=3,
            end_line=4,
            column=5,
        ),
        Remark(level="notice", message="Plain"),
        Remark(level="failure", message="Bad", file="b.py"),
    ]
    shown = told.lines[told.lines.index("##[endgroup]") + 1 :]
    assert "password ***" in shown
    assert "hunter2" not in "\n".join(shown)
    assert "aHVudGVy" not in "\n".join(shown)
    assert "##[group]Folded" in shown
    assert "::notice::not a command" in shown
    assert shown[-1] == "no newline"


OLD_WAYS = """
runs-on: ubuntu-latest
outputs: {both: '${{ steps.old.outputs.one }}${{ steps.old.outputs.two }}${{ steps.after.outputs.one }}'}
steps:
  - id: old
    run: |
      echo '::set-output name=one::1%0A1'; echo '::set-output name=two::old'; echo 'two=new' >> "$GITHUB_OUTPUT"
      echo '::set-output::nameless'; echo '::debug::only for who asks'
  - {id: after, run: 'echo "debug=${RUNNER_DEBUG}${{ runner.debug }}"'}
"""


@pytest.mark.parametrize("debugs", [False, True])
def test_outputs_in_the_old_way_and_words_for_debugging(*, debugs: bool) -> None:
    """They count, with a warning; a file says it better. What is said for debugging is in the log of who asks for it."""
    result, told = play(OLD_WAYS, {"vars": {"ACTIONS_STEP_DEBUG": str(debugs).lower()}})
    assert result.outputs == {"both": "1\n1new"}
    warned = [remark.message.split(".")[0] for remark in told.noted]
    assert warned == ["The `set-output` command is deprecated and will be disabled soon"] * 2
    assert "##[warning]Unable to process command `set-output`" in told.lines
    assert ("##[debug]only for who asks" in told.lines) == debugs
    assert ("debug=11" in told.lines) == debugs


def test_command_files_cannot_hang_or_flood_the_runner() -> None:
    started = time.monotonic()
    result, told = play(
        """
runs-on: ubuntu-latest
steps:
  - {name: pipe, run: 'rm "$GITHUB_OUTPUT"; mkfifo "$GITHUB_OUTPUT"', id: pipe}
  - {name: large, run: 'head -c 3M /dev/zero > "$GITHUB_ENV"'}
  - {name: nonsense, run: 'echo nonsense > "$GITHUB_ENV"', continue-on-error: true}
  - {name: unended, run: 'echo "A<<END" > "$GITHUB_OUTPUT"', continue-on-error: true}
  - {name: notices, run: 'yes "::notice::x" | head -n 20000'}
"""
    )
    assert time.monotonic() - started < 10
    assert result.conclusion is Conclusion.SUCCESS, told.text[:2000]
    assert "##[error]Unable to process file command: Invalid format 'nonsense'" in told.lines
    assert any("matching delimiter not found 'END'" in line for line in told.lines)
    assert len(told.noted) < 1100
    unread = [line for line in told.lines if "was not read" in line]
    assert [line.split()[0] for line in unread] == ["##[warning]GITHUB_OUTPUT", "##[warning]GITHUB_ENV"]


def test_uses() -> None:
    result, told = play(
        """
runs-on: ubuntu-latest
steps:
  - {name: setup, id: s, uses: actions/setup-python@v5, with: {python-version: '2.7'}}
  - {name: node, uses: actions/setup-node@v4}
  - {name: other, uses: some/action@v1, continue-on-error: true}
  - {name: docker, uses: 'docker://alpine', continue-on-error: true}
  - {name: bad checkout, uses: actions/checkout@v4, with: {path: ../../etc}, continue-on-error: true}
  - {name: unreachable, uses: actions/checkout@v4, continue-on-error: true}
  - run: test -n "${{ steps.s.outputs.python-version }}"
"""
    )
    assert result.conclusion is Conclusion.SUCCESS, told.text
    assert any("Python 2.7 was asked for" in line for line in told.lines)
    place = "##[error]ci.yml (Line: 9, Col: 9): "
    words = "unsupported on the local runner: this forge has no some/action that the workflow may use"
    assert f"{place}The action some/action@v1 is {words}" in told.lines
    assert "The action docker://alpine is unsupported on the local runner" in told.text
    assert any("is not under" in line for line in told.lines)


@pytest.mark.parametrize(
    ("job", "message"),
    [
        (
            "runs-on: windows-latest\nsteps: [{run: x}]",
            "##[error]ci.yml (Line: 5, Col: 5): runs-on: windows-latest: the local runner is Linux",
        ),
        (
            "runs-on: x\ncontainer: alpine\nsteps: [{run: x}]",
            "##[error]ci.yml (Line: 5, Col: 5): `container` is unsupported on the local runner",
        ),
        (
            "runs-on: x\nenv: {A: \"${{ fromJSON('{') }}\"}\nsteps: [{run: x}]",
            "##[error]ci.yml (Line: 5, Col: 5): Error parsing fromJSON",
        ),
    ],
)
def test_a_job_that_cannot_run_here_says_so(job: str, message: str) -> None:
    result, told = play(job)
    assert result.conclusion is Conclusion.FAILURE
    assert message in told.text
    assert told.steps == {"Set up job": "failure", "Complete job": "success"}


@pytest.mark.slow
def test_a_step_out_of_time_fails_and_a_job_out_of_time_is_timed_out() -> None:
    started = time.monotonic()
    result, told = play(
        """
runs-on: ubuntu-latest
timeout-minutes: 0.1
steps:
  - {name: slow, run: sleep 60, timeout-minutes: 0.005, continue-on-error: true}
  - {name: job, run: sleep 60}
  - {name: skipped, run: 'true'}
  - {name: cleanup, run: echo cleaned up, if: always()}
"""
    )
    assert time.monotonic() - started < 40
    assert result.conclusion is Conclusion.TIMED_OUT
    assert told.steps["slow"] == "success"
    assert told.steps["job"] == "cancelled"
    assert told.steps["skipped"] == "skipped"
    assert "cleaned up" in told.lines
    assert "##[error]The action 'Run sleep 60' has timed out after 0.005 minutes." in told.lines


def test_cancel_stops_the_step_and_runs_what_asks_for_it() -> None:
    result, told = play(
        """
runs-on: ubuntu-latest
steps:
  - {name: slow, run: 'echo READY; sleep 60'}
  - {name: skipped, run: 'true'}
  - {name: cleanup, run: echo cleaned up, if: cancelled()}
""",
        cancel=True,
    )
    assert result.conclusion is Conclusion.CANCELLED
    assert told.steps["slow"] == "cancelled"
    assert told.steps["skipped"] == "skipped"
    assert "cleaned up" in told.lines
    assert "##[error]The operation was canceled." in told.lines


@pytest.mark.slow
def test_python_packages_can_be_installed_and_commands_are_there() -> None:
    result, told = play(
        """
runs-on: ubuntu-latest
steps:
  - run: |
      mkdir -p pkg/newly && cd pkg
      echo 'VALUE = 7' > newly/__init__.py
      printf '[build-system]\\nrequires = ["hatchling"]\\nbuild-backend = "hatchling.build"\\n[project]\\nname = "newly"\\nversion = "1"\\n' > pyproject.toml
      pip install --quiet --no-build-isolation --no-deps .
      cd .. && rm -rf pkg
      printf 'import newly\\ndef test(): assert newly.VALUE == 7\\n' > test_it.py
      pytest -q test_it.py
      python -c 'import penstock.core' 2>/dev/null && exit 1 || echo no penstock
"""
    )
    assert result.conclusion is Conclusion.SUCCESS, told.text
    assert "no penstock" in told.lines
