"""Logs: as on GitHub a redirect to a short-lived address that needs no credential."""

import io
import re
import zipfile

from localforge.call import Answer, Call, redirect, text
from localforge.errors import NotFoundError
from localforge.operations import Area
from localforge.rest.actions import found_job, found_run
from localforge.signing import check, signed
from localforge.store import actions
from localforge.store.actions import JobRow
from localforge.store.database import Db

area = Area()

_ACTIONS = "/repos/{owner}/{repo}/actions"
_RUN = f"{_ACTIONS}/runs/{{run_id}}"
_UNFIT = re.compile(r'[\x00-\x1f<>:"/\\|?*]')


@area(
    "GET",
    f"{_ACTIONS}/jobs/{{job_id}}/logs",
    "actions/download-job-logs-for-workflow-run",
    needs="actions:read",
)
def job_log(call: Call) -> Answer:
    """Where the job's log is, as text; it may still grow."""
    return redirect(_signed(call, f"jobs/{found_job(call).id}"))


@area("GET", f"{_RUN}/logs", "actions/download-workflow-run-logs", needs="actions:read")
def run_logs(call: Call) -> Answer:
    """Where the logs of the latest attempt are, as a zip."""
    run = found_run(call)
    return redirect(_signed(call, f"runs/{run.id}/{run.attempt}"))


@area(
    "GET",
    f"{_RUN}/attempts/{{attempt_number}}/logs",
    "actions/download-workflow-run-attempt-logs",
    needs="actions:read",
)
def attempt_logs(call: Call) -> Answer:
    """Where the logs of one attempt are, as a zip."""
    run = found_run(call)
    attempt = call.params["attempt_number"]
    if attempt not in {str(number) for number in range(1, run.attempt + 1)}:
        raise NotFoundError
    return redirect(_signed(call, f"runs/{run.id}/{attempt}"))


@area("GET", "/_logs/{expires}/{signature}/jobs/{job_id}", "logs/job", page=True)
def serve_job(call: Call) -> Answer:
    """The log as text."""
    _check(call, f"jobs/{call.params['job_id']}")
    return text(log_text(call.db, int(call.params["job_id"])))


@area("GET", "/_logs/{expires}/{signature}/runs/{run_id}/{attempt}", "logs/run", page=True)
def serve_run(call: Call) -> Answer:
    """The logs as a zip: a file per job, and a folder with a file per step."""
    run_id, attempt = call.params["run_id"], call.params["attempt"]
    _check(call, f"runs/{run_id}/{attempt}")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, job in enumerate(actions.jobs(call.db, int(run_id), int(attempt))):
            _add(archive, call.db, number, job)
    return text(buffer.getvalue(), "application/zip")


def log_text(db: Db, job_id: int) -> str:
    """Everything that the job has printed so far."""
    return "".join(chunk.text for chunk in actions.log(db, job_id))


def _add(archive: zipfile.ZipFile, db: Db, number: int, job: JobRow) -> None:
    name = _UNFIT.sub("", job.name)
    chunks = actions.log(db, job.id)
    archive.writestr(f"{number}_{name}.txt", "".join(chunk.text for chunk in chunks))
    for step in actions.steps(db, job.id):
        lines = "".join(chunk.text for chunk in chunks if chunk.step == step.number)
        archive.writestr(f"{name}/{step.number}_{_UNFIT.sub('', step.name)[:100]}.txt", lines)


def _signed(call: Call, what: str) -> str:
    return f"{call.urls.origin}/{signed('_logs', what)}"


def _check(call: Call, what: str) -> None:
    check("_logs", call.params["expires"], call.params["signature"], what)
