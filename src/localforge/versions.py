"""Versions of the REST API: what the first one shows and the second one leaves out.

Source: docs.github.com, "Breaking changes" of 2026-03-10; each row of `_GONE` is one of them. A pull request, say, is told from other things
by the field that only it has.
"""

from collections.abc import Mapping, Sequence

from localforge.json_types import Json

FIRST, SECOND = SUPPORTED = ("2022-11-28", "2026-03-10")

# What is gone, where the object has this other field.
_GONE = {
    "has_downloads": "full_name",
    "use_squash_pr_title_as_default": "full_name",
    "master_branch": "full_name",
    "assignee": "assignees",
    "merge_commit_sha": "merged_at",
    "rate": "resources",
    "authorizations_url": "current_user_url",
    "hub_url": "current_user_url",
}


def in_second(value: Json) -> Json:
    """An answer as the second version gives it."""
    match value:
        case Mapping():
            return {
                name: in_second(part)
                for name, part in value.items()
                if name not in _GONE or _GONE[name] not in value
            }
        case str():
            return value
        case Sequence():
            return [in_second(part) for part in value]
        case _:
            return value
