"""Risk, itemized, from facts of the diff."""

from collections.abc import Callable
from dataclasses import dataclass

from penstock.core.dependencies.files import kind_of
from penstock.core.evidence import DiffFacts, FileFact, FileStatus
from penstock.core.policy.patches import is_protected
from penstock.core.policy.rules import Policy, Tier
from penstock.core.policy.weakening import TESTS
from penstock.core.proposal import matches_any

BUILD_FILES = ("*.lock", "setup.py", "setup.cfg")
"""Beside the manifests and lock files that are read."""
SENSITIVE = ("**/auth/**", "*auth*", "*secret*", "*crypt*", "**/migrations/**", "*.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskItem:
    """One reason and the points it adds."""

    reason: str
    points: int


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """How earlier changes of the same kind went: the newest that were merged, and those of them that were taken back."""

    merged: int = 0
    taken_back: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """The sum decides the tier: 0–24 low, 25–49 medium, 50–74 high, 75 and above critical."""

    items: tuple[RiskItem, ...]
    floor: Tier = Tier.LOW

    @property
    def score(self) -> int:
        return sum(item.points for item in self.items)

    @property
    def tier(self) -> Tier:
        by_score = (Tier.LOW, Tier.MEDIUM, Tier.HIGH, Tier.CRITICAL)[min(self.score // 25, 3)]
        return max(by_score, self.floor, key=lambda tier: tier.rank)


def assess(
    diffs: tuple[DiffFacts, ...],
    *,
    dependents: int | None,
    policy: Policy,
    history: tuple[RiskItem, ...] = (),
) -> Risk:
    """The risk of a whole change. `dependents` outside the change is None while nobody knows them; `history`: see
    `of_its_kind`, and nothing where it is nobody's change."""
    files = tuple(fact for diff in diffs for fact in diff.files)
    items = (
        *_size_items(diffs),
        *_path_items(files, policy),
        *_api_items(diffs),
        _blast_item(dependents),
        *history,
    )
    floor = Tier.HIGH if any(is_protected(f.path, policy) for f in files) else Tier.LOW
    return Risk(items=items, floor=floor)


def of_its_kind(kind: str, history: History | None) -> tuple[RiskItem, ...]:
    """What went before by the same agent or recipe; None: a log does not hold, so it cannot be told."""
    if history is None:
        return (RiskItem(reason=f"how {kind} did before cannot be told: a log does not hold", points=15),)
    if not history.merged:
        return (RiskItem(reason=f"nothing of {kind} was merged before", points=0),)
    told = f"{history.taken_back} of the last {history.merged} changes of {kind} were taken back"
    return (RiskItem(reason=told, points=min(15 * history.taken_back, 45)),)


def _size_items(diffs: tuple[DiffFacts, ...]) -> tuple[RiskItem, ...]:
    lines = sum(d.additions + d.deletions for d in diffs)
    files = sum(len(d.files) for d in diffs)
    points = 0 if lines <= 50 else 5 if lines <= 400 else 15 if lines <= 2000 else 25
    size = f"{lines} changed line{'' if lines == 1 else 's'} in {files} file{'' if files == 1 else 's'}"
    items = [RiskItem(reason=size, points=points)]
    if len(diffs) > 1:
        items.append(RiskItem(reason=f"{len(diffs)} repositories must land together", points=10))
    return tuple(items)


def _path_items(files: tuple[FileFact, ...], policy: Policy) -> tuple[RiskItem, ...]:
    found = (
        _touched(files, lambda f: _builds(f.path), "dependency or build files", 15),
        _touched(
            files, lambda f: matches_any(f.path, SENSITIVE), "authentication, secrets or migrations", 25
        ),
        _touched(files, lambda f: is_protected(f.path, policy), "protected paths", 50),
        _touched(
            files,
            lambda f: matches_any(f.path, TESTS) and f.deletions > f.additions,
            "tests that got smaller",
            15,
        ),
        _touched(files, lambda f: bool(f.weakened), "tests that may say less", 15),
        _touched(files, lambda f: f.status is FileStatus.DELETED, "deleted files", 5),
    )
    code = any(not matches_any(f.path, TESTS) for f in files)
    untested = code and not any(matches_any(f.path, TESTS) for f in files)
    gap = RiskItem(reason="no test is touched", points=10) if untested else None
    return tuple(item for item in (*found, gap) if item)


def _api_items(diffs: tuple[DiffFacts, ...]) -> tuple[RiskItem, ...]:
    breaks = [each for diff in diffs for each in diff.breaking]
    untold = [each for diff in diffs for each in diff.unread]
    items = []
    if breaks:
        symbols = list(dict.fromkeys(each.symbol for each in breaks))
        named = ", ".join(symbols[:3])
        more = " …" if len(symbols) > 3 else ""
        items.append(RiskItem(reason=f"public API changes: {named}{more}", points=15))
    if untold:
        items.append(RiskItem(reason=f"public API not compared: {untold[0].path}", points=5))
    return tuple(items)


def _builds(path: str) -> bool:
    return kind_of(path) is not None or matches_any(path, BUILD_FILES)


def _touched(
    files: tuple[FileFact, ...], test: Callable[[FileFact], bool], what: str, points: int
) -> RiskItem | None:
    hit = [f.path for f in files if test(f)]
    return (
        RiskItem(reason=f"{what}: {', '.join(hit[:3])}{' …' if len(hit) > 3 else ''}", points=points)
        if hit
        else None
    )


def _blast_item(dependents: int | None) -> RiskItem:
    if dependents is None:
        return RiskItem(
            reason="blast radius unknown: not every repository that may depend on these could be read",
            points=5,
        )
    return RiskItem(
        reason=f"{dependents} known dependents outside this change", points=min(5 * dependents, 25)
    )
