"""How a `run` script becomes a command line, per shell.

Source: docs.github.com, "Workflow syntax", `jobs.<job_id>.steps[*].shell`.
"""

import shlex
from dataclasses import dataclass

_BUILT_IN = {
    "": ("bash -e {0}", "sh"),
    "bash": ("bash --noprofile --norc -eo pipefail {0}", "sh"),
    "sh": ("sh -e {0}", "sh"),
    "python": ("python {0}", "py"),
}
_OTHER_PLATFORMS = frozenset({"pwsh", "powershell", "cmd"})


class ShellError(Exception):
    """A shell that cannot be used here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """`template` is the command line with `{0}` for the script's path, as the log shows it."""

    template: str
    extension: str

    def argv(self, script: str) -> list[str]:
        return [part.replace("{0}", script) for part in shlex.split(self.template)]


def shell(name: str) -> Shell:
    """The shell of this name, or of this custom command line. Raises ShellError."""
    name = name.strip()
    if name in _BUILT_IN:
        template, extension = _BUILT_IN[name]
        return Shell(template=template, extension=extension)
    if name.split(maxsplit=1)[0] in _OTHER_PLATFORMS:
        raise ShellError(f"The shell '{name}' is unsupported on the local runner")
    if "{0}" not in name:
        raise ShellError(
            f"Invalid shell option. Shell must be a valid built-in (bash, sh, python) or a format string containing '{{0}}': {name}"
        )
    try:
        shlex.split(name)
    except ValueError as error:
        raise ShellError(f"Invalid shell option '{name}': {error}") from error
    return Shell(template=name, extension="sh")
