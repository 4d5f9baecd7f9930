"""Workflows that call workflows: inputs, secrets, outputs, needs, matrices, permissions, nesting; of this repository and others."""

import base64

import httpx
import pytest
from tests.forge.actions.flows import (
    WIDGET,
    end,
    jobs_of,
    play,
    put,
    put_workflow,
    runs,
    take,
)
from tests.forge.actions.serving import Served, finished, logs
from tests.forge.actions.test_variables import set_secret
from tests.forge.world import World

from localforge import seed
from localforge.actions.legs import Conclusion

BUILD = """\
on:
  workflow_call:
    inputs:
      who: {type: string, required: true}
      loud: {type: boolean}
      times: {type: number, default: 3}
    secrets: {key: {required: true}}
    outputs:
      image: {value: "${{ jobs.make.outputs.image }}-${{ inputs.who }}"}
jobs:
  make:
    name: Make for ${{ inputs.who }}
    runs-on: x
    outputs: {image: "${{ steps.s.outputs.image }}"}
    steps: [{id: s, run: 'true'}]
  test: {runs-on: x, needs: make, if: inputs.times == 3, steps: [{run: 'true'}]}
"""
CALLER = """\
on: push
jobs:
  first: {runs-on: x, outputs: {who: "${{ steps.a.outputs.who }}"}, steps: [{id: a, run: 'true'}]}
  build:
    needs: first
    uses: ./.github/workflows/build.yml
    with: {who: "${{ needs.first.outputs.who }}"}
    secrets: {key: x}
  deploy:
    needs: build
    if: needs.build.outputs.image == 'img-ada'
    runs-on: x
    name: Deploy ${{ needs.build.outputs.image }} ${{ needs.build.result }}
    steps: [{run: 'true'}]
"""
LEAF = "on: workflow_call\njobs: {leaf: {runs-on: x, steps: [{run: 'true'}]}}\n"


def test_a_call_is_jobs_of_the_callers_run(world: World) -> None:
    olga = world.as_("olga")
    put_workflow(olga, BUILD, name="build.yml")
    put_workflow(olga, CALLER)
    run = runs(world)[0]
    first = take(world)
    assert first is not None
    assert jobs_of(olga, run) == {"first": ("in_progress", None)}
    end(world, first, outputs={"who": "ada"})
    make = take(world)
    assert make is not None
    assert make.name == "build / Make for ada"
    assert take(world) is None
    end(world, make, outputs={"image": "img"})
    assert play(world) == ["build / test", "Deploy img-ada success"]
    done = olga.get(f"{WIDGET}/actions/runs/{run['id']}").json()
    assert done["conclusion"] == "success"
    assert [row["path"].partition("@")[0] for row in done["referenced_workflows"]] == [
        "acme/widget/.github/workflows/build.yml"
    ]


def test_both_ways_to_name_a_file_of_ones_own(world: World) -> None:
    """`$/` is the caller's repository at its commit, as `./` is; it takes no ref."""
    olga = world.as_("olga")
    put_workflow(olga, LEAF, name="leaf.yml")
    put_workflow(olga, "on: push\njobs: {call: {uses: $/.github/workflows/leaf.yml}}\n")
    run = runs(world)[0]
    assert play(world) == ["call / leaf"]
    assert runs(world)[0]["id"] == run["id"]
    put_workflow(olga, "on: push\njobs: {call: {uses: $/.github/workflows/leaf.yml@main}}\n")
    assert runs(world)[0]["conclusion"] == "failure"


def test_a_failure_within_a_call_is_the_callers(world: World) -> None:
    """What needs the call is skipped; repeating what failed keeps what went before."""
    olga = world.as_("olga")
    put_workflow(olga, BUILD, name="build.yml")
    put_workflow(olga, CALLER)
    run = runs(world)[0]
    first = take(world)
    assert first is not None
    end(world, first, outputs={"who": "ada"})
    play(world, make=Conclusion.FAILURE)
    assert jobs_of(olga, run) == {
        "first": ("completed", "success"),
        "build / Make for ada": ("completed", "failure"),
        "build / test": ("completed", "skipped"),
        "Deploy -ada failure": ("completed", "skipped"),
    }
    put_workflow(olga, "on: workflow_call\njobs: {}\n", name="build.yml")
    runs(world)
    assert olga.post(f"{WIDGET}/actions/runs/{run['id']}/rerun-failed-jobs").status_code == 201
    assert jobs_of(olga, run) == {
        "first": ("completed", "success"),
        "build / Make for ada": ("queued", None),
    }
    make = take(world)
    assert make is not None
    end(world, make, outputs={"image": "img"})
    assert play(world) == ["build / test", "Deploy img-ada success"]


def test_matrices_conditions_and_nesting_of_calls(world: World) -> None:
    olga = world.as_("olga")
    put_workflow(olga, LEAF, name="leaf.yml")
    put_workflow(
        olga,
        "on: workflow_call\njobs: {inner: {uses: ./.github/workflows/leaf.yml}}\n",
        name="middle.yml",
    )
    put_workflow(
        olga,
        """\
on: push
jobs:
  never: {if: false, uses: ./.github/workflows/leaf.yml}
  many:
    strategy: {max-parallel: 1, matrix: {n: [1, 2]}}
    uses: ./.github/workflows/middle.yml
  after: {needs: [never, many], if: always(), runs-on: x, steps: [{run: 'true'}]}
""",
    )
    run = runs(world)[0]
    assert jobs_of(olga, run) == {
        "never": ("completed", "skipped"),
        "many (1) / inner / leaf": ("queued", None),
    }
    assert play(world) == ["many (1) / inner / leaf", "many (2) / inner / leaf", "after"]


def test_fail_fast_and_cancel_reach_into_calls(world: World) -> None:
    olga = world.as_("olga")
    put_workflow(olga, LEAF, name="leaf.yml")
    many = "on: push\njobs: {many: {strategy: {matrix: {n: [1, 2]}}, uses: ./.github/workflows/leaf.yml}}\n"
    put_workflow(olga, many)
    run = runs(world)[0]
    job = take(world)
    assert job is not None
    end(world, job, Conclusion.FAILURE)
    assert jobs_of(olga, run)["many (2) / leaf"] == ("completed", "cancelled")
    assert olga.post(f"{WIDGET}/actions/runs/{run['id']}/rerun").status_code == 201
    assert olga.post(f"{WIDGET}/actions/runs/{run['id']}/cancel").status_code == 202
    assert olga.get(f"{WIDGET}/actions/runs/{run['id']}").json()["conclusion"] == "cancelled"
    assert take(world) is None


def share(client: httpx.Client, repo: str, text: str) -> None:
    body = {"message": "Share", "content": base64.b64encode(text.encode()).decode()}
    done = client.put(f"/repos/{repo}/contents/.github/workflows/shared.yml", json=body)
    assert done.status_code == 201, done.text


def test_other_repositories_files(world: World) -> None:
    """Public ones; private ones of the same owner between private repositories, once they are shared."""
    olga, otto = world.as_("olga"), world.as_("otto")
    for name, private in (("open", False), ("closed", True)):
        seed.create_repo(world.forge, world.people["otto"], name, private=private)
        share(otto, f"otto/{name}", LEAF)
    share(olga, "acme/secret", LEAF)
    access = "/repos/acme/secret/actions/permissions/access"
    steps: tuple[tuple[str, dict[str, bool] | None, str | None, str | None], ...] = (
        ("otto/open", None, None, None),
        ("acme/secret", {"private": False}, "organization", "failure"),
        ("acme/secret", {"private": True}, None, None),
        ("acme/secret", None, "none", "failure"),
        ("otto/closed", None, None, "failure"),
    )
    for repo, widget, level, conclusion in steps:
        if widget is not None:
            assert olga.patch(WIDGET, json=widget).status_code == 200
        if level is not None:
            assert olga.put(access, json={"access_level": level}).status_code == 204
            assert olga.get(access).json() == {"access_level": level}
        uses = f"{repo}/.github/workflows/shared.yml@main"
        put_workflow(olga, f"on: push\njobs: {{call: {{uses: '{uses}'}}}}\n# {level} {widget}\n")
        assert runs(world)[0]["conclusion"] == conclusion, repo
    summary = refusal(world, olga)
    assert summary == (
        ".github/workflows/ci.yml (Line: 2, Col: 21): error parsing called workflow "
        '"otto/closed/.github/workflows/shared.yml@main": workflow was not found.'
    )


def test_whom_a_private_repository_may_be_shared_with(world: World) -> None:
    """Its owner's others, which for an organization is called so; a public one is everybody's anyway."""
    olga = world.as_("olga")
    access = "/repos/acme/{}/actions/permissions/access"
    assert olga.get(access.format("secret")).json() == {"access_level": "none"}
    for repo, level in (("secret", "user"), ("secret", "everybody"), ("widget", "none")):
        assert olga.put(access.format(repo), json={"access_level": level}).status_code == 422
    assert olga.get(access.format("widget")).status_code == 422
    assert world.as_("wim").put(access.format("widget"), json={"access_level": "none"}).status_code == 403
    assert olga.get(access.format("secret")).json() == {"access_level": "none"}


def refusal(world: World, client: httpx.Client) -> str:
    """What the newest run's check says."""
    sha = runs(world)[0]["head_sha"]
    found = client.get(f"{WIDGET}/commits/{sha}/check-runs").json()["check_runs"]
    summary: str = next(check for check in found if check["name"].endswith("ci.yml"))["output"]["summary"]
    return summary


@pytest.mark.parametrize(
    ("called", "call", "message"),
    [
        ("on: push\njobs: {a: {runs-on: x}}\n", "", "missing a `on.workflow_call` trigger"),
        (
            "on: workflow_call\njobs: {}\nx: 1\n",
            "",
            "Error from called workflow ./.github/workflows/called.yml",
        ),
        (LEAF, "with: {nope: 1}", "Invalid input, nope is not defined in the referenced workflow."),
        (BUILD, "secrets: {key: x}", "Input who is required, but not provided while calling."),
        (BUILD, "with: {who: x}", "Secret key is required, but not provided while calling."),
        (BUILD, "with: {who: x, loud: maybe}\n    secrets: inherit", "Unexpected value 'maybe'"),
        (
            "on: workflow_call\npermissions: {issues: write}\njobs: {a: {runs-on: x}}\n",
            "",
            "is requesting 'issues: write', but is only allowed 'issues: none'.",
        ),
    ],
)
def test_calls_that_cannot_be_are_refused_before_anything_runs(
    world: World, called: str, call: str, message: str
) -> None:
    olga = world.as_("olga")
    put(olga, ".github/workflows/called.yml", called)
    put_workflow(olga, f"on: push\njobs:\n  call:\n    uses: ./.github/workflows/called.yml\n    {call}\n")
    run = next(run for run in runs(world) if run["path"].endswith("ci.yml"))
    assert (run["status"], run["conclusion"]) == ("completed", "failure")
    assert message in refusal(world, olga)


def test_a_workflow_that_calls_itself_is_refused(world: World) -> None:
    olga = world.as_("olga")
    put_workflow(olga, "on: [push, workflow_call]\njobs: {again: {uses: ./.github/workflows/ci.yml}}\n")
    assert runs(world)[0]["conclusion"] == "failure"
    assert refusal(world, olga) == "Nested reusable workflow depth exceeded 10."


def test_an_input_that_turns_out_wrong_fails_the_caller(world: World) -> None:
    olga = world.as_("olga")
    put_workflow(olga, BUILD, name="build.yml")
    put_workflow(
        olga,
        "on: push\njobs: {b: {uses: ./.github/workflows/build.yml, with: {who: x, times: '${{ github.ref }}'},"
        " secrets: inherit}}\n",
    )
    assert jobs_of(olga, runs(world)[0]) == {"b": ("completed", "failure")}


CALLED = """\
on:
  workflow_call:
    inputs: {who: {type: string}}
    secrets: {renamed: {}}
    outputs: {said: {value: "${{ jobs.say.outputs.said }}"}}
permissions: {contents: read}
jobs:
  say:
    runs-on: ubuntu-latest
    outputs: {said: "${{ steps.s.outputs.said }}"}
    steps:
      - id: s
        run: |
          test "$RENAMED" = "$EXPECTED" && test -z "$ORIGINAL" && echo "secret came"
          echo "said=hello ${{ inputs.who }}" >> "$GITHUB_OUTPUT"
        env: {RENAMED: "${{ secrets.renamed }}", ORIGINAL: "${{ secrets.TOKEN }}", EXPECTED: hidden value}
"""


ACTION = """\
inputs: {said: {}}
runs: {using: composite, steps: [{shell: sh, run: 'echo "${{ inputs.said }} from $GITHUB_ACTION_REPOSITORY"'}]}
"""


def test_a_call_runs_for_real(served: Served) -> None:
    """And what it says is passed on to an action of another repository."""
    olga = served.olga
    olga.post("/orgs/acme/repos", json={"name": "tools", "auto_init": True})
    content = base64.b64encode(ACTION.encode()).decode()
    olga.put("/repos/acme/tools/contents/say/action.yml", json={"message": "m", "content": content})
    set_secret(olga, "TOKEN", "hidden value")
    put_workflow(olga, CALLED, name="called.yml")
    put_workflow(
        olga,
        """\
on: push
jobs:
  call:
    uses: ./.github/workflows/called.yml
    with: {who: ada}
    secrets: {renamed: "${{ secrets.TOKEN }}"}
  show:
    needs: call
    runs-on: ubuntu-latest
    steps:
      - run: 'echo "${{ needs.call.outputs.said }}!"'
      - {uses: acme/tools/say@main, with: {said: "${{ needs.call.outputs.said }}"}}
""",
    )
    run = finished(olga)
    text = logs(olga, run)
    assert run["conclusion"] == "success", text
    assert "secret came" in text
    assert "hello ada!" in text
    assert "hello ada from acme/tools" in text
