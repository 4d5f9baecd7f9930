"""Concurrency groups of called workflows: a call holds its group from its first job to its last."""

from tests.forge.actions.flows import WIDGET, end, jobs_of, play, put, put_workflow, runs, take
from tests.forge.world import World

from localforge.actions.legs import Conclusion

TWO = """\
on: workflow_call
concurrency: {group: "deploy-${{ github.ref_name }}"%s}
jobs:
  build: {runs-on: x, steps: [{run: 'true'}]}
  ship: {runs-on: x, needs: build, steps: [{run: 'true'}]}
"""
CALLER = """\
on: push
jobs:
  call: {uses: ./.github/workflows/two.yml}
  free: {runs-on: x, steps: [{run: 'true'}]}
"""


def begin(world: World, called: str, caller: str = CALLER) -> None:
    olga = world.as_("olga")
    put(olga, ".github/workflows/two.yml", called)
    put_workflow(olga, caller)
    runs(world)


def test_a_call_holds_its_group_to_its_last_job(world: World) -> None:
    """Another run's call waits whole, between the jobs of the first, too; what is outside the call does not."""
    olga = world.as_("olga")
    begin(world, TWO % "")
    put(olga, "a.txt", "1")
    newer, older = runs(world)
    first = take(world, "a")
    assert first is not None
    assert (first.run_id, first.name) == (older["id"], "call / build")
    assert [job.name for job in (take(world, "b"), take(world, "c")) if job] == ["free", "free"]
    assert take(world, "d") is None
    end(world, first)
    second = take(world, "e")
    assert second is not None
    assert (second.run_id, second.name) == (older["id"], "call / ship")
    assert take(world, "f") is None
    assert jobs_of(olga, newer)["call / build"] == ("queued", None)
    end(world, second)
    third = take(world, "g")
    assert third is not None
    assert (third.run_id, third.name) == (newer["id"], "call / build")


def test_one_call_waits_at_a_time(world: World) -> None:
    """A newer one takes the place of who waits; what the one that gave way needed is skipped, the rest of its run goes on."""
    olga = world.as_("olga")
    begin(world, TWO % "")
    for text in ("1", "2"):
        put(olga, "a.txt", text)
    newest, between, oldest = runs(world)
    assert jobs_of(olga, between) == {
        "call / build": ("completed", "cancelled"),
        "call / ship": ("completed", "skipped"),
        "free": ("queued", None),
    }
    assert sorted(play(world)) == ["call / build"] * 2 + ["call / ship"] * 2 + ["free"] * 3
    assert [run["conclusion"] for run in runs(world)] == ["success", "cancelled", "success"]
    assert {newest["id"], oldest["id"]} == {
        run["id"] for run in runs(world) if run["conclusion"] == "success"
    }


def test_cancel_in_progress_stops_the_whole_call(world: World) -> None:
    olga = world.as_("olga")
    begin(world, TWO % ", cancel-in-progress: true")
    first = take(world, "a")
    assert first is not None
    put(olga, "a.txt", "1")
    runs(world)
    assert take(world, "b") is not None
    end(world, first, Conclusion.CANCELLED)
    older = runs(world)[1]
    assert jobs_of(olga, older)["call / ship"] == ("completed", "skipped")
    assert sorted(play(world))[:2] == ["call / build", "call / ship"]


def test_the_job_that_calls_names_a_group_too(world: World) -> None:
    """And a job of another run that names the same group by itself waits for the call."""
    plain = TWO.replace('concurrency: {group: "deploy-${{ github.ref_name }}"%s}\n', "")
    begin(world, plain, "on: push\njobs:\n  call: {uses: ./.github/workflows/two.yml, concurrency: g}\n")
    olga = world.as_("olga")
    put_workflow(olga, "on: push\njobs: {job: {runs-on: x, steps: [{run: 'true'}], concurrency: g}}\n")
    runs(world)
    first = take(world, "a")
    assert first is not None
    assert (first.name, take(world, "b")) == ("call / build", None)
    end(world, first)
    assert play(world) == ["call / ship", "job"]


def test_a_matrix_of_one_call_is_in_its_group_together(world: World) -> None:
    """Legs of a call do not stop each other; calls of a matrix take turns."""
    many = """\
on: workflow_call
concurrency: g
jobs:
  leg: {runs-on: x, strategy: {matrix: {n: [1, 2]}}, steps: [{run: 'true'}]}
"""
    begin(world, many)
    runs(world)
    taken = [job.name for job in (take(world, name) for name in "abcd") if job]
    assert taken == ["call / leg (1)", "call / leg (2)", "free"]


def test_a_call_in_the_group_of_its_own_run_is_cancelled(world: World) -> None:
    """It would wait for itself: GitHub cancels it and says why."""
    olga = world.as_("olga")
    begin(world, TWO % "", CALLER.replace("jobs:", 'concurrency: "deploy-${{ github.ref_name }}"\njobs:'))
    (run,) = runs(world)
    assert jobs_of(olga, run)["call / build"] == ("completed", "cancelled")
    assert play(world) == ["free"]
    (check,) = olga.get(f"{WIDGET}/commits/{run['head_sha']}/check-runs?check_name=call / build").json()[
        "check_runs"
    ]
    (remark,) = olga.get(f"{WIDGET}/check-runs/{check['id']}/annotations").json()
    assert remark["message"] == (
        "Canceling since a deadlock for concurrency group 'deploy-main' was detected between"
        " 'top level workflow' and 'call'"
    )


def test_a_rerun_is_in_the_group_again(world: World) -> None:
    olga = world.as_("olga")
    begin(world, TWO % "")
    assert sorted(play(world)) == ["call / build", "call / ship", "free"]
    (run,) = runs(world)
    assert olga.post(f"{WIDGET}/actions/runs/{run['id']}/rerun").status_code == 201
    again = take(world, "a")
    assert again is not None
    put(olga, "a.txt", "1")
    runs(world)
    names = [job.name for job in (take(world, name) for name in "bcd") if job]
    assert "call / build" not in names
    end(world, again)
    assert "call / ship" in play(world)
