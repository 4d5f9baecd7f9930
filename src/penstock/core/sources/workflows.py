"""What an audit of workflow and action files found, and what of it is new."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """By zizmor's names."""

    UNKNOWN = "Unknown"
    INFORMATIONAL = "Informational"
    LOW = "Low"
    MEDIUM = "Medium"
    HIGH = "High"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowFinding:
    """One thing that an audit found. `rule` is the audit's name; `mark` is what it is recognised by on another line."""

    path: str
    line: int
    rule: str
    severity: Severity
    what: str
    mark: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.rule} ({self.severity.lower()}): {self.what}"


def is_workflow(path: str) -> bool:
    """A workflow, or the file of a composite action, wherever it is: others may call it by its path."""
    folder, _, name = path.rpartition("/")
    if folder == ".github/workflows":
        return name.endswith((".yml", ".yaml"))
    return name in {"action.yml", "action.yaml"}


def fresh(before: Iterable[WorkflowFinding], after: Iterable[WorkflowFinding]) -> tuple[WorkflowFinding, ...]:
    """Those that were not there before, or not as often: a finding that only moved is not new."""
    left = Counter((each.path, each.rule, each.mark) for each in before)
    new = []
    for each in after:
        key = (each.path, each.rule, each.mark)
        left[key] -= 1
        if left[key] < 0:
            new.append(each)
    return tuple(new)
