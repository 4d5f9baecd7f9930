"""Actions of the workspace: composite ones (nested, conditions, outputs) and programs of node with their post steps."""

import pytest
from tests.forge.actions.test_execution import Told, play

from localforge.actions.execution import JobResult
from localforge.actions.legs import Conclusion
from localforge.actions.local import node_path
from localforge.actions.workflow.action_file import Composite, Program, read_action
from localforge.actions.workflow.model import InvalidWorkflow

HEAD = "runs-on: ubuntu-latest\n"


def with_files(files: dict[str, str], rest: str) -> tuple[JobResult, Told]:
    """A job whose first step writes files, one of whose later steps uses them."""
    script = "".join(
        f"mkdir -p $(dirname {name})\ncat > {name} <<'EOF'\n{text}EOF\n" for name, text in files.items()
    )
    # The files' own expressions are not the workflow's.
    script = script.replace("${{", "${{ '${{' }}")
    indented = "".join(f"      {line}\n" for line in script.splitlines())
    return play(f"{HEAD}steps:\n  - run: |\n{indented}{rest}")


GREET = """\
name: Greet
inputs:
  who: {required: true}
  greeting: {default: "Hello from ${{ github.repository }}"}
outputs:
  said: {value: "${{ steps.say.outputs.said }}"}
  inner: {value: "${{ steps.deep.outputs.where }}"}
runs:
  using: composite
  steps:
    - id: say
      shell: bash
      working-directory: sub
      env: {OWN: inner}
      run: |
        echo "${{ inputs.greeting }}, ${{ inputs.who }} ($OUTER$OWN)"
        echo "said=$(pwd)" >> "$GITHUB_OUTPUT"
        echo "LATER=kept" >> "$GITHUB_ENV"
    - {shell: sh, run: 'echo never', if: "inputs.who == 'nobody'"}
    - {id: deep, uses: ./deep, with: {level: '${{ inputs.who }}'}}
    - {shell: sh, run: 'cat "$GITHUB_ACTION_PATH/words.txt"'}
"""
DEEP = """\
inputs: {level: {}}
outputs: {where: {value: '${{ steps.here.outputs.where }}'}}
runs:
  using: composite
  steps:
    - {id: here, shell: sh, run: 'echo "where=${{ inputs.level }}-$(basename $GITHUB_ACTION_PATH)" >> $GITHUB_OUTPUT'}
"""


def test_a_composite_action() -> None:
    """Inputs and defaults, `if`, working-directory, env, an action within, outputs; nothing of it is a step of its own."""
    result, told = with_files(
        {"greet/action.yml": GREET, "greet/words.txt": "WORDS\n", "deep/action.yaml": DEEP, "sub/x": ""},
        """
  - {id: g, uses: ./greet, with: {Who: Ada, other: 1}, env: {OUTER: outer-}}
  - run: |
      test "${{ steps.g.outputs.said }}" = "$GITHUB_WORKSPACE/sub"
      test "${{ steps.g.outputs.inner }}" = Ada-deep
      test "$LATER" = kept && test -z "$OUTER" && test -z "${{ steps.say.outputs.said }}"
""",
    )
    assert result.conclusion is Conclusion.SUCCESS, told.text
    assert "Hello from acme/widget, Ada (outer-inner)" in told.lines
    assert "WORDS" in told.lines
    assert "never" not in told.lines
    assert "##[warning]Unexpected input(s) 'other', valid inputs are ['who', 'greeting']" in told.lines
    assert len(told.steps) == 5


def test_a_failure_within_a_composite_action() -> None:
    """It fails the step; `always()` and `failure()` within look at the action, not at the job."""
    steps = """\
runs:
  using: composite
  steps:
    - {shell: sh, run: 'echo began', if: success()}
    - {shell: sh, run: exit 3}
    - {shell: sh, run: 'echo NOT HERE'}
    - {shell: sh, run: 'echo cleaned', if: failure()}
    - {shell: sh, run: 'echo always', if: always()}
"""
    result, told = with_files(
        {"a/action.yml": steps},
        """
  - {name: before, run: exit 1}
  - {name: skipped, uses: ./a}
  - {name: fails, uses: ./a, if: always(), continue-on-error: true}
  - {name: slow, uses: ./slow, if: always()}
""",
    )
    assert result.conclusion is Conclusion.FAILURE
    assert (told.steps["skipped"], told.steps["fails"], told.steps["slow"]) == (
        "skipped",
        "success",
        "failure",
    )
    assert {"began", "cleaned", "always"} <= set(told.lines)
    assert "NOT HERE" not in told.lines
    assert any("Can't find 'action.yml'" in line for line in told.lines)


@pytest.mark.slow
def test_a_composite_action_ends_with_its_steps_time_and_does_not_nest_for_ever() -> None:
    slow = "runs: {using: composite, steps: [{shell: sh, run: sleep 60}, {shell: sh, run: 'echo LATER'}]}\n"
    itself = "runs: {using: composite, steps: [{uses: ./self}]}\n"
    result, told = with_files(
        {"slow/action.yml": slow, "self/action.yml": itself},
        """
  - {name: slow, uses: ./slow, timeout-minutes: 0.01}
  - {name: endless, uses: ./self, if: always()}
""",
    )
    assert result.conclusion is Conclusion.FAILURE
    assert "##[error]The action 'Run ./slow' has timed out after 0.01 minutes." in told.lines
    assert "LATER" not in told.lines
    assert "Composite action depth exceeded max depth 10" in told.text


MAIN = """\
const fs = require('fs');
console.log('main ' + process.env['INPUT_LEVEL'] + ' ' + process.env.GITHUB_ACTION_PATH.split('/').pop());
fs.appendFileSync(process.env.GITHUB_STATE, 'token=kept\\n');
fs.appendFileSync(process.env.GITHUB_OUTPUT, 'answer=42\\n');
"""


@pytest.mark.skipif(node_path() is None, reason="this host has no node")
def test_a_program_of_node_and_its_post() -> None:
    """Inputs in its environment; posts run last first, also after a failure, each with its own state."""
    action = (
        "inputs: {level: {default: low}}\nruns: {using: node20, main: main.js, post: post.js, pre: pre.js}\n"
    )
    picky = "runs: {using: node20, main: main.js, post: post.js, post-if: success()}\n"
    post = "console.log('post ' + process.env.INPUT_LEVEL + ' ' + process.env.STATE_token);\n"
    result, told = with_files(
        {
            "js/action.yml": action,
            "js/main.js": MAIN,
            "js/post.js": post,
            "picky/action.yml": picky,
            "picky/main.js": "",
            "picky/post.js": "console.log('NOT HERE')\n",
        },
        """
  - {id: first, uses: ./js}
  - {id: second, uses: ./js, with: {level: high}}
  - {uses: ./picky}
  - run: exit ${{ steps.second.outputs.answer }}
""",
    )
    assert result.conclusion is Conclusion.FAILURE
    said = [line for line in told.lines if line.startswith(("main ", "post "))]
    assert said == ["main low js", "main high js", "post high kept", "post low kept"], told.text
    assert "NOT HERE" not in told.lines
    assert told.lines.count("##[warning]`pre` execution is not supported for local action from './js'") == 2
    assert [name for name in told.steps if name.startswith("Post")] == ["Post Run ./picky", "Post Run ./js"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: x\n", "Required property is missing: runs"),
        ("runs: {using: composite, steps: [{run: x}]}\n", "Required property is missing: shell"),
        ("runs: {using: composite, steps: [{run: x, shell: sh, if: nope()}]}\n", "Unrecognized function"),
        (
            "runs: {using: composite, steps: [{run: '${{ secrets.X }}', shell: sh}]}\n",
            "Unrecognized named-value",
        ),
        ("runs: {using: composite, steps: []}\nextra: 1\n", "Unexpected value 'extra'"),
        ("runs: [", "You have an error in your yaml syntax"),
    ],
)
def test_an_action_that_is_not_valid_is_refused_with_a_place(text: str, message: str) -> None:
    read = read_action("a/action.yml", text)
    assert isinstance(read, InvalidWorkflow)
    assert message in read.messages[0]
    assert read.messages[0].startswith("a/action.yml (Line: ")


def test_what_an_action_is() -> None:
    docker = with_files(
        {"d/action.yml": "runs: {using: docker, image: Dockerfile}\n"}, "\n  - {uses: ./d}\n"
    )[1]
    assert "The action ./d uses 'docker', which is unsupported on the local runner" in docker.text
    read = read_action("action.yml", GREET)
    assert not isinstance(read, InvalidWorkflow)
    assert isinstance(read.runs, Composite)
    program = read_action("action.yml", "runs: {using: node24, main: a.js, post: b.js}\n")
    assert not isinstance(program, InvalidWorkflow)
    assert isinstance(program.runs, Program)
    assert (program.runs.post_condition.names_status, program.runs.pre) == (True, None)
