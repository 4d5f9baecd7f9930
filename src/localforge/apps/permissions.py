"""What an App may ask for: permissions by GitHub's names, and the permission that an event takes.

Names: the schema `app-permissions` of GitHub's OpenAPI description; `organization_actions_variables`, which it lacks, from
docs.github.com, "Permissions required for GitHub Apps". Events: docs.github.com, "Webhook events and payloads".
"""

from collections.abc import Mapping, Sequence

from localforge.errors import FieldError, InvalidError

LEVELS = ("read", "write", "admin")

_REPOSITORY = (
    *(
        "actions",
        "administration",
        "artifact_metadata",
        "attestations",
        "checks",
        "code_quality",
        "codespaces",
    ),
    *(
        "contents",
        "dependabot_secrets",
        "deployments",
        "discussions",
        "environments",
        "issues",
        "merge_queues",
    ),
    *("metadata", "packages", "pages", "pull_requests", "repository_custom_properties", "repository_hooks"),
    *(
        "repository_projects",
        "secret_scanning_alerts",
        "secrets",
        "security_events",
        "single_file",
        "statuses",
    ),
    *("variables", "vulnerability_alerts", "workflows"),
)
_ORGANIZATION = (
    *("members", "organization_actions_variables", "organization_administration"),
    *("organization_announcement_banners",),
    *("organization_custom_org_roles", "organization_custom_properties", "organization_custom_roles"),
    *("organization_events", "organization_hooks", "organization_packages", "organization_plan"),
    *("organization_personal_access_token_requests", "organization_personal_access_tokens"),
    *("organization_projects", "organization_secrets", "organization_self_hosted_runners"),
    *("organization_user_blocking",),
)
NAMES = frozenset((*_REPOSITORY, *_ORGANIZATION))

# Any one of these permissions lets an App be told of the event; an event that is not here takes none.
_TOLD_WITH: Mapping[str, tuple[str, ...]] = {
    "check_run": ("checks",),
    "check_suite": ("checks",),
    "create": ("contents",),
    "delete": ("contents",),
    "issue_comment": ("issues", "pull_requests"),
    "issues": ("issues",),
    "label": ("issues", "pull_requests", "metadata"),
    "milestone": ("issues", "pull_requests"),
    "pull_request": ("pull_requests",),
    "pull_request_review": ("pull_requests",),
    "pull_request_review_comment": ("pull_requests",),
    "push": ("contents",),
    "release": ("contents",),
    "repository_dispatch": ("contents",),
    "status": ("statuses",),
    "workflow_dispatch": ("contents",),
    "workflow_job": ("actions",),
    "workflow_run": ("actions",),
}


def checked(permissions: Mapping[str, str], events: Sequence[str]) -> dict[str, str]:
    """The permissions with `metadata: read`, which every App has; 422 for what no App can ask for."""
    for name, level in permissions.items():
        if name not in NAMES or level not in LEVELS:
            raise _refused("default_permissions", f"{name}: {level} is not included in the list")
    granted = {"metadata": "read", **permissions}
    unsupported = [name for name in events if not may_be_told(name, granted)]
    if unsupported:
        raise _refused("default_events", f"Default events unsupported: {', '.join(unsupported)}")
    return granted


def may_be_told(event: str, granted: Mapping[str, str]) -> bool:
    """Whether these permissions let an App hear of the event."""
    needed = _TOLD_WITH.get(event)
    return needed is None or any(name in granted for name in needed)


def within(wanted: Mapping[str, str], granted: Mapping[str, str]) -> bool:
    """Whether nothing more is wanted than is granted."""
    return all(
        name in granted and level in LEVELS and LEVELS.index(level) <= LEVELS.index(granted[name])
        for name, level in wanted.items()
    )


def _refused(field: str, message: str) -> InvalidError:
    return InvalidError(
        errors=(FieldError(resource="Integration", field=field, code="custom", message=message),)
    )
