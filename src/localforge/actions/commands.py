"""What a job says to its runner: `::commands::` among its output, and the files it writes names and values to.

Source: docs.github.com, "Workflow commands for GitHub Actions".
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from localforge.actions.masking import forms

_COMMAND = re.compile(r"\s*::(?P<name>[A-Za-z-]+)(?: (?P<properties>.*?))?::(?P<data>.*)", re.DOTALL)
_DATA = {"%0D": "\r", "%0A": "\n", "%25": "%"}
_PROPERTY = {**_DATA, "%3A": ":", "%2C": ","}
_HEREDOC = re.compile(r"(?P<name>[^=]*?)<<(?P<end>.+)")
LEVELS = {"notice": "notice", "warning": "warning", "error": "failure"}
LARGEST_MESSAGE = 4096
MAX_LINE = 1 << 16
MASK = "***"
MAX_MASKS = 10_000
MAX_REMARKS = 1000
# Of what a step says in commands, as of what it writes to a file.
LARGEST_SAID = 1 << 20
_OLD_WAYS = (
    "The `{}` command is deprecated and will be disabled soon. Please upgrade to using Environment Files. For more"
    " information see: https://github.blog/changelog/2022-10-11-github-actions-deprecating-save-state-and-set-output-commands/"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowCommand:
    """One `::name key=value,…::data`, unescaped; names and keys are as GitHub compares them, in lower case."""

    name: str
    properties: Mapping[str, str]
    data: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """A notice, warning or error that a step reports; `level` is the annotation's."""

    level: str
    message: str
    title: str | None = None
    file: str | None = None
    line: int | None = None
    end_line: int | None = None
    column: int | None = None
    end_column: int | None = None


class CommandFileError(Exception):
    """A line in GITHUB_ENV or GITHUB_OUTPUT that says nothing."""


def parse(line: str) -> WorkflowCommand | None:
    """The command that a line of output is, if it is one."""
    match = _COMMAND.fullmatch(line)
    if match is None:
        return None
    pairs = (entry.partition("=") for entry in (match["properties"] or "").split(",") if entry.strip())
    properties = {key.strip().lower(): _unescaped(value, _PROPERTY) for key, _, value in pairs if value}
    return WorkflowCommand(
        name=match["name"].lower(), properties=properties, data=_unescaped(match["data"], _DATA)
    )


def remark(command: WorkflowCommand) -> Remark | None:
    """The annotation that a notice, warning or error command asks for."""
    level = LEVELS.get(command.name)
    if level is None:
        return None
    properties = command.properties
    return Remark(
        level=level,
        message=command.data[:LARGEST_MESSAGE],
        title=properties.get("title"),
        file=properties.get("file"),
        line=_number(properties.get("line")),
        end_line=_number(properties.get("endline")),
        column=_number(properties.get("col")),
        end_column=_number(properties.get("endcolumn")),
    )


def read_pairs(text: str) -> dict[str, str]:
    """`NAME=value` lines and `NAME<<END … END` blocks. Raises CommandFileError."""
    pairs: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        name, equals, value = line.partition("=")
        heredoc = _HEREDOC.fullmatch(line)
        if heredoc and (not equals or "<<" in name):
            pairs[heredoc["name"]] = "\n".join(_until(lines, heredoc["end"], heredoc["name"]))
        elif equals and name:
            pairs[name] = value
        elif line.strip():
            raise CommandFileError(f"Invalid format '{line[:80]}'")
    return pairs


def _until(lines: Iterator[str], end: str, name: str) -> Iterator[str]:
    for line in lines:
        if line == end:
            return
        yield line
    raise CommandFileError(f"Invalid value for '{name}': matching delimiter not found '{end}'")


def _unescaped(text: str, table: Mapping[str, str]) -> str:
    return re.sub("|".join(table), lambda match: table[match[0].upper()], text, flags=re.IGNORECASE)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None


@dataclass(slots=True)
class OutputReader:
    """Turns a step's raw output into log lines: carries out its commands, hides its secrets.

    `remarks` collects annotations, `masks` every secret (the job's, for later steps too), `said` the outputs and the state that
    a step sets in the old way; all are bounded. `debug`: what is said for debugging is shown.
    """

    masks: set[str] = field(default_factory=set)
    remarks: list[Remark] = field(default_factory=list)
    said: "dict[str, dict[str, str]]" = field(default_factory=dict)
    debug: bool = False
    _rest: bytes = b""
    _resume: str | None = None
    _masking: re.Pattern[str] | None = None
    _size: int = 0

    def feed(self, data: bytes) -> list[str]:
        """The lines that `data` completes, as the log shows them."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_LINE:
            lines.append(self._rest)
            self._rest = b""
        return [shown for line in lines for shown in self._line(line)]

    def finish(self) -> list[str]:
        """The last line if it did not end; a command that stopped commands ends with its step."""
        rest, self._rest, self._resume = self._rest, b"", None
        return list(self._line(rest)) if rest else []

    def take(self, command: str) -> dict[str, str]:
        """What was set by `set-output` or `save-state` since this was asked last."""
        self._size = 0
        return self.said.pop(command, {})

    def hide(self, text: str) -> str:
        """`text` with every mask hidden, longest first."""
        if self._masking is None:
            longest_first = sorted(map(re.escape, self.masks), key=len, reverse=True)
            self._masking = re.compile("|".join(longest_first) or r"(?!)")
        return self._masking.sub(MASK, text)

    def add_mask(self, secret: str) -> None:
        """Hide a secret, in all its forms, from now on."""
        wanted = [form for form in forms(secret) if form.strip()]
        self.masks.update(wanted[: max(0, MAX_MASKS - len(self.masks))])
        self._masking = None

    def _line(self, raw: bytes) -> Iterator[str]:
        line = raw[:MAX_LINE].decode("utf-8", "replace").rstrip("\r")
        if self._resume is not None:
            if line.strip() == f"::{self._resume}::":
                self._resume = None
            yield self.hide(line)
            return
        command = parse(line)
        if command is None:
            yield self.hide(line)
        else:
            yield from map(self.hide, self._obey(command, line))

    def _obey(self, command: WorkflowCommand, line: str) -> tuple[str, ...]:
        noted = remark(command)
        if noted:
            if len(self.remarks) < MAX_REMARKS:
                self.remarks.append(noted)
            return (f"##[{command.name}]{command.data}",)
        match command.name:
            case "add-mask":
                self.add_mask(command.data)
                return ()
            case "stop-commands":
                self._resume = command.data.strip() or None
                return (line,)
            case "group" | "endgroup":
                return (f"##[{command.name}]{command.data}",)
            case "debug":
                return (f"##[debug]{command.data}",) if self.debug else ()
            case "echo":
                return ()
            case "set-output" | "save-state":
                return self._set(command)
            case "set-env" | "add-path":
                use = {"set-env": "GITHUB_ENV", "add-path": "GITHUB_PATH"}[command.name]
                return (
                    f"##[warning]The `{command.name}` command is disabled. Write to the file ${use}.",
                    line,
                )
            case _:
                return (line,)

    def _set(self, command: WorkflowCommand) -> tuple[str, ...]:
        name = command.properties.get("name", "")
        self._size += len(name) + len(command.data)
        if not name or self._size > LARGEST_SAID:
            return (f"##[warning]Unable to process command `{command.name}`",)
        self.said.setdefault(command.name, {})[name] = command.data
        words = _OLD_WAYS.format(command.name)
        if len(self.remarks) < MAX_REMARKS:
            self.remarks.append(Remark(level="warning", message=words))
        return (f"##[warning]{words}",)
