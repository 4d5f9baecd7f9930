"""Known vulnerabilities: advisories of the OSV schema, and what they say of one version.

Not audited is a state of its own: whatever could not be compared is never clean.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from penstock.core.dependencies.facts import Ecosystem, normal
from penstock.core.dependencies.parsing import Plain, UnreadableError, items, json_of, table, word
from penstock.core.dependencies.versions import compare, semantic_order


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """A range's events in the order written: (`introduced`, `fixed`, `last_affected` or `limit`, version)."""

    kind: str
    events: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Affected:
    """What one advisory says of one package; `versions` are listed one by one."""

    ecosystem: Ecosystem
    name: str
    ranges: tuple[Range, ...]
    versions: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Advisory:
    id: str
    affected: tuple[Affected, ...]


class Standing(StrEnum):
    VULNERABLE = "vulnerable"
    CLEAN = "clean"
    NOT_AUDITED = "not_audited"


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What is known of one version: `ids` of the advisories that it falls under, or why nobody can say."""

    standing: Standing
    ids: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotCovered:
    """Why there are no advisories to ask."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """One package version and its audit."""

    ecosystem: Ecosystem
    name: str
    version: str
    audit: Audit


def read_advisory(content: bytes) -> Advisory | None:
    """One file of an OSV database; None for what was withdrawn. Raises UnreadableError."""
    data = table(json_of(content))
    name = word(data.get("id"), "id")
    if not name:
        raise UnreadableError("no advisory: it has no `id`")
    if data.get("withdrawn"):
        return None
    affected = (table(entry, "affected") for entry in items(data.get("affected"), "affected"))
    return Advisory(id=name, affected=tuple(found for entry in affected if (found := _affected(entry))))


def _affected(entry: Mapping[str, Plain]) -> Affected | None:
    package = table(entry.get("package"), "package")
    ecosystem = _ECOSYSTEMS.get(word(package.get("ecosystem"), "ecosystem").partition(":")[0])
    if ecosystem is None:
        return None
    return Affected(
        ecosystem=ecosystem,
        name=normal(ecosystem, word(package.get("name"), "name")),
        ranges=tuple(_range(table(r, "ranges")) for r in items(entry.get("ranges"), "ranges")),
        versions=frozenset(word(v, "versions") for v in items(entry.get("versions"), "versions")),
    )


_ECOSYSTEMS = {ecosystem.value: ecosystem for ecosystem in Ecosystem}


def _range(entry: Mapping[str, Plain]) -> Range:
    events = [table(event, "events") for event in items(entry.get("events"), "events")]
    return Range(
        kind=word(entry.get("type"), "type"),
        events=tuple((kind, word(version, kind)) for event in events for kind, version in event.items()),
    )


def audit(
    ecosystem: Ecosystem, name: str, version: str, advisories: tuple[Advisory, ...] | NotCovered
) -> Audit:
    """What advisories say of one version. Of two answers the worse counts: vulnerable, not audited, clean."""
    if isinstance(advisories, NotCovered):
        return Audit(standing=Standing.NOT_AUDITED, reason=advisories.reason)
    if compare(ecosystem, version, version) is None:
        return Audit(standing=Standing.NOT_AUDITED, reason=f"`{version}` is no version that can be compared")
    told = [
        (advisory.id, _hits(affected, version))
        for advisory in advisories
        for affected in advisory.affected
        if (affected.ecosystem, affected.name) == (ecosystem, name)
    ]
    if hit := sorted({id_ for id_, hits in told if hits is True}):
        return Audit(standing=Standing.VULNERABLE, ids=tuple(hit))
    if unsaid := sorted({id_ for id_, hits in told if hits is None}):
        return Audit(
            standing=Standing.NOT_AUDITED,
            reason=f"{', '.join(unsaid[:3])} cannot be compared with {version}",
        )
    return Audit(standing=Standing.CLEAN)


def _hits(affected: Affected, version: str) -> bool | None:
    """None where that cannot be told: a range of a kind, or with a version, that nobody here can compare."""
    if version in affected.versions:
        return True
    told = [_inside(affected, r, version) for r in affected.ranges if r.kind != "GIT"]
    if True in told:
        return True
    if None in told or not (told or affected.versions):
        return None
    return False


def _inside(affected: Affected, found: Range, version: str) -> bool | None:
    """OSV schema, "Evaluation": events in the order of their versions turn it on and off."""
    orders: dict[str, Callable[[str, str], int | None]] = {
        "SEMVER": semantic_order,
        "ECOSYSTEM": lambda one, other: compare(affected.ecosystem, one, other),
    }
    order = orders.get(found.kind)
    if order is None or any(kind not in _EVENTS for kind, _ in found.events):
        return None
    limits: list[bool] = []
    reached: list[tuple[str, str]] = []
    for kind, at in found.events:
        place = _place(order, version, at)
        if place is None:
            return None
        if kind == "limit":
            limits.append(place < 0)
        elif place > 0 or (place == 0 and kind != "last_affected"):
            reached.append((kind, at))
    if limits and not any(limits):
        return False
    return _last_turns_on(order, reached)


_EVENTS = {"introduced", "fixed", "last_affected", "limit"}


def _place(order: Callable[[str, str], int | None], version: str, at: str) -> int | None:
    """Where a version stands to an event's; `0` is before and `*` after all others."""
    if at in {"0", "*"}:
        return 1 if at == "0" else -1
    return order(version, at)


def _last_turns_on(order: Callable[[str, str], int | None], reached: list[tuple[str, str]]) -> bool:
    """Is the newest of the events that a version has reached an introduction; at the same version, it is not."""
    newest: tuple[str, str] | None = None
    for kind, at in reached:
        since = 1 if newest is None else _place(order, at, newest[1]) if at != "0" else -1
        if newest is None or (since is not None and (since > 0 or (since == 0 and kind != "introduced"))):
            newest = (kind, at)
    return newest is not None and newest[0] == "introduced"


def names_of(advisory: Advisory) -> Iterator[tuple[Ecosystem, str]]:
    """The packages that an advisory is about."""
    yield from {(a.ecosystem, a.name) for a in advisory.affected}
