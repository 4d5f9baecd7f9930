"""What documents say of routing: rules and agents, files that are included, examples beside them."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, TypeAdapter

from penstock.core.routing.agents import AgentKind, Permission

_STRICT = ConfigDict(extra="forbid")
AGENT_NAME = r"^[A-Za-z][A-Za-z0-9_-]{0,63}$"
AgentName = Annotated[str, Field(pattern=AGENT_NAME)]
OWN_SECRETS = ("INFINITY_", "PENSTOCK_", "GITHUB_TOKEN", "GH_TOKEN")


def _lendable(name: str) -> str:
    if name.startswith(OWN_SECRETS):
        raise ValueError("an agent never gets a credential of Penstock's own")
    return name


SecretName = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,63}$"), AfterValidator(_lendable)]


IncludePath = Annotated[str, Field(pattern=r"^routing/[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}\.ya?ml$")]
"""A rules file, named from the configuration's folder whoever includes it; there no change can touch it."""


class Priority(StrEnum):
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"

    @property
    def rank(self) -> int:
        return list(Priority).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleText:
    """A routing rule. Rules are asked by `order`, then as they stand, until one that holds has `stop`."""

    __pydantic_config__ = _STRICT
    condition: Annotated[str, Field(alias="if")]
    run: Annotated[tuple[AgentName, ...], Field(min_length=1)]
    priority: Priority = Priority.NORMAL
    order: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] = 0
    stop: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentText:
    """An agent. `kind` follows from the permissions; `holds` is a guard's own condition, in place of a `ref`."""

    __pydantic_config__ = _STRICT
    kind: AgentKind | None = None
    ref: str = ""
    secrets: tuple[SecretName, ...] = ()
    permissions: tuple[Permission, ...] = ()
    holds: str = ""

    def __post_init__(self) -> None:
        if bool(self.ref) == bool(self.holds):
            raise ValueError("give a `ref` (its prompt or recipe), or for a guard `holds` (its condition)")


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesFile:
    """A file that a configuration includes: more rules, more agents."""

    __pydantic_config__ = _STRICT
    version: Literal[1]
    include: tuple[IncludePath, ...] = ()
    routing: tuple[RuleText, ...] = ()
    agents: Annotated[dict[AgentName, AgentText], Field(default_factory=dict)] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A signal and what must come of it: who runs, in this order, or nobody; who is held, and by which guard."""

    __pydantic_config__ = _STRICT
    name: Annotated[str, Field(min_length=1)]
    given: dict[str, JsonValue]
    run: tuple[str, ...]
    held: tuple[str, ...] = ()
    priority: Priority | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExamplesFile:
    """`config/routing-examples.yml`."""

    __pydantic_config__ = _STRICT
    version: Literal[1]
    examples: tuple[Example, ...] = ()


RULES_FILE = TypeAdapter(RulesFile)
EXAMPLES_FILE = TypeAdapter(ExamplesFile)
