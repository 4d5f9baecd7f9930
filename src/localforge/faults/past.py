"""The forge as it was before its last change, for answers that are late. Kept only while a rule asks for it."""

import shutil
import threading

from localforge.forge import Forge
from localforge.integrity.keeping import link_tree


class Past:
    """A second, earlier forge beside the present one. It is read, never written to by anybody's wish."""

    def __init__(self, present: Forge) -> None:
        self._present = present
        self._folder = present.state / "past"
        self._lock = threading.Lock()
        self._forge: Forge | None = None

    def capture(self) -> None:
        """What is present now becomes the past; called before a change, outside the gate."""
        with self._lock, self._present.gate.alone(), self._present.store.quiet():
            self._forget()
            self._folder.mkdir()
            self._present.store.copy_to(self._folder / "forge.sqlite")
            link_tree(self._present.state / "git", self._folder / "git")
            self._forge = Forge(self._folder, self._present.settings, self._present.clock)
            self._forge.origin = self._present.origin

    def forge(self) -> Forge | None:
        """The forge as it was; None when nothing has changed since a rule asked for it."""
        with self._lock:
            return self._forge

    def close(self) -> None:
        """Forget it."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        if self._forge:
            self._forge.close()
            self._forge = None
        shutil.rmtree(self._folder, ignore_errors=True)
