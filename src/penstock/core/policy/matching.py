"""Which class a repository belongs to."""

from penstock.core.proposal import matches_any

OTHER = "other"
"""The class of repositories that no pattern fits."""


def class_of(full_name: str, classes: tuple[tuple[str, tuple[str, ...]], ...]) -> str:
    """The first class with a glob that fits the repository's name (with its owner, where the glob has a slash)."""
    name = full_name.rpartition("/")[2]
    fitting = (
        label
        for label, globs in classes
        if any(matches_any(full_name if "/" in glob else name, (glob,)) for glob in globs)
    )
    return next(fitting, OTHER)
