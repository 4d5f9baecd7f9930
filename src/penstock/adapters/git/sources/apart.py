"""Asking the reading process. It is started when it is first needed, and ended by force where it takes too long."""

import atexit
import json
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from threading import Lock, Timer

from pydantic import TypeAdapter, ValidationError

import penstock
from penstock.adapters.git.sources.questions import Answer, Asked, PackageQuestion, TextQuestion

_ANSWER = TypeAdapter(Answer)
_PACKAGES = Path(penstock.__file__).parents[1]
_MAIN = "import sys; sys.path.insert(0, sys.argv[1]); from penstock.adapters.git.sources.serving import serve; serve()"
GRACE = 5
"""Seconds after which the process ends itself if nobody did."""


class Apart:
    """One process at most, one question at a time. It sees no environment, and ends with this process."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = Lock()

    def ask(self, question: PackageQuestion | TextQuestion, seconds: float) -> Answer:
        """An answer with a problem where there is none in time, or where the process ended over the question."""
        asked = Asked(
            seconds=int(seconds) + GRACE,
            package=question if isinstance(question, PackageQuestion) else None,
            text=question if isinstance(question, TextQuestion) else None,
        )
        line = json.dumps(asdict(asked)).encode() + b"\n"
        with self._lock:
            return self._answer(line, seconds)

    def _answer(self, line: bytes, seconds: float) -> Answer:
        process = self._started()
        assert process.stdin is not None, "it is a pipe"  # noqa: S101
        assert process.stdout is not None, "it is a pipe"  # noqa: S101
        watch = Timer(max(seconds, 0), process.kill)
        watch.daemon = True
        watch.start()
        try:
            process.stdin.write(line)
            process.stdin.flush()
            return _ANSWER.validate_json(process.stdout.readline())
        except (BrokenPipeError, ValidationError):
            self.end()
            late = "too long for its parser" if process.returncode == -9 else "its parser ended over it"
            return Answer(problem=late)
        finally:
            watch.cancel()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", _MAIN, str(_PACKAGES)],
                env={"LC_ALL": "C.UTF-8"},
                cwd="/",
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            atexit.register(self.end)
        return self._process

    def end(self) -> None:
        """The process, if there is one; the next question starts another."""
        process, self._process = self._process, None
        if process is None:
            return
        atexit.unregister(self.end)
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            with suppress(BrokenPipeError):
                if stream:
                    stream.close()


APART = Apart()
"""This process' one."""
