"""Sections of the configuration that say who may act alone, and when nobody may."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from penstock.core.policy.rules import Reserved, Separation

ClassName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,38}$")]


MOST = 1_000_000
"""Of anything that is counted, days and minutes too: sums of times stay times."""
Positive = Annotated[int, Field(ge=1, le=MOST)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Autonomy(Section):
    """`classes`: globs over repository names by class, of which the first that fits counts, else `other`.

    `quarantine_after`: so many failures in a row, and Penstock quarantines itself.
    """

    classes: dict[ClassName, tuple[str, ...]] = {}
    quarantine_after: Annotated[int, Field(ge=1, le=1000)] = 5


class BreakGlass(Section):
    """The break-glass toggles as this file sets them; what is left out is unset. `exclude`: holders that are not asked."""

    autonomy_enabled: bool | None = None
    automerge_enabled: bool | None = None
    max_prs_per_day: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    quarantine_mode: bool | None = None
    exclude: tuple[Literal["organization", "repository"], ...] = ()


class Safety(Section):
    human_approval_required: tuple[Reserved, ...] = tuple(Reserved)
    max_api_cost_per_day: Annotated[float, Field(ge=0)] = 50.0
    rollback_on_test_failure: bool = True
    protected_paths: tuple[str, ...] = (".env*", ".github/**", "**/CODEOWNERS")
    frozen_paths: tuple[str, ...] = ()
    separation_of_duties: Separation = Separation.AUTO
    approval_expires_days: Positive = 14
    max_files: Positive = 500
    max_changed_lines: Positive = 20_000
