"""Branch, tag and path filters: which patterns decide, and in which order."""

from collections.abc import Iterable, Sequence

from localforge.actions.workflow.glob import fits
from localforge.actions.workflow.model import Trigger

_BRANCH = "refs/heads/"
_TAG = "refs/tags/"


def matches(patterns: Sequence[str], name: str) -> bool:
    """Whether the last pattern that fits `name` includes it; `!` in front of a pattern excludes."""
    included = False
    for text in patterns:
        if fits(text.removeprefix("!"), name):
            included = not text.startswith("!")
    return included


def ref_passes(trigger: Trigger, ref: str) -> bool:
    """Whether a pushed `ref` passes the branch and tag filters; a filter on the one kind alone excludes the other."""
    if ref.startswith(_TAG):
        name, only, ignored = ref.removeprefix(_TAG), trigger.tags, trigger.tags_ignore
        other = trigger.branches is not None or trigger.branches_ignore is not None
    else:
        name, only, ignored = ref.removeprefix(_BRANCH), trigger.branches, trigger.branches_ignore
        other = trigger.tags is not None or trigger.tags_ignore is not None
    if only is not None:
        return matches(only, name)
    if ignored is not None:
        return not matches(ignored, name)
    return not other


def paths_pass(trigger: Trigger, changed: Iterable[str]) -> bool:
    """Whether the changed paths pass: one that `paths` includes, or one that `paths-ignore` does not name."""
    if trigger.paths is not None:
        included = trigger.paths
        return any(matches(included, path) for path in changed)
    if trigger.paths_ignore is not None:
        ignored = trigger.paths_ignore
        return any(not matches(ignored, path) for path in changed)
    return True
