"""Actions that are no folders of the workspace: of other repositories of the forge, and of the own commit without a checkout."""

import pytest
from tests.forge.actions.flows import put, put_workflow
from tests.forge.actions.serving import Served, finished, logs, workflow
from tests.forge.actions.test_execution import play
from tests.forge.world import World, git

from localforge import seed
from localforge.actions import fetching
from localforge.actions.legs import Conclusion
from localforge.actions.local import node_path
from localforge.store import actions

GREET = """\
inputs: {who: {required: true}}
outputs: {said: {value: "${{ steps.say.outputs.said }}"}}
runs:
  using: composite
  steps:
    - {id: say, shell: bash, run: 'bash "$GITHUB_ACTION_PATH/say.sh" "${{ inputs.who }}" >> $GITHUB_OUTPUT'}
    - {shell: sh, run: 'echo "this is $GITHUB_ACTION_REPOSITORY at ${{ github.action_ref }}"'}
    - uses: $/shout
"""
SHOUT = "runs: {using: composite, steps: [{shell: sh, run: 'echo SHOUTING %s'}]}\n"
PROGRAM = "runs: {using: node20, pre: before.js, main: main.js, post: after.js}\n"
BEFORE = """\
require('fs').appendFileSync(process.env.GITHUB_ENV, 'EARLY=1\\n')
require('fs').appendFileSync(process.env.GITHUB_STATE, `kept=${process.env.GITHUB_ACTION_REPOSITORY}\\n`)
"""
MAIN = "console.log(`main: ${process.env.EARLY} ${process.env.STATE_kept}`)\n"
NEVER = "runs: {using: node20, pre: gone.js, pre-if: failure(), main: ../program/main.js}\n"
AFTER = "console.log(`after: ${process.env.STATE_kept}`)\n"


@pytest.mark.slow
@pytest.mark.skipif(node_path() is None, reason="this host has no node")
def test_they_are_performed_as_they_are_at_their_ref(unserved: Served, world: World) -> None:
    """Composite ones and programs; what is `$/` in them is theirs, in the workflow it is the workflow's own."""
    clone = unserved.state.parent / "tools"
    clone.mkdir()
    files = {
        "greet/action.yml": GREET,
        "greet/say.sh": 'echo "said=hello $1"\n',
        "shout/action.yml": SHOUT % "theirs",
        "program/action.yml": PROGRAM,
        "program/before.js": BEFORE,
        "program/main.js": MAIN,
        "never/action.yml": NEVER,
        "program/after.js": AFTER,
    }
    for name, text in files.items():
        (clone / name).parent.mkdir(exist_ok=True)
        (clone / name).write_text(text)
    git("init", "-q", "-b", "main", cwd=clone)
    git("add", ".", cwd=clone)
    git("commit", "-q", "-m", "First", cwd=clone)
    git("tag", "v1", cwd=clone)
    (clone / "greet" / "say.sh").write_text("exit 9\n")
    git("commit", "-q", "-a", "-m", "Broken", cwd=clone)
    forge = type(world.forge)(unserved.state, world.forge.settings)
    seed.create_repo(forge, world.org, "tools", clone=clone)
    forge.close()
    olga = unserved.start()
    put(olga, "shout/action.yml", SHOUT % "ours")
    steps = """
- {id: greet, uses: acme/tools/greet@v1, with: {who: Ada}}
- uses: Acme/Tools/program@v1
- uses: acme/tools/never@v1
- run: echo "later ${EARLY}"
- uses: $/shout
- run: echo "${{ steps.greet.outputs.said }}!" && ls
- {name: broken, uses: acme/tools/greet@main, with: {who: x}, continue-on-error: true}
"""
    put_workflow(olga, workflow(steps))
    run = finished(olga, event="push", head_sha=olga.get("/repos/acme/widget/commits/main").json()["sha"])
    text = logs(olga, run)
    assert run["conclusion"] == "success", text
    for line in ("hello Ada!", "this is acme/tools at v1", "SHOUTING theirs", "SHOUTING ours"):
        assert line in text, text
    assert "main: 1 acme/tools" in text
    assert "later 1" in text
    assert "after: acme/tools" in text
    assert text.count("Download action repository 'acme/tools@v1'") == 1
    assert "Process completed with exit code 9." in text
    assert "README.md" not in text, "nothing was checked out"


def test_what_cannot_be_found_says_so() -> None:
    """A ref that the repository does not have; a repository that the forge does not have."""
    result, told = play("runs-on: x\nsteps: [{uses: acme/tools@v9}]\n")
    assert result.conclusion is Conclusion.FAILURE
    assert "Unable to resolve action `acme/tools@v9`, unable to find version `v9`" in told.text
    result, told = play("runs-on: x\nsteps: [{uses: other/tools/deep@v1}]\n")
    assert "unsupported on the local runner: this forge has no other/tools that the workflow" in told.text


def test_which_actions_a_run_may_use(world: World) -> None:
    """Its own at its commit; a private sibling's once it is shared with private ones; no old names, no other commits."""
    olga = world.as_("olga")
    put(olga, "act/action.yml", SHOUT)
    put_workflow(olga, "on: push\njobs: {a: {runs-on: x, steps: [{run: 'true'}]}}\n")
    world.forge.bus.drain()
    run = actions.open_runs(world.forge.store.db)[0]
    put_secret = olga.put(
        "/repos/acme/secret/contents/action.yml", json={"message": "x", "content": "eDogMQo="}
    )
    sha = put_secret.json()["commit"]["sha"]

    def known(uses: str, origin: str = "") -> tuple[str, str, str] | None:
        found = fetching.found(world.forge, run, uses, origin)
        return (found.name, found.path, found.sha) if found else None

    assert known("$/act") == ("acme/widget", "act", run.sha)
    assert known("$/", f"{world.secret.id}:{sha}") == ("acme/secret", "", sha)
    assert known("acme/widget/act/@main") == ("acme/widget", "act", run.sha)
    assert known("acme/widget@nowhere") == ("acme/widget", "", "")
    for uses in ("acme/nothing@v1", "docker://alpine", "acme/secret@main", "acme@main", "../x/y@main"):
        assert known(uses) is None, uses
    shared = {"access_level": "organization"}
    assert olga.put("/repos/acme/secret/actions/permissions/access", json=shared).status_code == 204
    assert known("acme/secret@main") is None, "the workflow's repository is public"
    assert olga.patch("/repos/acme/widget", json={"private": True}).status_code == 200
    assert known("acme/secret@main") == ("acme/secret", "", sha)
    assert olga.patch("/repos/acme/secret", json={"name": "renamed"}).status_code == 200
    assert known("acme/secret@main") is None
