"""How a state looks: a shape, a word and a colour, so that none of the three is needed alone."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """`colour` is a class of the style sheet."""

    shape: str
    word: str
    colour: str


_GOOD, _BAD, _BUSY, _WAIT, _WARN, _QUIET = (
    ("✓", "done"),
    ("✗", "failed"),
    ("◐", "running"),
    ("○", "queued"),
    ("!", "warning"),
    ("–", "queued"),
)
_LOOKS = {
    **dict.fromkeys(("success", "merged", "clean", "approved"), _GOOD),
    **dict.fromkeys(("failure", "error", "timed_out", "startup_failure", "dirty", "changes_requested"), _BAD),
    **dict.fromkeys(("in_progress", "pending"), _BUSY),
    **dict.fromkeys(("queued", "waiting", "requested", "unknown", "draft"), _WAIT),
    **dict.fromkeys(("action_required", "blocked", "behind", "unstable", "stale"), _WARN),
    **dict.fromkeys(("cancelled", "skipped", "neutral", "dismissed", "commented", "completed"), _QUIET),
    "open": ("●", "running"),
    "closed": ("■", "queued"),
}


def mark(*words: str | None) -> Mark:
    """The look of the first word that is there: `mark(run.conclusion, run.status)`."""
    word = next((word for word in words if word), "unknown").lower()
    shape, colour = _LOOKS.get(word, _QUIET)
    return Mark(shape=shape, word=word.replace("_", " "), colour=colour)
