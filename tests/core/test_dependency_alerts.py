"""The forge's alerts beside a database: they find versions vulnerable, and never clean."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.test_dependency_changes import OLD, STRICT, UPGRADE, audited, diff

from penstock.core.dependencies.advisories import (
    Advisory,
    Affected,
    Audit,
    NotCovered,
    Standing,
    audit,
)
from penstock.core.dependencies.alerts import Alerts, AlertsRead, read_of, vulnerable_range, with_alerts
from penstock.core.dependencies.facts import Ecosystem
from penstock.core.policy.dependencies import judge_dependencies
from penstock.core.policy.rules import Policy
from penstock.core.verdict import Outcome, render_text

VULNERABLE, CLEAN, NOT_AUDITED = Standing.VULNERABLE, Standing.CLEAN, Standing.NOT_AUDITED
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def advisory(text: str, name: str = "pkg", ecosystem: Ecosystem = Ecosystem.NPM) -> Advisory:
    affected = Affected(
        ecosystem=ecosystem, name=name, ranges=(vulnerable_range(text),), versions=frozenset()
    )
    return Advisory(id="GHSA-1", affected=(affected,))


RANGES = [
    ("< 1.3.0", {"0.0.1": VULNERABLE, "1.3.0-rc.1": VULNERABLE, "1.3.0": CLEAN, "1.10.0": CLEAN}),
    ("<= 1.3.0", {"1.3.0": VULNERABLE, "1.3.1": CLEAN}),
    ("= 0.2.0", {"0.2.0": VULNERABLE, "0.1.9": CLEAN, "0.2.1": CLEAN}),
    (">= 4.3.0, < 4.3.5", {"4.2.9": CLEAN, "4.3.0": VULNERABLE, "4.3.4": VULNERABLE, "4.3.5": CLEAN}),
    (">= 4.3.0, <= 4.3.5", {"4.3.5": VULNERABLE, "4.3.6": CLEAN}),
    (">=4.3.0,<4.3.5", {"4.3.4": VULNERABLE, "4.3.5": CLEAN}),
    (">= 0.0.1", {"99.0.0": VULNERABLE, "0.0.1-a": CLEAN}),
    ("> 1.0.0, < 2.0.0", {"1.5.0": NOT_AUDITED, "9.0.0": NOT_AUDITED}),
    ("< 1.0.0, < 2.0.0", {"1.5.0": NOT_AUDITED}),
    (">= 1, >= 2", {"1.5.0": NOT_AUDITED}),
    ("= 1.0.0, >= 2.0.0", {"1.5.0": NOT_AUDITED}),
    ("< soon", {"1.0.0": NOT_AUDITED}),
    ("*", {"1.0.0": NOT_AUDITED}),
    ("", {"1.0.0": NOT_AUDITED}),
    (">= 1.0.0, ", {"1.0.0": NOT_AUDITED}),
    ("< " + "9" * 600, {"1.0.0": NOT_AUDITED}),
]
TABLE = [(text, version, wanted) for text, told in RANGES for version, wanted in told.items()]


@pytest.mark.parametrize(("text", "version", "wanted"), TABLE)
def test_ranges(text: str, version: str, wanted: Standing):
    assert audit(Ecosystem.NPM, "pkg", version, (advisory(text),)).standing is wanted


@given(st.text("<>=~0123456789.,- ab", max_size=30))
def test_what_is_no_range_is_never_one_that_clears(text: str):
    found = vulnerable_range(text)
    assert found.kind in {"ECOSYSTEM", "UNREAD"}
    assert found.events


HIT, MISS, OTHER, ODD = advisory("< 2"), advisory("< 1"), advisory("< 9", "other"), advisory("~ 1")
UNREAD = NotCovered(reason="the alerts cannot be read")
NONE = Audit(standing=NOT_AUDITED, reason="no database")
FOUND = Audit(standing=VULNERABLE, ids=("OSV-1",))
FINE = Audit(standing=CLEAN)
BESIDE = [
    ("an alert hits", NONE, (HIT,), VULNERABLE, ("GHSA-1",), ""),
    ("both hit", FOUND, (HIT, MISS), VULNERABLE, ("GHSA-1", "OSV-1"), ""),
    ("the database does not know it", FINE, (HIT,), VULNERABLE, ("GHSA-1",), ""),
    ("only the database hits", FOUND, (MISS,), VULNERABLE, ("OSV-1",), ""),
    ("the alerts cannot be read", FOUND, UNREAD, VULNERABLE, ("OSV-1",), ""),
    ("the fix of an alert", NONE, (MISS,), NOT_AUDITED, (), "no database; no alert of the forge names it"),
    ("no alert is about it", NONE, (OTHER,), NOT_AUDITED, (), "no database; no alert of the forge names it"),
    ("no alert at all", NONE, (), NOT_AUDITED, (), "no database; no alert of the forge names it"),
    ("nobody can tell", NONE, UNREAD, NOT_AUDITED, (), "no database; the alerts cannot be read"),
    ("an alert of another kind", FINE, (ODD,), NOT_AUDITED, (), "GHSA-1 cannot be compared with 1.5.0"),
    (
        "and no database",
        NONE,
        (ODD,),
        NOT_AUDITED,
        (),
        "no database; GHSA-1 cannot be compared with 1.5.0",
    ),
    ("the database alone audited", FINE, UNREAD, CLEAN, (), ""),
    ("both are content", FINE, (MISS, OTHER), CLEAN, (), ""),
]


@pytest.mark.parametrize(("what", "told", "known", "standing", "ids", "reason"), BESIDE)
def test_of_two_sources_the_worse_counts_and_alerts_never_clear(what, told, known, standing, ids, reason):
    alerts = Alerts(at=NOW, known=known)
    found = with_alerts(Ecosystem.NPM, "pkg", "1.5.0", told=told, alerts=alerts)
    assert found == Audit(standing=standing, ids=ids, reason=reason)


def test_that_they_were_read_and_when_is_evidence_and_allows_nothing():
    facts = diff(OLD, UPGRADE, audited("a", "1.1.0", NOT_AUDITED), audited("c", "3.0.0", CLEAN))
    assert facts.alerts is None
    seen = replace(facts, alerts=read_of(Alerts(at=NOW, known=(HIT, MISS))))
    text = render_text(judge_dependencies(seen, Policy()))
    assert "✓ alerts: the forge's alerts, read at 2026-05-01T12:00:00.000000+00:00: advisories 2" in text
    assert judge_dependencies(seen, Policy()).outcome is judge_dependencies(facts, Policy()).outcome
    assert judge_dependencies(seen, STRICT).outcome is Outcome.UNKNOWN
    unread = read_of(Alerts(at=NOW, known=UNREAD))
    assert unread == AlertsRead(at=NOW, advisories=0, problem=UNREAD.reason)
    assert "alerts:" not in render_text(judge_dependencies(replace(facts, alerts=unread), Policy()))
