"""Puts the forge together: which areas serve operations, who subscribes to events, what starts and stops.

An area is listed here once; nothing else knows all of them.
"""

from functools import partial
from importlib import import_module

from localforge.assets import clear
from localforge.faults.deliveries import hard_of_hearing
from localforge.forge import Forge
from localforge.integrity.recovery import mend
from localforge.integrity.snapshots import finish
from localforge.operations import Operation

# Modules with an `area` of operations.
AREAS = (
    "localforge.rest.meta",
    "localforge.rest.markdown",
    "localforge.rest.users",
    "localforge.rest.orgs",
    "localforge.rest.repos",
    "localforge.rest.repo_lists",
    "localforge.rest.collaborators",
    "localforge.rest.invitations",
    "localforge.rest.branches",
    "localforge.rest.branch_protection",
    "localforge.rest.commits",
    "localforge.rest.contents",
    "localforge.rest.raw",
    "localforge.rest.git_refs",
    "localforge.rest.git_objects",
    "localforge.rest.issues",
    "localforge.rest.issue_comments",
    "localforge.rest.labels",
    "localforge.rest.milestones",
    "localforge.rest.pulls",
    "localforge.rest.reviews",
    "localforge.rest.actions",
    "localforge.rest.run_control",
    "localforge.rest.actions_logs",
    "localforge.rest.actions_variables",
    "localforge.rest.org_variables",
    "localforge.rest.actions_permissions",
    "localforge.rest.artifacts",
    "localforge.rest.job_files",
    "localforge.rest.search_issues",
    "localforge.rest.search_code",
    "localforge.rest.search_repos",
    "localforge.rest.statuses",
    "localforge.rest.checks",
    "localforge.rest.hooks",
    "localforge.rest.apps",
    "localforge.rest.archives",
    "localforge.rest.teams",
    "localforge.rest.memberships",
    "localforge.rest.rulesets",
    "localforge.rest.reactions",
    "localforge.rest.releases",
    "localforge.rest.release_assets",
    "localforge.rest.classic_projects",
    "localforge.rest.contributors",
    "localforge.rest.codeowners",
    "localforge.rest.forks",
    "localforge.rest.app_hooks",
    "localforge.rest.app_manifests",
    "localforge.rest.code_scanning",
    "localforge.rest.alerts",
    "localforge.rest.dependency_graph",
    "localforge.pages.overview",
    "localforge.pages.code",
    "localforge.pages.conversations",
    "localforge.pages.changes",
    "localforge.pages.runs",
    "localforge.rest.graphql",
)

# Modules with a `subscriber(forge) -> Subscriber`.
ACTIONS = "localforge.actions.occasions"
SUBSCRIBERS: tuple[str, ...] = (ACTIONS, "localforge.hooks.queueing", "localforge.pulls.automerging")

# Modules with a `worker(forge) -> Worker`: background work beside the bus.
WORKERS: tuple[str, ...] = ("localforge.hooks.delivering", "localforge.actions.scheduling")


def assemble(forge: Forge) -> list[Operation]:
    """Subscribe everybody to the forge's events and give every operation of every area."""
    for name in SUBSCRIBERS:
        subscriber = import_module(name).subscriber(forge)
        forge.bus.subscribe(hard_of_hearing(forge.faults, subscriber) if name == ACTIONS else subscriber)
    return [operation for name in AREAS for operation in import_module(name).area.operations]


def open_areas() -> None:
    """Import every area: they say what follows from a ref change, also from one that a crash left open."""
    for name in AREAS:
        import_module(name)


def start(forge: Forge) -> None:
    """Claim the state directory, settle what a crash left open, begin the background work."""
    killed = forge.claim()
    open_areas()
    finish(forge)
    clear(forge)
    mend(forge, killed=killed)
    forge.bus.start()
    for name in WORKERS:
        forge.employ(partial(import_module(name).worker, forge))


def stop(forge: Forge) -> None:
    """End the background work and close the forge."""
    forge.close()
