"""Concurrency groups within runs: what holds one, or waits for one, is a job or a call of a workflow with all its jobs.

A call is in the groups that its file and the job that calls it name, from its first job to its last. An open call has an
open job at every moment, so jobs are all that is kept: each names the groups of the calls around it (`Leg.groups`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from localforge.actions.expressions import Environment, ExpressionError, Value, lookup, to_text, truthy
from localforge.actions.jobs import leg_of
from localforge.actions.legs import Leg
from localforge.actions.progress import Progress, job_environment, leg_environment, located
from localforge.actions.workflow.tree import Node, resolve
from localforge.store import groups
from localforge.store.actions import JobRow, RunRow
from localforge.store.database import Db


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A group to be in. `scope` is the call that is to be in it, empty: the job itself. `cancels` who is in it already."""

    scope: str
    group: str
    cancels: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A job, or a call, in a group, with its open jobs; `since`: its first job's id, by which units take turns."""

    run_id: int
    scope: str
    since: int
    jobs: tuple[JobRow, ...]

    def is_of(self, job: JobRow, scope: str) -> bool:
        """Whether this is the job itself (no scope) or the call of that scope around it."""
        return self.run_id == job.run_id and self.scope == scope and (bool(scope) or self.since == job.id)


def wishes(progress: Progress, leg: Leg) -> tuple[Wish, ...]:
    """The groups of the calls around a leg, outermost first, and then its own."""
    within, job = located(progress, leg)
    environment = leg_environment(job_environment(within, job), leg)
    own = named(job.concurrency, environment.contexts)
    return (*_of_calls(within), *((Wish(scope="", group=own[0], cancels=own[1]),) if own[0] else ()))


def _of_calls(within: Progress) -> Iterator[Wish]:
    caller = within.caller
    if caller is None:
        return
    yield from _of_calls(caller.progress)
    environment = leg_environment(job_environment(caller.progress, caller.job), caller.leg)
    for node, contexts in (
        (caller.job.concurrency, environment.contexts),
        (within.workflow.concurrency, within.contexts),
    ):
        group, cancels = named(node, contexts)
        if group:
            yield Wish(scope=within.scope, group=group, cancels=cancels)


def named(node: Node | None, contexts: Mapping[str, Value]) -> tuple[str, bool]:
    """The group that `concurrency` names (empty: none) and whether it cancels what is in it."""
    try:
        value = resolve(node, Environment(contexts=contexts)) if node else ""
    except ExpressionError:
        return "", False
    if isinstance(value, Mapping):
        return to_text(lookup(value, "group")), truthy(lookup(value, "cancel-in-progress"))
    return to_text(value), False


def held_within(wished: tuple[Wish, ...], run: RunRow) -> tuple[str, str] | None:
    """A group that a call waits for and that is held around it, and by what: nothing would ever go on."""
    held = {run.concurrency: "top level workflow"} if run.concurrency else {}
    for wish in wished:
        if wish.scope and wish.group in held and held[wish.group] != wish.scope:
            return wish.group, held[wish.group]
        if wish.scope:
            held[wish.group] = wish.scope
    return None


def by_call(wished: tuple[Wish, ...]) -> dict[str, list[str]]:
    """What a leg keeps of the calls around it: their groups by scope."""
    kept: dict[str, list[str]] = {}
    for wish in wished:
        if wish.scope:
            kept.setdefault(wish.scope, []).append(wish.group)
    return kept


def units(db: Db, repo_id: int, group: str) -> list[Unit]:
    """Who is in the group: the first holds it, the others wait."""
    found: dict[tuple[int, str], list[JobRow]] = {}
    alone: list[Unit] = []
    for job in groups.jobs_in_group(db, repo_id, group):
        if job.concurrency == group:
            alone.append(Unit(run_id=job.run_id, scope="", since=job.id, jobs=(job,)))
        for scope, names in leg_of(job).groups.items():
            if group in names:
                found.setdefault((job.run_id, scope), []).append(job)
    calls = [
        Unit(run_id=run_id, scope=scope, since=groups.first_of_call(db, rows[0], scope), jobs=tuple(rows))
        for (run_id, scope), rows in found.items()
    ]
    return sorted((*alone, *calls), key=lambda unit: unit.since)


def memberships(job: JobRow) -> Iterator[tuple[str, str]]:
    """The groups that a job is in: (scope of the call, or empty for the job itself; group)."""
    if job.concurrency:
        yield "", job.concurrency
    for scope, names in leg_of(job).groups.items():
        yield from ((scope, name) for name in names)
