"""What is so at the forge, beside its issues: read anew whoever told of it, a poll, a delivery or a person."""

from typing import Protocol

from penstock.core.change.model import Origin
from penstock.core.evidence import RepositoryFacts
from penstock.core.refs import RepoRef
from penstock.core.signal import ForgeEvent, ForgeSignal


class SignalSource(Protocol):
    """The forge's runs and alerts."""

    def standing(self, repo: RepoRef, facts: RepositoryFacts, event: ForgeEvent) -> tuple[ForgeSignal, ...]:
        """What of this event is so there now; nothing where the repository has no such thing.

        Raises Permanent `forbidden`, which names the permission.
        """
        ...


def still(source: SignalSource, origin: Origin, facts: RepositoryFacts) -> ForgeSignal | None:
    """The signal as it is now; None once it is not so any more."""
    standing = source.standing(origin.repo, facts, origin.event)
    return next((signal for signal in standing if signal.subject == origin.subject), None)
