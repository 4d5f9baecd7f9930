"""What happened in a forge, as tables: which rows a history has, in which order, and what their columns point at."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from localforge.json_types import Json


class Translate(Protocol):
    """One forge's name for a row of a table, given the other's; of accounts the login, of repositories `owner/name`."""

    def __call__(self, table: str, value: Json) -> Json: ...


Rewrite: TypeAlias = Callable[[Json, Translate], Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """`points` says of which table a column names a row, `rewrites` how a JSON column does.

    The rows of a table with `found_by` are there before: a description makes them. They are found by these columns (none:
    the next one of their issue), and `sets` is what becomes of them. `file` is the name of a row's file, before its id.
    """

    name: str
    points: Mapping[str, str] = field(default_factory=dict)
    rewrites: Mapping[str, Rewrite] = field(default_factory=dict)
    order: str = "id"
    where: str = "1"
    found_by: Sequence[str] | None = None
    sets: Sequence[str] = ()
    left_out: Sequence[str] = ()
    file: str = ""


def _details(value: Json, translate: Translate) -> Json:
    """Of a line of an issue's history: people, and the review that was dismissed."""
    if not isinstance(value, Mapping):
        return value
    told = {
        name: translate("account", item) if name.endswith("_id") else item for name, item in value.items()
    }
    dismissed = told.get("dismissed_review")
    if isinstance(dismissed, Mapping):
        told["dismissed_review"] = {**dismissed, "review_id": translate("review", dismissed.get("review_id"))}
    return told


def _people(value: Json, translate: Translate) -> Json:
    return [translate("account", item) for item in value] if isinstance(value, list) else value


def _called(value: Json, translate: Translate) -> Json:
    """The files that a run calls: keys and origins begin with the repository that a file is of."""
    told: dict[str, Json] = {}
    for key, row in value.items() if isinstance(value, Mapping) else ():
        origin, _, uses = key.partition("|")
        changed = _origin(origin, translate)
        told[f"{changed}|{uses}"] = (
            {**row, "origin": _origin(str(row.get("origin", "")), translate)}
            if isinstance(row, Mapping)
            else row
        )
    return told


def _origin(origin: str, translate: Translate) -> str:
    repo, colon, sha = origin.partition(":")
    if not colon:
        return origin
    found = translate("repository", int(repo) if repo.isdigit() else repo)
    return f"{found or 0}:{sha}"


_REPO = {"repo_id": "repository"}
_TIMES = ("created_at", "updated_at")

# Each comes after what it points at. The bots among the accounts come before all.
TABLES: tuple[Table, ...] = (
    Table(name="app", points={"owner_id": "account", "bot_id": "account"}),
    Table(name="installation", points={"app_id": "app", "account_id": "account", "suspended_by": "account"}),
    Table(
        name="installation_repository",
        points={**_REPO, "installation_id": "installation"},
        order="installation_id, repo_id",
    ),
    Table(
        name="repository",
        points={"id": "repository"},
        found_by=("id",),
        sets=(*_TIMES, "pushed_at", "size_kb"),
    ),
    Table(
        name="milestone",
        points={**_REPO, "creator_id": "account"},
        order="number DESC, id",
        found_by=("repo_id", "title"),
        sets=("number", "creator_id", *_TIMES, "closed_at"),
    ),
    Table(
        name="issue",
        points={**_REPO, "closed_by_id": "account"},
        found_by=("repo_id", "number"),
        sets=("locked", "lock_reason", "state_reason", "closed_by_id", "closed_at", *_TIMES),
    ),
    Table(
        name="issue_comment",
        points={"issue_id": "issue"},
        where="NOT deleted",
        found_by=("issue_id",),
        sets=_TIMES,
    ),
    Table(
        name="pull",
        points={
            **_REPO,
            **dict.fromkeys(("head_owner_id", "head_pusher_id", "merged_by_id"), "account"),
            "head_repo_id": "repository",
        },
        found_by=("repo_id", "number"),
        sets=(
            *("head_repo_id", "head_owner_id", "head_pusher_id", "head_sha", "base_sha"),
            *("maintainer_can_modify", "merged_at", "merged_by_id", "merge_commit_sha"),
        ),
    ),
    Table(name="auto_merge", points={"pull_id": "pull", "enabled_by_id": "account"}, order="pull_id"),
    Table(name="review", points={**_REPO, "pull_id": "pull", "author_id": "account"}),
    Table(
        name="review_comment",
        points={
            **_REPO,
            "pull_id": "pull",
            "review_id": "review",
            "author_id": "account",
            "in_reply_to_id": "review_comment",
        },
    ),
    Table(name="review_request", points={"pull_id": "pull", "user_id": "account"}, order="pull_id, position"),
    Table(
        name="issue_event",
        points={**_REPO, "issue_id": "issue", "actor_id": "account"},
        rewrites={"details": _details},
    ),
    Table(name="reaction", points={"user_id": "account"}),
    Table(name="commit_status", points={**_REPO, "creator_id": "account"}),
    Table(name="check_suite", points=_REPO),
    Table(name="check_run", points={**_REPO, "suite_id": "check_suite"}),
    Table(name="check_annotation", points={"run_id": "check_run"}),
    Table(name="workflow", points=_REPO),
    Table(
        name="workflow_run",
        points={
            **_REPO,
            "workflow_id": "workflow",
            "suite_id": "check_suite",
            "head_repo_id": "repository",
            "actor_id": "account",
            "triggering_actor_id": "account",
        },
        rewrites={"called": _called},
    ),
    Table(
        name="run_attempt",
        points={"run_id": "workflow_run", "triggering_actor_id": "account"},
        order="run_id, attempt",
    ),
    Table(
        name="workflow_job",
        points={**_REPO, "id": "check_run", "run_id": "workflow_run"},
        left_out=("token_id",),
    ),
    Table(name="workflow_step", points={"job_id": "check_run"}, order="job_id, number"),
    Table(name="job_log", points={"job_id": "check_run"}),
    Table(name="artifact", points={**_REPO, "run_id": "workflow_run"}, where="ready", file="artifact"),
    Table(name="release", points={**_REPO, "author_id": "account"}),
    Table(
        name="release_asset",
        points={**_REPO, "release_id": "release", "uploader_id": "account"},
        file="asset",
    ),
    Table(
        name="code_alert",
        points={**_REPO, "dismissed_by_id": "account"},
        rewrites={"assignees": _people},
    ),
    Table(name="code_instance", points={"alert_id": "code_alert"}),
    Table(name="code_analysis", points=_REPO),
    Table(
        name="dependency_alert",
        points={**_REPO, "dismissed_by_id": "account"},
        rewrites={"assignees": _people},
    ),
    Table(
        name="secret_alert",
        points={**_REPO, "assignee_id": "account", "resolved_by_id": "account"},
    ),
)

# A reaction says what kind of thing it is to.
SUBJECTS = {"issue": "issue", "comment": "issue_comment"}
