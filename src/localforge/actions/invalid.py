"""The run of an invalid workflow file: one failed check that says what is wrong and where, and no job."""

from localforge.actions.legs import Conclusion
from localforge.actions.workflow.model import InvalidWorkflow, Problem
from localforge.store import checks
from localforge.store.actions import RunRow
from localforge.store.checks import Annotation
from localforge.store.database import Tx


def report(tx: Tx, run: RunRow, invalid: InvalidWorkflow, at: str) -> None:
    """Write the check; the caller completes the run."""
    suite = checks.suite_by_id(tx, run.suite_id)
    if suite is None:
        raise LookupError(f"run {run.id} has lost its check suite")
    check = checks.create_run(
        tx,
        suite,
        actor_id=run.triggering_actor_id,
        at=at,
        name=invalid.path,
        status="completed",
        conclusion=Conclusion.FAILURE.value,
        started_at=at,
        completed_at=at,
        title="Invalid workflow file",
        summary="\n".join(invalid.messages),
    )
    checks.annotate(tx, check.id, [_annotation(invalid.path, problem) for problem in invalid.problems])


def _annotation(path: str, problem: Problem) -> Annotation:
    line = problem.at.line if problem.at and problem.file is None else 1
    return Annotation(
        path=path,
        start_line=line,
        end_line=line,
        annotation_level="failure",
        title="Invalid workflow file",
        message=problem.in_file(path),
    )
