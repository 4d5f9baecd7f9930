"""The break-glass toggles, as they are set now in `.env` and the environment: two holders of equal rank."""

from collections.abc import Mapping
from dataclasses import replace

from penstock.core.policy.rules import Holder
from penstock.settings import dotenv, surroundings


def toggle_holders() -> tuple[Holder, ...]:
    """Where the break-glass toggles are set, as they are now: `.env` and the environment, two holders of equal rank."""
    try:
        return (_holder(".env", dotenv()), _holder("environment", surroundings()))
    except (OSError, UnicodeDecodeError):
        return (Holder(name=".env", readable=False), _holder("environment", surroundings()))


def _holder(name: str, given: Mapping[str, str]) -> Holder:
    """The break-glass toggles as one place sets them; a value that cannot be read counts as stopped."""
    problems: list[str] = []

    def flag(variable: str) -> bool | None:
        text = given.get(variable, "").strip().lower()
        if text not in {"", "true", "false", "1", "0", "yes", "no"}:
            problems.append(variable)
        return text in {"true", "1", "yes"} if text else None

    ceiling = given.get("INFINITY_MAX_PRS_PER_DAY", "").strip()
    if ceiling and not ceiling.isdecimal():
        problems.append("INFINITY_MAX_PRS_PER_DAY")
    holder = Holder(
        name=name,
        autonomy=flag("INFINITY_AUTONOMY_ENABLED"),
        automerge=flag("INFINITY_AUTOMERGE_ENABLED"),
        quarantine=flag("INFINITY_QUARANTINE_MODE"),
        max_prs_per_day=int(ceiling) if ceiling.isdecimal() else None,
    )
    return replace(holder, readable=not problems)
