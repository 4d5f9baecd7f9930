"""What a merge broke, and what it did not."""

import pytest

from penstock.core.evidence import CheckFact, CheckStatus
from penstock.core.verdict import Outcome
from penstock.core.watch import judge_merged

RUNNING = "running"
OPEN = False
CASES = [
    ("green before and after", {"test": "success"}, {"test": "success"}, True, Outcome.PASS),
    ("it breaks a check", {"test": "failure"}, {"test": "success"}, True, Outcome.BLOCK),
    ("it breaks one that is new", {"deploy": "timed_out"}, {}, True, Outcome.BLOCK),
    ("broken at once, while others may begin", {"test": "failure"}, {}, OPEN, Outcome.BLOCK),
    ("broken before", {"test": "failure"}, {"test": "failure"}, True, Outcome.WARN),
    ("one broken before, one now", {"a": "failure", "b": "error"}, {"a": "failure"}, True, Outcome.BLOCK),
    ("still running", {"test": RUNNING}, {"test": "success"}, True, Outcome.PENDING),
    ("others may begin", {"test": "success"}, {}, OPEN, Outcome.PENDING),
    ("cancelled proves nothing", {"test": "cancelled"}, {"test": "success"}, True, Outcome.PASS),
    ("nothing yet", {}, {"test": "success"}, OPEN, Outcome.PENDING),
    ("nothing at all", {}, {"test": "success"}, True, Outcome.WARN),
]


@pytest.mark.parametrize(("what", "after", "before", "settled", "outcome"), CASES, ids=[c[0] for c in CASES])
def test_what_a_merge_broke(what, after, before, settled, outcome):
    assert judge_merged(_checks(after), _checks(before), settled=settled).outcome is outcome


def test_another_apps_check_of_the_same_name_is_no_excuse():
    after, before = _checks({"test": "failure"}, app=1), _checks({"test": "failure"}, app=2)
    assert judge_merged(after, before, settled=True).outcome is Outcome.BLOCK


def _checks(conclusions: dict[str, str], app: int | None = None) -> list[CheckFact]:
    return [
        CheckFact(
            name=name,
            app_id=app,
            status=CheckStatus.RUNNING if conclusion == RUNNING else CheckStatus.COMPLETED,
            conclusion="" if conclusion == RUNNING else conclusion,
            url="https://forge/1",
        )
        for name, conclusion in conclusions.items()
    ]
