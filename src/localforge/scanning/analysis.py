"""What an analysis means for a repository's alerts: found for the first time, again, elsewhere, or not any more."""

from dataclasses import dataclass

from localforge.events import CodeScanningAlertEvent
from localforge.scanning.sarif import Result, Run
from localforge.store import scanning
from localforge.store.database import Tx
from localforge.store.scanning import CodeAlert, Instance


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """An upload: of which commit, seen as which ref, by whom."""

    repo_id: int
    actor_id: int
    ref: str
    commit_sha: str
    at: str


def record(tx: Tx, analysis: Analysis, run: Run, sarif_id: str) -> None:
    """Write one tool's run, with an event for each alert that became different."""
    tx.insert(
        "code_analysis",
        repo_id=analysis.repo_id,
        sarif_id=sarif_id,
        ref=analysis.ref,
        commit_sha=analysis.commit_sha,
        tool=run.tool,
        category=run.category,
        created_at=analysis.at,
    )
    before = {
        instance.alert_id: instance
        for instance in scanning.open_on(tx, analysis.repo_id, run.tool, analysis.ref, run.category)
    }
    seen = {_see(tx, analysis, run, result) for result in {r.fingerprint: r for r in run.results}.values()}
    for alert_id in before.keys() - seen:
        _fix(tx, analysis, before[alert_id])


def tell(tx: Tx, analysis: Analysis, alert: CodeAlert, action: str) -> None:
    """Emit what happened to an alert."""
    tx.emit(
        CodeScanningAlertEvent(
            repo_id=analysis.repo_id,
            actor_id=analysis.actor_id,
            action=action,
            alert_number=alert.number,
            ref=analysis.ref,
            commit_oid=analysis.commit_sha,
        )
    )


def _see(tx: Tx, analysis: Analysis, run: Run, result: Result) -> int:
    alert = scanning.found_by(tx, analysis.repo_id, run.tool, result.fingerprint)
    known = scanning.instances(tx, alert.id) if alert else []
    here = next((i for i in known if (i.ref, i.category) == (analysis.ref, run.category)), None)
    if alert is None:
        alert = _new_alert(tx, analysis, run, result)
        action = "created"
    elif here is None:
        action = "appeared_in_branch"
    else:
        action = "reopened" if here.fixed_at else ""
    columns = {
        "commit_sha": analysis.commit_sha,
        "fixed_at": None,
        "location": result.location,
        "message": result.message,
        "seen_at": analysis.at,
    }
    if here:
        tx.update("code_instance", here.id, **columns)
    else:
        tx.insert("code_instance", alert_id=alert.id, ref=analysis.ref, category=run.category, **columns)
    if action:
        tx.update("code_alert", alert.id, updated_at=analysis.at)
        tell(tx, analysis, alert, action)
    return alert.id


def _new_alert(tx: Tx, analysis: Analysis, run: Run, result: Result) -> CodeAlert:
    number = 1 + tx.count("SELECT max(number) FROM code_alert WHERE repo_id = ?", analysis.repo_id)
    tx.insert(
        "code_alert",
        repo_id=analysis.repo_id,
        number=number,
        tool=run.tool,
        tool_version=run.version,
        tool_guid=run.guid,
        rule=result.rule,
        fingerprint=result.fingerprint,
        created_at=analysis.at,
        updated_at=analysis.at,
    )
    alert = scanning.by_number(tx, analysis.repo_id, number)
    if alert is None:
        raise LookupError(f"alert {number}")
    return alert


def _fix(tx: Tx, analysis: Analysis, instance: Instance) -> None:
    """Gone from this ref; the alert is told to be fixed when it is open nowhere else."""
    tx.update("code_instance", instance.id, fixed_at=analysis.at, commit_sha=analysis.commit_sha)
    elsewhere = [other for other in scanning.instances(tx, instance.alert_id) if other.fixed_at is None]
    alert = tx.one(CodeAlert, "SELECT * FROM code_alert WHERE id = ?", instance.alert_id)
    if alert and not elsewhere:
        tx.update("code_alert", alert.id, updated_at=analysis.at)
        tell(tx, analysis, alert, "fixed")
