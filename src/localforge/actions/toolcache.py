"""The Python that a job finds on its PATH, as a hosted runner image has one: the forge's own packages, writable on top.

The forge's installation is shown read-only. A job gets a virtual environment of its own in front of it, so that
`pip install` works, and one start script per command that the installed packages offer.
"""

import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distributions
from pathlib import Path

_OURS = frozenset({"penstock"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonFiles:
    """What to put into a job's home; `path` goes to the front of its PATH."""

    path: str
    files: Mapping[str, str]
    scripts: Mapping[str, str]
    links: Mapping[str, str]


def python_files(home: str) -> PythonFiles:
    """A virtual environment below `home` that sees the packages of the running interpreter."""
    root = f"{home}/.python"
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    interpreter = str(Path(sys.executable).resolve())
    base = str(Path(interpreter).parent)
    configuration = (
        f"home = {base}\ninclude-system-site-packages = false\nversion = {sys.version.split()[0]}\n"
    )
    packages = "\n".join(dict.fromkeys((sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))))
    return PythonFiles(
        path=f"{root}/bin",
        files={
            f"{root}/pyvenv.cfg": configuration,
            f"{root}/lib/{version}/site-packages/runner.pth": packages + "\n",
        },
        scripts={
            f"{root}/bin/{name}": _script(f"{root}/bin/python", module, function)
            for name, (module, function) in _commands().items()
        },
        links={
            f"{root}/bin/python": interpreter,
            f"{root}/bin/python{sys.version_info.major}": interpreter,
            f"{root}/bin/{version}": interpreter,
        },
    )


@cache
def _commands() -> Mapping[str, tuple[str, str]]:
    """Every command of an installed package, ours apart, as module and function."""
    return {
        entry.name: (entry.module, entry.attr)
        for distribution in distributions()
        if distribution.name.lower() not in _OURS
        for entry in distribution.entry_points
        if entry.group == "console_scripts"
    }


def _script(interpreter: str, module: str, function: str) -> str:
    top = function.partition(".")[0]
    return f"#!{interpreter}\nimport sys\nfrom {module} import {top}\nsys.exit({function}())\n"
