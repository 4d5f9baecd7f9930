"""The break-glass toggles as places of this machine set them now: `.env`, the environment, the configuration's file.

Each place is a holder, all of equal rank; what a forge and the ledger hold is put beside them in `bootstrap`.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter

from penstock.core.document import MAX_BYTES, Rejected, parse
from penstock.core.policy.rules import Holder
from penstock.sections import BreakGlass, Section
from penstock.settings import dotenv, surroundings

CONFIGURATION = "configuration"


def toggle_holders() -> tuple[Holder, ...]:
    """`.env` and the environment, as they are now."""
    try:
        return (holder_of(".env", dotenv()), holder_of("environment", surroundings()))
    except (OSError, UnicodeDecodeError) as error:
        return (
            Holder(name=".env", readable=False, said=str(error)),
            holder_of("environment", surroundings()),
        )


def holder_of(name: str, given: Mapping[str, str]) -> Holder:
    """The toggles as variables of one place set them; a value that cannot be read counts as stopped."""
    problems: list[str] = []

    def flag(variable: str) -> bool | None:
        text = given.get(variable, "").strip().lower()
        if text not in {"", "true", "false", "1", "0", "yes", "no"}:
            problems.append(f"{variable} is neither true nor false")
        return text in {"true", "1", "yes"} if text else None

    ceiling = given.get("INFINITY_MAX_PRS_PER_DAY", "").strip()
    number = ceiling.isascii() and ceiling.isdecimal() and len(ceiling) < 10
    if ceiling and not number:
        problems.append("INFINITY_MAX_PRS_PER_DAY is no number")
    holder = Holder(
        name=name,
        autonomy=flag("INFINITY_AUTONOMY_ENABLED"),
        automerge=flag("INFINITY_AUTOMERGE_ENABLED"),
        quarantine=flag("INFINITY_QUARANTINE_MODE"),
        max_prs_per_day=int(ceiling) if number else None,
    )
    return replace(holder, readable=not problems, said="; ".join(problems))


class _TogglesAlone(Section):
    """The section as it is now, whatever the rest of the file has become since it was read."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    toggles: BreakGlass = BreakGlass()


_ALONE = TypeAdapter(_TogglesAlone)


class ConfigHolder:
    """The section `toggles` of the configuration's file, read again whenever the file has changed."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._holder = Holder(name=CONFIGURATION)

    def __call__(self) -> Holder:
        if self._path is None:
            return self._holder
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            if stamp != self._seen:
                with self._path.open("rb") as file:
                    self._holder = _in_file(file.read(MAX_BYTES + 1))
                self._seen = stamp
        except OSError as error:
            return Holder(name=CONFIGURATION, readable=False, said=f"{self._path}: {error.strerror}")
        return self._holder


def _in_file(raw: bytes) -> Holder:
    found = parse(raw, _ALONE)
    if isinstance(found, Rejected):
        return Holder(name=CONFIGURATION, readable=False, said=found.problems[0].shown(CONFIGURATION))
    given = found.toggles
    return Holder(
        name=CONFIGURATION,
        autonomy=given.autonomy_enabled,
        automerge=given.automerge_enabled,
        max_prs_per_day=given.max_prs_per_day,
        quarantine=given.quarantine_mode,
    )
