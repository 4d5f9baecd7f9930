"""The runner: takes queued jobs, up to so many at a time, and runs each in a sandbox of its own.

It waits without polling: the store wakes it when something was written. What it was running when the process died is
queued again at the next start.
"""

import logging
import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from localforge.actions import jobs
from localforge.actions.calling import permissions_within, secrets_within
from localforge.actions.checkout import authorization, encoded
from localforge.actions.commands import Remark
from localforge.actions.execution import JobExecution, JobResult, JobSpec
from localforge.actions.expressions import ExpressionError, Value
from localforge.actions.fetching import found
from localforge.actions.legs import Conclusion
from localforge.actions.lifecycle import advance, progress_of
from localforge.actions.local import node_binds
from localforge.actions.payload import at_address
from localforge.actions.progress import job_environment, leg_environment, located
from localforge.actions.queueing import JobToken, claim, recover
from localforge.actions.reporting import StoreReporter
from localforge.actions.sandbox.box import Sandbox, SandboxError, isolated, unprotected
from localforge.actions.sandbox.bridge import Bridge
from localforge.actions.sandbox.isolation import CannotIsolate, Limits, Walls, probe
from localforge.actions.sealing import secrets_of
from localforge.credentials import digest, new_secret
from localforge.forge import Forge
from localforge.json_types import encode
from localforge.moment import FORMAT
from localforge.store import actions
from localforge.store.actions import JobRow

log = logging.getLogger(__name__)

JOB_PREFIX = "ghs_"
TOKEN_HOURS = 24
_UNSAFE = "##[warning]This job runs WITHOUT a sandbox (--unsafe-no-sandbox): it can do whatever the forge's user can."
_HOW_ON = "Start the forge with --unsafe-no-sandbox to run jobs without protection."


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerSettings:
    """`slots` jobs at a time (None: one per processor). `sandbox` False lets jobs run unprotected.

    `limits` of each job; None: a share of the machine.
    """

    slots: int | None = None
    sandbox: bool = True
    limits: Limits | None = None


class Runner:
    """One thread that hands out jobs, and one per job. `start` after the forge's address is known."""

    def __init__(self, forge: Forge, settings: RunnerSettings) -> None:
        self._forge = forge
        self._settings = settings
        self._slots = settings.slots or os.cpu_count() or 1
        self._limits = settings.limits or Limits.of_host(self._slots)
        self._changed = threading.Condition()
        self._wakes = 0
        self._stopping = False
        self._running: dict[int, JobExecution | None] = {}
        self._threads: dict[int, threading.Thread] = {}
        self._bridge: Bridge | None = None
        self._dispatcher = threading.Thread(target=self._dispatch, name="actions-runner")
        self._published = forge.store.on_events

    def start(self) -> None:
        """Take back what a crash interrupted, then work."""
        recover(self._forge)
        self._forge.store.on_events = self._on_events
        self._dispatcher.start()

    def stop(self) -> None:
        """Kill what runs (it is queued again at the next start) and end the threads."""
        self._forge.store.on_events = self._published
        with self._changed:
            self._stopping = True
            for execution in self._running.values():
                if execution is not None:
                    execution.abandon()
            self._changed.notify_all()
        if self._dispatcher.is_alive():
            self._dispatcher.join()
        for thread in list(self._threads.values()):
            thread.join()
        if self._bridge is not None:
            self._bridge.close()

    def _on_events(self) -> None:
        self._published()
        self._wake()

    def _wake(self) -> None:
        with self._changed:
            self._wakes += 1
            self._changed.notify_all()

    def _dispatch(self) -> None:
        seen = -1
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopping or self._wakes != seen)  # noqa: B023
                if self._stopping:
                    return
                seen = self._wakes
            try:
                self._cancel_stopped()
                while len(self._running) < self._slots and self._take():
                    continue
            except sqlite3.Error:
                # A full or locked disk: nothing was taken, and the next write that succeeds wakes us again.
                log.exception("the runner cannot read its queue")

    def _take(self) -> bool:
        """Begin one job; False when none may start."""
        secret = new_secret(JOB_PREFIX)
        ends = (datetime.now(UTC) + timedelta(hours=TOKEN_HOURS)).strftime(FORMAT)
        job = claim(self._forge, JobToken(digest=digest(secret), expires_at=ends))
        if job is None:
            return False
        slot = next(number for number in range(self._slots) if number not in self._threads)
        thread = threading.Thread(target=self._work, args=(job, secret, slot), name=f"actions-job-{job.id}")
        with self._changed:
            self._running[job.id] = None
            self._threads[slot] = thread
        thread.start()
        return True

    def _cancel_stopped(self) -> None:
        for job in actions.open_jobs(self._forge.store.db, "in_progress"):
            execution = self._running.get(job.id)
            if job.cancelled and execution is not None:
                execution.cancel()

    def _work(self, job: JobRow, secret: str, slot: int) -> None:
        try:
            result = self._run(job, secret, slot)
            if not self._stopping:
                self._finish(job, result)
        except Exception:
            # A bug of the runner must not leave a job open for ever: it fails, and the log of the forge says why.
            log.exception("job %d ended in an error of the runner", job.id)
            self._finish(job, JobResult(conclusion=Conclusion.FAILURE, outputs={}))
        finally:
            with self._changed:
                self._running.pop(job.id, None)
                self._threads.pop(slot, None)
            self._wake()

    def _run(self, job: JobRow, secret: str, slot: int) -> JobResult:
        reporter = StoreReporter(self._forge, job.id)
        try:
            spec = self._spec(job, secret)
            with self._sandbox(slot) as sandbox:
                execution = JobExecution(spec, sandbox, reporter)
                with self._changed:
                    self._running[job.id] = execution
                    if self._stopping:
                        execution.abandon()
                self._wake()
                return execution.run()
        except (SandboxError, ExpressionError) as error:
            if not actions.steps(self._forge.store.db, job.id):
                reporter.step_started(1, "Set up job")
            reporter.remarks([Remark(level="failure", message=str(error))])
            reporter.log(1, [f"##[error]{line}" for line in str(error).splitlines()])
            return JobResult(conclusion=Conclusion.FAILURE, outputs={})
        finally:
            reporter.flush()

    def _finish(self, job: JobRow, result: JobResult) -> None:
        with self._forge.store.write() as tx:
            present = actions.job(tx, job.id)
            if present is not None and present.status == "in_progress":
                jobs.settle_job(self._forge, tx, present, result.conclusion, result.outputs)
                advance(self._forge, tx, job.run_id)

    @contextmanager
    def _sandbox(self, slot: int) -> Iterator[Sandbox]:
        """A sandbox for one job, or none where that was allowed. Raises SandboxError."""
        limits = self._limits
        if not self._settings.sandbox:
            with unprotected(limits) as sandbox:
                yield sandbox
            return
        isolation = probe()
        if isinstance(isolation, CannotIsolate):
            raise SandboxError(f"cannot isolate on this host: {isolation.reason}\n{_HOW_ON}")
        host, port = self._address()
        walls = Walls(
            limits=limits,
            forge_socket=self._way_out(host, port).path,
            hosts=(host,),
            shown=node_binds(),
            hidden=(self._forge.state,),
        )
        with isolated(isolation, walls, port=port, slot=slot) as sandbox:
            yield sandbox

    def _address(self) -> tuple[str, int]:
        parts = urlsplit(self._forge.origin)
        return parts.hostname or "127.0.0.1", parts.port or (443 if parts.scheme == "https" else 80)

    def _way_out(self, host: str, port: int) -> Bridge:
        with self._changed:
            if self._bridge is None:
                self._bridge = Bridge(host, port)
            return self._bridge

    def _spec(self, job: JobRow, secret: str) -> JobSpec:
        forge, db = self._forge, self._forge.store.db
        run = actions.existing_run(db, job.run_id)
        leg = jobs.leg_of(job)
        within, model = located(progress_of(forge, db, run), leg)
        contexts = leg_environment(job_environment(within, model), leg).contexts
        github = contexts["github"]
        own: dict[str, Value] = {
            **(github if isinstance(github, Mapping) else {}),
            "token": secret,
            "job": job.key,
        }
        header = f'[http "{forge.origin}/"]\n\textraheader = {authorization(secret)}\n'
        return JobSpec(
            workflow=within.workflow,
            job=model,
            contexts={**contexts, "github": own},
            event=encode(at_address(run.payload, forge.origin)).decode(),
            token=secret,
            secrets=secrets_within(within, secrets_of(forge, db, run)),
            masks=(secret, encoded(secret)),
            files={".gitconfig": header + "[safe]\n\tdirectory = *\n[init]\n\tdefaultBranch = main\n"},
            notes=self._notes(job, permissions_within(within, model)),
            find=lambda uses, origin: found(forge, run, uses, origin),
        )

    def _notes(self, job: JobRow, granted: Mapping[str, str]) -> tuple[str, ...]:
        """What opens the log: where the job runs and what its token may do."""
        walls = "bubblewrap; its network is the forge alone" if self._settings.sandbox else "none"
        again = f"Attempt {job.interruptions + 1}: the forge stopped while this job ran before"
        return (
            "Runner: localforge",
            f"Sandbox: {walls}",
            *(() if self._settings.sandbox else (_UNSAFE,)),
            "##[group]GITHUB_TOKEN Permissions",
            *(f"{name}: {level}" for name, level in sorted({**granted, "metadata": "read"}.items())),
            "##[endgroup]",
            *((f"##[warning]{again}",) if job.interruptions else ()),
        )
