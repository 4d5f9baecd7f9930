"""The part of the configuration that judges what changed files hold: `policies.contents`."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from penstock.core.policy.rules import ContentPolicy
from penstock.core.sources.licences import licence_id

Licence = Annotated[str, AfterValidator(licence_id)]


class Contents(BaseModel):
    """`licenses`: SPDX ids that added files may name; None: any, and only strong copyleft is pointed out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_function_complexity: Annotated[int, Field(ge=1, le=1_000_000)] = 40
    max_binary_kib: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    licenses: tuple[Licence, ...] | None = None

    @property
    def policy(self) -> ContentPolicy:
        return ContentPolicy(
            max_function_complexity=self.max_function_complexity,
            max_binary_bytes=self.max_binary_kib << 10,
            licences=None if self.licenses is None else tuple(sorted({*self.licenses})),
        )
