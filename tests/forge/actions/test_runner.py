"""The runner of a served forge, end to end: real pushes, real sandboxes, real restarts."""

import os
import sqlite3
import time
from pathlib import Path

import pytest
from tests.forge.actions.flows import WIDGET, make_branch, open_pull, put, put_workflow
from tests.forge.actions.serving import Served, begun, finished, logs, until, workflow


def test_checkout_sibling_and_pull_request(served: Served) -> None:
    """A push checks out its commit, a pull request its merge; a private sibling can be read, nothing written."""
    olga = served.olga
    put_workflow(
        olga,
        workflow(
            """
- uses: actions/checkout@v4
- run: test "$(git rev-parse HEAD)" = "$GITHUB_SHA" && git cat-file -p HEAD | grep ^parent && cat README.md
- run: git clone --quiet "$GITHUB_SERVER_URL/acme/secret" "$RUNNER_TEMP/secret"
- uses: actions/checkout@v4
  with: {path: whole, fetch-depth: 0, fetch-tags: true}
- run: git -C whole rev-list --count HEAD && git -C whole tag
- uses: actions/checkout@v4
  with: {ref: feature/side, path: side}
- run: git -C side branch --show-current
- run: |
    git commit --quiet --allow-empty -m x --author 'A <a@b>' || true
    git -c user.name=a -c user.email=a@b commit --quiet --allow-empty -m x
    git push --quiet origin HEAD:refs/heads/evil && exit 1 || echo push refused
"""
        ),
    )
    run = finished(olga)
    text = logs(olga, run)
    assert run["conclusion"] == "success", text
    assert "# Widget" in text
    assert "feature/side" in text
    assert "v1" in text
    assert "push refused" in text
    assert olga.get(f"{WIDGET}/git/ref/heads/evil").status_code == 404
    make_branch(olga, "topic")
    put(olga, "new.txt", "from topic", branch="topic")
    put(olga, "base.txt", "from main")
    open_pull(olga, "topic")
    run = finished(olga, event="pull_request")
    text = logs(olga, run)
    assert run["conclusion"] == "success", text
    assert len([line for line in text.splitlines() if "Z parent " in line]) == 2


def test_a_job_that_may_write_pushes_and_begins_nothing(served: Served) -> None:
    olga = served.olga
    steps = """
- uses: actions/checkout@v4
- run: |
    git -c user.name=a -c user.email=a@b commit --quiet --allow-empty -m made
    git push --quiet origin HEAD:refs/heads/made
    mkdir -p .github/workflows && echo 'on: push' > .github/workflows/evil.yml && git add .
    git -c user.name=a -c user.email=a@b commit --quiet -m evil
    git push --quiet origin HEAD:refs/heads/evil && exit 1 || echo workflow files refused
"""
    put_workflow(olga, "permissions: {contents: write}\n" + workflow(steps))
    run = finished(olga)
    text = logs(olga, run)
    assert run["conclusion"] == "success", text
    assert "contents: write" in text
    assert olga.get(f"{WIDGET}/git/ref/heads/made").status_code == 200
    assert olga.get(f"{WIDGET}/git/ref/heads/evil").status_code == 404
    assert olga.get(f"{WIDGET}/actions/runs").json()["total_count"] == 1


def test_logs_can_be_read_while_the_job_runs_and_cancel_stops_it(served: Served) -> None:
    olga = served.olga
    put_workflow(olga, workflow("- run: echo first line; sleep 60\n- run: echo cleanup\n  if: always()"))
    run = begun(olga)
    until(lambda: "first line" in logs(olga, run).replace("echo first line", ""), "the line is readable")
    (job,) = olga.get(f"{WIDGET}/actions/runs/{run['id']}/jobs").json()["jobs"]
    assert job["status"] == "in_progress"
    assert [step["status"] for step in job["steps"]] == ["completed", "in_progress"]
    assert olga.post(f"{WIDGET}/actions/runs/{run['id']}/cancel").status_code == 202
    done = finished(olga)
    assert done["conclusion"] == "cancelled"
    assert "cleanup" in logs(olga, done)


@pytest.mark.slow
def test_a_job_interrupted_by_sigkill_runs_again(served: Served, tmp_path: Path) -> None:
    """Killed with jobs running: nothing of them survives, and after a restart they run to their end, once."""
    olga = served.olga
    put_workflow(olga, workflow("- run: echo begun; sleep 1.5; echo ended"))
    run = begun(olga)
    until(lambda: "begun" in logs(olga, run).replace("echo begun", ""), "the job runs")
    served.kill()
    until(lambda: not _processes("sleep 1.5"), "the job's processes are gone")
    with sqlite3.connect(served.state / "forge.sqlite") as database:
        assert database.execute("SELECT status FROM workflow_job").fetchall() == [("in_progress",)]
    database.close()
    olga = served.start()
    done = finished(olga)
    text = logs(olga, done)
    assert done["conclusion"] == "success", text
    assert "Attempt 2: the forge stopped while this job ran before" in text
    assert sum(line.endswith("Z ended") for line in text.splitlines()) == 1
    assert done["run_attempt"] == 1


def _processes(marker: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = path.read_text(errors="replace").replace("\0", " ")
        except OSError:
            continue
        if text.strip() == marker:
            found.append(text)
    return found


def test_jobs_run_in_parallel(served: Served) -> None:
    olga = served.olga
    put_workflow(
        olga,
        "on: push\njobs:\n  m: {runs-on: x, strategy: {matrix: {n: [1, 2]}}, steps: [{run: sleep 1}]}\n",
    )
    run = finished(olga)
    found = olga.get(f"{WIDGET}/actions/runs/{run['id']}/jobs").json()["jobs"]
    started, ended = (sorted(job[key] for job in found) for key in ("started_at", "completed_at"))
    assert os.cpu_count() == 1 or started[-1] < ended[0] or started[0] == started[-1]


@pytest.mark.slow
def test_an_idle_runner_costs_nothing(served: Served) -> None:
    olga = served.olga
    put_workflow(olga, workflow("- run: echo hi"))
    finished(olga)
    time.sleep(0.3)
    before = _cpu_ticks(served.pid)
    time.sleep(1)
    assert _cpu_ticks(served.pid) - before <= 3


def _cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@pytest.mark.slow
def test_without_a_sandbox_only_when_told_so(
    unserved: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where bubblewrap cannot work a job fails with the reason; `--unsafe-no-sandbox` runs it, and says so."""
    broken = tmp_path / "bin" / "bwrap"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{broken.parent}:{os.environ['PATH']}")
    for options, conclusion, words in (
        (
            (),
            "failure",
            "cannot isolate on this host: bubblewrap cannot make a sandbox here: bwrap: No permissions",
        ),
        (
            ("--unsafe-no-sandbox",),
            "success",
            "##[warning]This job runs WITHOUT a sandbox (--unsafe-no-sandbox)",
        ),
    ):
        olga = unserved.start(*options)
        sha = put_workflow(
            olga, workflow(f"- uses: actions/checkout@v4\n- run: cat README.md; echo {len(options)}")
        )
        run = finished(olga, head_sha=sha)
        text = logs(olga, run)
        assert run["conclusion"] == conclusion, text
        assert words in text
        unserved.stop()


def test_no_actions_leaves_jobs_queued(unserved: Served) -> None:
    olga = unserved.start("--no-actions")
    put_workflow(olga, workflow("- run: echo hi"))
    run = begun(olga)
    time.sleep(0.3)
    (job,) = olga.get(f"{WIDGET}/actions/runs/{run['id']}/jobs").json()["jobs"]
    assert job["status"] == "queued"
