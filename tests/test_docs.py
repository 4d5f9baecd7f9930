"""Documentation keeps up: every setting, gate, command and environment variable has its place."""

import re
from pathlib import Path

import pytest
import typer.main

from penstock.cli.app import app
from penstock.core.policy.severity import RULES
from penstock.settings import Config

ROOT = Path(__file__).parents[1]


def headings(name: str) -> set[str]:
    return {
        line.lstrip("# ").strip()
        for line in (ROOT / "docs" / name).read_text().splitlines()
        if line.startswith("#")
    }


@pytest.mark.parametrize("key", sorted(Config.model_fields))
def test_every_section_of_the_configuration_has_a_heading(key):
    assert key in headings("configuration.md")


@pytest.mark.parametrize("gate", ["G0", "G1", "G2", "G3", "G4", "G5"])
def test_every_gate_has_a_heading(gate):
    assert any(heading.startswith(f"{gate} ") for heading in headings("gates.md"))


@pytest.mark.parametrize("rule", sorted(RULES))
def test_every_rule_of_the_policy_is_named_with_its_severity(rule):
    assert f"`{rule}`" in (ROOT / "docs/policies.md").read_text()


def test_every_environment_variable_is_listed():
    readers = (
        ROOT / "src/penstock/settings.py",
        ROOT / "src/penstock/toggles.py",
        ROOT / "src/penstock/cli/summary.py",
    )
    read = {
        name
        for path in readers
        for name in re.findall(r'"((?:PENSTOCK|INFINITY|GITHUB)_[A-Z_]+)"', path.read_text())
    }
    listed = set(
        re.findall(r"`((?:PENSTOCK|INFINITY|GITHUB)_[A-Z_]+)`", (ROOT / "docs/configuration.md").read_text())
    )
    assert read == listed


def commands() -> list[str]:
    root = typer.main.get_group(app)
    groups = {name: getattr(command, "commands", {"": None}) for name, command in root.commands.items()}
    return [f"{name} {inner}".strip() for name, commands in groups.items() for inner in commands]


@pytest.mark.parametrize("name", commands())
def test_the_readme_names_every_command(name):
    words = name.split()
    readme = (ROOT / "README.md").read_text()
    assert words[0] in readme
    assert words[-1] in readme


def test_links_of_the_documents_lead_somewhere():
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")):
        for target in re.findall(r"\]\(([^)#]+)", path.read_text()):
            assert target.startswith("http") or (path.parent / target).exists(), f"{path.name}: {target}"
