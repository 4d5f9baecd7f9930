"""Applying a recipe's rules to a checkout: plain text work, which needs no sandbox."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import assert_never

from penstock.adapters.agents.definition import RenameFile, Replace, Rule
from penstock.core.proposal import matches_any


class RuleFailed(Exception):
    """A rule cannot be applied; the message is a sentence for a person."""


def apply_rules(rules: Sequence[Rule], folder: Path) -> None:
    """One after the other. Links are neither followed nor changed. Raises RuleFailed."""
    for rule in rules:
        match rule.step:
            case Replace() as step:
                _replace(step, folder)
            case RenameFile() as step:
                _rename(step, folder)
            case never:
                assert_never(never)


def _replace(step: Replace, folder: Path) -> None:
    word = re.compile(rf"(?<!\w){re.escape(step.word)}(?!\w)")
    for path in _files(folder):
        if not matches_any(path.relative_to(folder).as_posix(), step.files):
            continue
        try:
            before = path.read_bytes().decode()
        except UnicodeDecodeError:
            continue  # not text, so it has no words
        after = word.sub(lambda _: step.new, before)
        if after != before:
            path.write_bytes(after.encode())


def _rename(step: RenameFile, folder: Path) -> None:
    """Done already, or nothing to do, where only the new name is there, or neither."""
    old, new = folder / step.old, folder / step.new
    if not os.path.lexists(old):
        return
    if os.path.lexists(new):
        raise RuleFailed(f"cannot rename {step.old} to {step.new}: both are there")
    new.parent.mkdir(parents=True, exist_ok=True)
    old.rename(new)


def _files(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent) / name
            if path.is_file() and not path.is_symlink():
                yield path
