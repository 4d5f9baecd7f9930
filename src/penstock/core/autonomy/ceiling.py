"""G-09: how many pull requests that no person approved may be opened in one UTC day."""

from datetime import UTC, datetime, time, timedelta

from penstock.core.autonomy.model import Governance
from penstock.core.verdict import Verdict, blocked, passed


def judge_ceiling(governance: Governance, pull: str, *, ceiling: int, now: datetime) -> Verdict:
    """Is there room today for this pull request; one that was counted today has its place."""
    today = governance.pulls_on(governance.not_before(now).date())
    if pull in today:
        return passed("G-09", "counted today already")
    told = f"{len(today)} of {ceiling} pull requests that no person approved were opened today (UTC)"
    return passed("G-09", told) if len(today) < ceiling else blocked("G-09", told)


def tomorrow(governance: Governance, now: datetime) -> datetime:
    """When the next day's budget begins."""
    today = governance.not_before(now).astimezone(UTC).date()
    return datetime.combine(today + timedelta(days=1), time(), UTC)
