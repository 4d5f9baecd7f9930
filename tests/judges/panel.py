"""Who judges: one line each."""

from tests.judges import with_gh, with_git, with_githubkit, with_pygithub, with_recordings
from tests.judges.board import Judge

# Quick enough for every run of the tests.
QUICK: tuple[Judge, ...] = (
    with_recordings.judge,
    with_git.judge,
    with_gh.judge,
    with_pygithub.judge,
    with_githubkit.judge,
)

JUDGES: tuple[Judge, ...] = QUICK
