"""What a running job tells, written to the store: log lines in batches, steps and annotations at once."""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime

from localforge.actions.commands import Remark
from localforge.actions.legs import Conclusion
from localforge.forge import Forge
from localforge.store import actions, checks
from localforge.store.checks import Annotation

FLUSH_SECONDS = 0.25
FLUSH_BYTES = 1 << 16
LARGEST_LOG = 64 << 20
LARGEST_SUMMARY = 1 << 16
MAX_ANNOTATIONS = 50


class StoreReporter:
    """The reporter of one job (see `execution.Reporter`). A timer flushes what a quiet step has printed."""

    def __init__(self, forge: Forge, job_id: int) -> None:
        self._forge = forge
        self._job_id = job_id
        self._lock = threading.Lock()
        self._pending: list[tuple[int, str]] = []
        self._size = 0
        self._written = 0
        self._annotations = 0
        self._timer: threading.Timer | None = None

    def step_started(self, number: int, name: str) -> None:
        """A step begins."""
        with self._forge.store.write() as tx:
            actions.start_step(tx, self._job_id, number, name, self._forge.clock())

    def step_ended(self, number: int, conclusion: Conclusion) -> None:
        """A step ends; everything it printed is readable."""
        self.flush()
        with self._forge.store.write() as tx:
            actions.end_step(tx, self._job_id, number, conclusion.value, self._forge.clock())

    def log(self, number: int, lines: Sequence[str]) -> None:
        """Lines of a step, stamped with the present time."""
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
        text = "".join(f"{stamp} {line}\n" for line in lines)
        with self._lock:
            if self._written > LARGEST_LOG:
                return
            self._written += len(text)
            if self._written > LARGEST_LOG:
                text = f"{stamp} ##[warning]The log is larger than {LARGEST_LOG >> 20} MB and ends here.\n"
            self._pending.append((number, text))
            self._size += len(text)
            full = self._size >= FLUSH_BYTES
            if not full and self._timer is None:
                self._timer = threading.Timer(FLUSH_SECONDS, self.flush)
                self._timer.daemon = True
                self._timer.start()
        if full:
            self.flush()

    def remarks(self, remarks: Sequence[Remark]) -> None:
        """Annotations of the job's check run; as on GitHub there is a limit to them."""
        kept = remarks[: max(0, MAX_ANNOTATIONS - self._annotations)]
        self._annotations += len(kept)
        if kept:
            with self._forge.store.write() as tx:
                checks.annotate(tx, self._job_id, [_annotation(item) for item in kept])

    def summary(self, text: str) -> None:
        """Append to the summary of the job's check run."""
        with self._forge.store.write() as tx:
            tx.execute(
                "UPDATE check_run SET summary = substr(coalesce(summary, '') || ?, 1, ?) WHERE id = ?",
                text,
                LARGEST_SUMMARY,
                self._job_id,
            )

    def flush(self) -> None:
        """Write what is pending."""
        with self._lock:
            pending, self._pending, self._size = self._pending, [], 0
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if pending:
                with self._forge.store.write() as tx:
                    for number, text in _joined(pending):
                        tx.insert("job_log", job_id=self._job_id, step=number, text=text)


def _joined(pending: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
    """Neighbouring pieces of the same step as one."""
    joined: list[tuple[int, str]] = []
    for number, text in pending:
        if joined and joined[-1][0] == number:
            joined[-1] = (number, joined[-1][1] + text)
        else:
            joined.append((number, text))
    return joined


def _annotation(remark: Remark) -> Annotation:
    line = remark.line or 1
    return Annotation(
        path=remark.file or ".github",
        start_line=line,
        end_line=max(line, remark.end_line or line),
        start_column=remark.column,
        end_column=remark.end_column,
        annotation_level=remark.level,
        title=remark.title,
        message=remark.message,
    )
