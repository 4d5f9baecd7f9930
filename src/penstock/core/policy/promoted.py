"""Layers that people promote: in force beside the files, and below all of them that are the organization's own.

A candidate is read strictly, before anybody may promote it. What is promoted holds whatever the files have become since:
what it demands beyond them stays demanded, and what cannot be read of it lets nothing pass.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from penstock.core.ledger import sha256
from penstock.core.policy.layers import Layered, combine, read_layer, under
from penstock.core.refs import Digest
from penstock.core.routing.loading import Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A layer that may be promoted: its text, and the policy that there is with it under the one it stands on."""

    text: str
    stands_on: Layered
    layered: Layered

    @property
    def digest(self) -> Digest:
        return text_digest(self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Promoted:
    """A layer in force. `text` None: it is gone, or is not what was recorded."""

    name: str
    text: str | None

    @property
    def source(self) -> str:
        return f"promoted {self.name}"


def text_digest(text: str) -> Digest:
    return sha256(text.encode())


def candidate(source: str, content: bytes, today: Layered) -> Candidate | Refused:
    """A layer's file as a candidate under today's policy. Refused: its mistakes, and what it means to loosen."""
    layer = read_layer(source, content)
    found = layer if isinstance(layer, Refused) else combine(today, (layer,))
    if isinstance(found, Refused):
        return found
    return Candidate(text=content.decode(), stands_on=today, layered=found)


def with_promoted(top: Layered, promoted: Iterable[Promoted]) -> Layered:
    """The organization's policy with what was promoted under it, oldest first."""
    for one in promoted:
        gone = Refused(problems=(f"{one.source}: its text is gone, or is not what was recorded",))
        layer = gone if one.text is None else read_layer(one.source, one.text.encode())
        if isinstance(layer, Refused):
            top = replace(top, unsure=(*top.unsure, *layer.problems))
            continue
        top, clashes = under(top, layer)
        top = replace(top, clashes=(*top.clashes, *clashes))
    return top
