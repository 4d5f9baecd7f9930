"""Versions of the programs that Penstock runs on this host."""

import re
import shutil
import subprocess

_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+){1,3}")


def version_of(program: str) -> str | None:
    """As the program itself says it; None where it is not there, or says none."""
    path = shutil.which(program)
    if path is None:
        return None
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _NUMBER.search(said.stdout[:200])
    return found[0] if found else None
