"""Does a locked version meet what a manifest asks for."""

import re

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion

from penstock.core.dependencies.facts import UNTOLD, Ecosystem, Locked, Requirement
from penstock.core.dependencies.versions import semantic_order


def meets(ecosystem: Ecosystem, requirement: Requirement, package: Locked) -> bool | None:
    """None where nobody here can tell: a language of requirements that is not read, or no plain version."""
    if package.local or not package.version or requirement.wanted in {"", UNTOLD}:
        return None
    match ecosystem:
        case Ecosystem.PYPI:
            return _pypi(requirement.wanted, package.version)
        case Ecosystem.CRATES:
            parts = [_cargo(part.strip(), package.version) for part in requirement.wanted.split(",")]
            return None if None in parts else all(parts)
        case _:
            return None


def _pypi(wanted: str, version: str) -> bool | None:
    try:
        return SpecifierSet(wanted).contains(version, prereleases=True)
    except (InvalidSpecifier, InvalidVersion):
        return None


_COMPARATOR = re.compile(r"(\^|~|=|>=|<=|>|<|)\s*(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?(-[0-9A-Za-z.-]+)?")


def _cargo(wanted: str, version: str) -> bool | None:
    """One comparator (The Cargo Book, "Specifying Dependencies"); without an operator it is a caret's."""
    match = _COMPARATOR.fullmatch(wanted)
    if not match:
        return None
    kind, major, minor, patch = match[1] or "^", int(match[2]), match[3], match[4]
    lowest = f"{major}.{minor or 0}.{patch or 0}{match[5] or ''}"
    above, below = (semantic_order(version, text) for text in (lowest, _bound(kind, major, minor, patch)))
    if above is None or below is None:
        return None
    whole = patch is not None
    return {
        "^": above >= 0 and below < 0,
        "~": above >= 0 and below < 0,
        "=": above == 0 if whole else above >= 0 and below < 0,
        ">=": above >= 0,
        "<": above < 0,
        ">": above > 0 if whole else below >= 0,
        "<=": above <= 0 if whole else below < 0,
    }[kind]


def _bound(kind: str, major: int, minor: str | None, patch: str | None) -> str:
    """The first version that is too new for what begins with these numbers."""
    if minor is None or (kind == "^" and major):
        return f"{major + 1}.0.0"
    if kind == "^" and patch is not None and not int(minor):
        return f"0.0.{int(patch) + 1}"
    return f"{major}.{int(minor) + 1}.0"
