"""Who judges: one line each."""

from tests.judges import (
    with_gh,
    with_git,
    with_githubkit,
    with_graphql,
    with_octokit,
    with_openapi,
    with_pygithub,
    with_recordings,
    with_renovate,
    with_schemathesis,
    with_workflows,
)
from tests.judges.board import Judge

# Quick enough for every run of the tests.
QUICK: tuple[Judge, ...] = (
    with_recordings.judge,
    with_git.judge,
    with_gh.judge,
    with_pygithub.judge,
    with_githubkit.judge,
    with_graphql.judge,
)

JUDGES: tuple[Judge, ...] = (
    with_openapi.judge,
    *QUICK,
    with_schemathesis.judge,
    with_workflows.zizmor,
    with_workflows.actionlint,
    with_workflows.schemastore,
    with_octokit.octokit,
    with_octokit.probot,
    with_renovate.judge,
)
