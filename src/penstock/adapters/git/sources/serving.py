"""The process that reads sources of strangers: a question a line in, an answer a line out, until there is no more."""

import json
import resource
import signal
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from penstock.adapters.git.sources.questions import Answer, PackageQuestion, TextQuestion
from penstock.core.sources.api import Language

MEMORY = 2 << 30
"""Bytes of address space."""


def serve() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        signal.alarm(asked["seconds"])  # its end, if whoever asked is no longer there to do it
        sys.stdout.write(json.dumps(asdict(_answer(asked)), separators=(",", ":")) + "\n")
        sys.stdout.flush()
        signal.alarm(0)


def _answer(asked: Mapping[str, Mapping[str, Any] | None]) -> Answer:
    try:
        if given := asked["package"]:
            from penstock.adapters.git.sources.packages import compared

            return compared(PackageQuestion(**given))
        if given := asked["text"]:
            from penstock.adapters.git.sources.exports import exported

            return exported(TextQuestion(language=Language(given["language"]), text=given["text"]))
    except RecursionError:
        return Answer(problem="nested too deeply to read")
    except MemoryError:
        return Answer(problem="too large to read")
    return Answer(problem="nothing was asked")
