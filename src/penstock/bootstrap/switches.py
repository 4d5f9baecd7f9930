"""The break-glass toggles of every holder there is, put together: of all that are set, the strictest."""

from collections.abc import Callable, Collection, Mapping

from penstock.adapters.github.variables import Variables
from penstock.core.policy.rules import Holder, Toggles, effective
from penstock.core.refs import RepoRef
from penstock.ports import Permanent, Transient
from penstock.toggles import ConfigHolder, holder_of, toggle_holders

ORGANIZATION, REPOSITORY = "organization", "repository"


class Switches:
    """`excluded`: the forge's holders that the configuration says are not asked. `system`: what the ledger holds."""

    def __init__(
        self,
        *,
        configured: ConfigHolder,
        variables: Callable[[], Variables],
        owner: Callable[[], str],
        excluded: Collection[str],
        system: Callable[[], Holder],
    ) -> None:
        self._configured = configured
        self._variables = variables
        self._owner = owner
        self._excluded = frozenset(excluded)
        self._system = system

    def __call__(self, repo: RepoRef | None) -> Toggles:
        """What holds now for one repository (None: for none of them in particular).

        Raises Transient where the forge does not answer: then nothing is known, and nothing is done.
        """
        return effective((*self.here(), *self.at_forge(repo)))

    def here(self) -> tuple[Holder, ...]:
        """The holders that need no forge."""
        return (*toggle_holders(), self._configured(), self._system())

    def at_forge(self, repo: RepoRef | None) -> tuple[Holder, ...]:
        """The holders at the forge; one that refuses to be read is not readable. Raises Transient."""
        found = []
        if ORGANIZATION not in self._excluded:
            found.append(_holder(ORGANIZATION, lambda: self._variables().of_owner(self._owner())))
        if repo is not None and REPOSITORY not in self._excluded:
            name = f"{REPOSITORY} {repo.full_name}"
            found.append(_holder(name, lambda: self._variables().of_repository(repo)))
        return tuple(found)

    def seen(self, repo: RepoRef | None) -> tuple[Holder, ...]:
        """Every holder for people to see: where the forge does not answer, that is what is said of it."""
        try:
            away = self.at_forge(repo)
        except Transient as trouble:
            away = (Holder(name="forge", readable=False, said=str(trouble)),)
        return (*self.here(), *away)


def _holder(name: str, read: Callable[[], Mapping[str, str]]) -> Holder:
    try:
        return holder_of(name, read())
    except Permanent as refused:
        how = f"{refused}; or take `{name.split(maxsplit=1)[0]}` into `toggles.exclude` of the configuration"
        return Holder(name=name, readable=False, said=how)
