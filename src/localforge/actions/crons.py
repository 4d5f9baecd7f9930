"""`schedule`: when a cron line is due.

Source: docs.github.com, "Events that trigger workflows", schedule.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from localforge.actions.workflow.model import Workflow
from localforge.moment import FORMAT
from localforge.store.timetable import Cron


def next_at(cron: str, timezone: str, after: str) -> str | None:
    """The first time after `after`, in UTC text; None when it never comes, or the line is no cron."""
    try:
        start = datetime.fromisoformat(after).astimezone(ZoneInfo(timezone or "UTC"))
        return next(CronSim(cron, start)).astimezone(UTC).strftime(FORMAT)
    except (CronSimError, StopIteration, ZoneInfoNotFoundError, ValueError):
        return None


def crons_of(workflow: Workflow, workflow_id: int, at: str) -> Iterator[Cron]:
    """The lines of a workflow's `schedule` that ever come due."""
    for trigger in workflow.triggers:
        for cron, timezone in trigger.crons:
            if coming := next_at(cron, timezone, at):
                yield Cron(workflow_id=workflow_id, cron=cron, timezone=timezone, next_at=coming)
