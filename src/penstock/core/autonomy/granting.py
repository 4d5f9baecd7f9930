"""A person's leave for one cell: what can be granted at all."""

from collections.abc import Collection
from dataclasses import dataclass

from penstock.core.autonomy.model import GRANTABLE, Cell
from penstock.core.policy.matching import OTHER
from penstock.core.verdict import Verdict, all_of, check

MOST_DAYS, MOST_PULLS = 365, 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A grant as somebody asks for it: `days` from now, for `cap` pull requests."""

    cell: Cell
    days: int
    cap: int


def judge_grant(asked: Asked, *, agents: Collection[str], classes: Collection[str]) -> Verdict:
    """`agents`: agents and recipes there are; `classes`: repository classes of the configuration. A grant always ends."""
    cell = asked.cell
    known_classes = (*classes, OTHER)
    return all_of(
        "grant",
        (
            check("agent", _known("agent or recipe", cell.agent, agents), holds=cell.agent in agents),
            check(
                "class",
                _known("repository class", cell.repositories, known_classes),
                holds=cell.repositories in known_classes,
            ),
            check("G-06", "only low and medium can be granted", holds=cell.tier in GRANTABLE),
            check("days", f"it ends after 1 to {MOST_DAYS} days", holds=1 <= asked.days <= MOST_DAYS),
            check("cap", f"it is for 1 to {MOST_PULLS} pull requests", holds=1 <= asked.cap <= MOST_PULLS),
        ),
    )


def _known(what: str, name: str, names: Collection[str]) -> str:
    listed = ", ".join(sorted(names)) or "none"
    return f"{name} is known" if name in names else f"there is no {what} {name}, but {listed}"
