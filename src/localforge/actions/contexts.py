"""The contexts of a run and the environment of its jobs, as GitHub documents them."""

from collections.abc import Mapping
from dataclasses import dataclass

from localforge.actions.expressions import Value
from localforge.store.actions import RunRow

_REF_TYPES = {"refs/heads/": "branch", "refs/tags/": "tag", "refs/pull/": "branch"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a run's contexts say beyond its row: names behind ids, and the forge's addresses as a job sees them."""

    repository: str
    repository_owner_id: int
    actor: str
    triggering_actor: str
    server_url: str
    api_url: str


def ref_name(ref: str) -> str:
    """The short name: `main`, `v1`, `7/merge`."""
    return ref.split("/", 2)[2] if ref.count("/") >= 2 else ref


def github_context(run: RunRow, facts: Facts, event: Mapping[str, Value]) -> dict[str, Value]:
    """The `github` context without what only a job has (token, job, workspace, paths)."""
    owner = facts.repository.partition("/")[0]
    is_pull = run.pull_number is not None
    return {
        "actor": facts.actor,
        "actor_id": str(run.actor_id),
        "api_url": facts.api_url,
        "base_ref": (run.base_branch or "") if is_pull else "",
        "event": event,
        "event_name": run.event,
        "graphql_url": f"{facts.server_url}/graphql",
        "head_ref": (run.head_branch or "") if is_pull else "",
        "ref": run.ref,
        "ref_name": ref_name(run.ref),
        "ref_protected": False,
        "ref_type": next((kind for prefix, kind in _REF_TYPES.items() if run.ref.startswith(prefix)), ""),
        "repository": facts.repository,
        "repository_id": str(run.repo_id),
        "repository_owner": owner,
        "repository_owner_id": str(facts.repository_owner_id),
        "repositoryUrl": f"{facts.server_url}/{facts.repository}.git",
        "retention_days": "90",
        "run_attempt": str(run.attempt),
        "run_id": str(run.id),
        "run_number": str(run.run_number),
        "secret_source": "Actions",
        "server_url": facts.server_url,
        "sha": run.sha,
        "triggering_actor": facts.triggering_actor,
        "workflow": run.name,
    }


_EXPORTED = (
    *("actor", "actor_id", "api_url", "base_ref", "event_name", "graphql_url", "head_ref", "ref", "ref_name"),
    *("ref_protected", "ref_type", "repository", "repository_id", "repository_owner", "repository_owner_id"),
    *(
        "retention_days",
        "run_attempt",
        "run_id",
        "run_number",
        "server_url",
        "sha",
        "triggering_actor",
        "workflow",
    ),
    *("job", "workspace", "event_path", "action_repository", "action_ref"),
)


def exported(github: Mapping[str, Value]) -> dict[str, str]:
    """The GITHUB_* variables: the members of the context that GitHub exports."""
    return {f"GITHUB_{name.upper()}": _text(github[name]) for name in _EXPORTED if name in github}


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
