"""What one repository publishes and depends on, read from its Python project file."""

import re
from dataclasses import dataclass

import tomli

PROJECT_FILE = "pyproject.toml"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Normalized package names (PEP 503). `problem`: why the file could not be read, else empty."""

    publishes: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()
    problem: str = ""


def read_manifest(project_file: bytes | None) -> Manifest:
    """The `[project]` table's name, dependencies and optional dependencies (PEP 621); no file publishes nothing."""
    if project_file is None:
        return Manifest()
    try:
        project = tomli.loads(project_file.decode()).get("project", {})
        needs = [
            *project.get("dependencies", []),
            *(d for g in project.get("optional-dependencies", {}).values() for d in g),
        ]
        return Manifest(
            publishes=frozenset({normalized(project["name"])} if "name" in project else ()),
            needs=frozenset(found for d in needs if (found := _requirement(d))),
        )
    except (ValueError, AttributeError, TypeError) as error:
        return Manifest(problem=f"{PROJECT_FILE}: {error}")


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _requirement(text: str) -> str | None:
    match = _NAME.match(text.strip())
    return normalized(match.group()) if match else None
