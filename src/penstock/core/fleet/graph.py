"""Waves: providers before their dependents, as far as dependencies say."""

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from penstock.core.fleet.manifest import Manifest
from penstock.core.refs import NodeId


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """Repositories that need each other in a circle; no order can be right."""

    members: tuple[NodeId, ...]


def providers(manifests: Mapping[NodeId, Manifest]) -> dict[NodeId, frozenset[NodeId]]:
    """For each repository, which of the others publish what it needs."""
    published = {name: node for node, manifest in manifests.items() for name in manifest.publishes}
    return {
        node: frozenset(published[name] for name in manifest.needs if name in published) - {node}
        for node, manifest in manifests.items()
    }


def waves(needs: Mapping[NodeId, frozenset[NodeId]]) -> tuple[tuple[NodeId, ...], ...] | Cycle:
    """Groups in merge order, each sorted; every repository after all that it needs."""
    sorter = TopologicalSorter(needs)
    try:
        sorter.prepare()
    except CycleError as error:
        return Cycle(members=tuple(error.args[1]))
    found: list[tuple[NodeId, ...]] = []
    while sorter.is_active():
        ready = sorter.get_ready()
        found.append(tuple(sorted(ready)))
        sorter.done(*ready)
    return tuple(found)
