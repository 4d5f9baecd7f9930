"""What documents say of policy: what a layer may demand, under the same keys as in the configuration."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter

from penstock.core.dependencies.facts import Ecosystem
from penstock.core.policy.dependencies import REQUIRABLE, requirable
from penstock.core.policy.hazards import forbiddable
from penstock.core.policy.rules import ContentPolicy, Waiver
from penstock.core.policy.severity import Severity, rule_id
from penstock.core.policy.tools import requirement, versions_text
from penstock.core.sources.licences import licence_id

_STRICT = ConfigDict(extra="forbid")
MOST = 1_000_000
Positive = Annotated[int, Field(ge=1, le=MOST)]


def _glob(text: str) -> str:
    if text.startswith("!"):
        raise ValueError("a pattern that begins with `!` would take back what another one protects")
    if not text.strip() or text.startswith("#"):
        raise ValueError("a pattern that matches nothing")
    return text


def _said(what: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if not text.strip():
            raise ValueError(f"a waiver needs {what}")
        return text.strip()

    return check


Glob = Annotated[str, AfterValidator(_glob)]
Versions = Annotated[str, AfterValidator(versions_text)]


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiverText:
    """Lets `rule` pass on `paths`. `expires` is the last day (UTC) on which it counts."""

    __pydantic_config__ = _STRICT
    rule: Annotated[str, AfterValidator(rule_id)]
    paths: Annotated[tuple[Glob, ...], Field(min_length=1)]
    owner: Annotated[str, AfterValidator(_said("an owner: who answers for it"))]
    reason: Annotated[str, AfterValidator(_said("a reason"))]
    expires: date

    @property
    def waiver(self) -> Waiver:
        midnight = datetime(self.expires.year, self.expires.month, self.expires.day, tzinfo=UTC)
        return Waiver(
            rule=self.rule,
            paths=self.paths,
            owner=self.owner,
            reason=self.reason,
            until=midnight + timedelta(days=1),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What changed files may hold. `licenses`: SPDX ids that added files may name; None: any, and only strong copyleft is
    pointed out."""

    __pydantic_config__ = _STRICT
    max_function_complexity: Positive | None = None
    max_binary_kib: Annotated[int, Field(ge=0, le=MOST)] | None = None
    licenses: tuple[Annotated[str, AfterValidator(licence_id)], ...] | None = None

    def over(self, below: ContentPolicy) -> ContentPolicy:
        """What is not said here is as it was."""
        ways, kib, licences = self.max_function_complexity, self.max_binary_kib, self.licenses
        return ContentPolicy(
            max_function_complexity=below.max_function_complexity if ways is None else ways,
            max_binary_bytes=below.max_binary_bytes if kib is None else kib << 10,
            licences=below.licences if licences is None else tuple(sorted({*licences})),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Demands:
    """`policies`, as every layer may have it."""

    __pydantic_config__ = _STRICT
    node_version: Versions | None = None
    python_version: Versions | None = None
    forbid: tuple[Annotated[str, AfterValidator(forbiddable)], ...] = ()
    require: tuple[Annotated[str, AfterValidator(requirable)], ...] = ()
    rules: Annotated[dict[Annotated[str, AfterValidator(rule_id)], Severity], Field(default_factory=dict)] = (
        field(default_factory=dict)
    )
    waivers: tuple[WaiverText, ...] = ()
    contents: Contents = Contents()

    @property
    def tools(self) -> tuple[tuple[str, str], ...]:
        """(tool, versions), each once."""
        named = (("node", self.node_version), ("python", self.python_version))
        given = [(tool, versions) for tool, versions in named if versions]
        given += [found for text in self.require if (found := requirement(text))]
        return tuple(dict.fromkeys(given))

    @property
    def harder(self) -> tuple[str, ...]:
        """Rules that are to stop a change where they would warn."""
        raised = (rule for rule, severity in self.rules.items() if severity is Severity.BLOCK)
        return tuple(dict.fromkeys((*(name for name in self.require if name in REQUIRABLE), *raised)))


PolicyPath = Annotated[str, Field(pattern=r"^policies/[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}\.ya?ml$")]
"""A layer's file, named from the configuration's folder; there no change can touch it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies(Demands):
    """`policies` of the configuration. `advisories` is a folder with files of the OSV schema; `registries` are hosts by
    ecosystem; `layers` are files that tighten what stands here, each under those before it."""

    __pydantic_config__ = _STRICT
    advisories: str = ""
    registries: Annotated[dict[Ecosystem, tuple[str, ...]], Field(default_factory=dict)] = field(
        default_factory=dict
    )
    layers: tuple[PolicyPath, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerSafety:
    __pydantic_config__ = _STRICT
    protected_paths: tuple[Glob, ...] = ()
    frozen_paths: tuple[Glob, ...] = ()
    max_files: Positive | None = None
    max_changed_lines: Positive | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerPulls:
    __pydantic_config__ = _STRICT
    require_reviews: Positive | None = None
    require_code_owners: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerCi:
    __pydantic_config__ = _STRICT
    required: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerFile:
    """A layer below the configuration: `.infinity/policy.yml` of a repository, or a file in `config/policies/`."""

    __pydantic_config__ = _STRICT
    version: Literal[1]
    safety: LayerSafety = LayerSafety()
    pr_management: LayerPulls = LayerPulls()
    ci: LayerCi = LayerCi()
    policies: Demands = field(default_factory=Demands)


LAYER_FILE = TypeAdapter(LayerFile)
