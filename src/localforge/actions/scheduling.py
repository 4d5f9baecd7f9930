"""Begins scheduled runs when they are due. One thread that sleeps until the next is; without a schedule it never wakes.

The forge's clock says what is due. What came due while the forge was down begins once, late.
"""

import logging
import sqlite3
import threading

from localforge.actions import payload
from localforge.actions.calling import parsed
from localforge.actions.crons import next_at
from localforge.actions.lifecycle import create
from localforge.actions.triggering import Occasion, WorkflowFile, new_run, workflow_files
from localforge.actions.workflow.model import Workflow
from localforge.forge import Forge, Worker
from localforge.git import refnames
from localforge.hooks.payloads import about
from localforge.moment import to_epoch
from localforge.store import actions, repos, timetable
from localforge.store.timetable import CronRow

log = logging.getLogger(__name__)

# A sleeper looks at the clock at least so often, for a clock may be set.
LONGEST_SLEEP = 3600.0


def fire(forge: Forge) -> int:
    """Begin every run that is due by the forge's clock; how many began."""
    return sum(_fire_one(forge, row) for row in timetable.due(forge.store.db, forge.clock()))


def _fire_one(forge: Forge, row: CronRow) -> bool:
    """The run and the next time are written together: killed between two, none is lost and none begins twice."""
    file = _file(forge, row)
    repo = repos.by_id(forge.store.db, row.repo_id)
    with forge.store.write() as tx:
        coming = next_at(row.cron, row.timezone, forge.clock())
        if coming is None:
            tx.execute("DELETE FROM workflow_cron WHERE id = ?", row.id)
        else:
            tx.update("workflow_cron", row.id, next_at=coming)
        flow = actions.workflow(tx, row.workflow_id)
        if file is None or repo is None or repo.archived or flow is None or flow.state != "active":
            return False
        found, occasion = file
        create(forge, tx, new_run(repo, found, occasion))
        return True


def _file(forge: Forge, row: CronRow) -> tuple[WorkflowFile, Occasion] | None:
    """The workflow's file on the default branch now, and the occasion that it runs on."""
    git = forge.git(row.repo_id)
    branch = refnames.head_branch(git)
    sha = refnames.branch_sha(git, branch)
    flow = actions.workflow(forge.store.db, row.workflow_id)
    repo = repos.by_id(forge.store.db, row.repo_id)
    if sha is None or flow is None or repo is None:
        return None
    file = next((file for file in workflow_files(git, sha) if file.path == flow.path), None)
    if file is None or not isinstance(parsed(file.path, file.source), Workflow):
        return None
    body = {"schedule": row.cron, **about(payload.stored_view(forge), repo, row.actor_id)}
    return file, Occasion(
        event="schedule",
        action=None,
        sha=sha,
        head_sha=sha,
        ref=refnames.BRANCH + branch,
        head_branch=branch,
        filtered_ref=refnames.BRANCH + branch,
        actor_id=row.actor_id,
        title=flow.name,
        payload=body,
    )


class Scheduler:
    """Wakes when something is due, and when the timetable changed."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge
        self._changed = threading.Condition()
        self._wakes = 0
        self._stopping = False
        self._published = forge.store.on_events
        self._thread = threading.Thread(target=self._run, name="actions-scheduler")

    def start(self) -> None:
        """Begin; the store tells of changes."""
        self._published = self._forge.store.on_events
        self._forge.store.on_events = self._on_events
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for it."""
        self._forge.store.on_events = self._published
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join()

    def _on_events(self) -> None:
        self._published()
        with self._changed:
            self._wakes += 1
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            seen = self._wakes
            try:
                fire(self._forge)
            except sqlite3.Error:
                # A full or locked disk: the next write that succeeds wakes us, or the hour.
                log.exception("scheduled runs could not begin")
            with self._changed:
                self._changed.wait_for(lambda: self._stopping or self._wakes != seen, self._sleep())  # noqa: B023
                if self._stopping:
                    return

    def _sleep(self) -> float | None:
        """Seconds until something is due; None: nothing ever is."""
        coming = timetable.first(self._forge.store.db)
        if coming is None:
            return None
        return min(LONGEST_SLEEP, max(1.0, to_epoch(coming) - to_epoch(self._forge.clock())))


def worker(forge: Forge) -> Worker:
    """The scheduler of a forge."""
    return Scheduler(forge)
