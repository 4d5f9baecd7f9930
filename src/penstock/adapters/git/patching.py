"""A patch as git applies it: to a temporary index at an exact base, its new objects in quarantine.

The text of a patch is never read by us: what matters is the tree that comes of it.
"""

import tempfile

from penstock.adapters.git.command import Git
from penstock.adapters.git.objects import quarantine
from penstock.core.refs import Sha
from penstock.ports import Permanent

MAX_BYTES = 64 << 20


def apply_patch(git: Git, base: Sha, patch: bytes) -> Sha:
    """The tree that a patch makes of a commit's. Nothing else changes, and where it does not apply nothing at all.

    Raises Permanent `not_applicable` with git's reason, `too_large` above 64 MiB.
    """
    if len(patch) > MAX_BYTES:
        raise Permanent("too_large", f"the patch has more than {MAX_BYTES >> 20} MiB")
    with quarantine(git) as apart, tempfile.TemporaryDirectory(prefix="index-", dir=git.directory) as place:
        indexed = apart.git.with_environment(GIT_INDEX_FILE=f"{place}/index")
        indexed.run("read-tree", base)
        ended = indexed.end("apply", "--cached", "--whitespace=nowarn", "-", stdin=patch)
        if ended.code:
            raise Permanent("not_applicable", f"git does not apply this patch: {ended.complaint}")
        made = indexed.end("write-tree")
        if made.code:
            raise Permanent("not_applicable", f"git makes no tree of this patch: {made.complaint}")
        apart.promote()
        return Sha(made.output.decode().strip())
