"""Who judges: one line each."""

from tests.judges import (
    with_gh,
    with_git,
    with_githubkit,
    with_octokit,
    with_pygithub,
    with_recordings,
    with_renovate,
)
from tests.judges.board import Judge

# Quick enough for every run of the tests.
QUICK: tuple[Judge, ...] = (
    with_recordings.judge,
    with_git.judge,
    with_gh.judge,
    with_pygithub.judge,
    with_githubkit.judge,
)

JUDGES: tuple[Judge, ...] = (
    *QUICK,
    with_octokit.octokit,
    with_octokit.probot,
    with_renovate.judge,
)
