"""Actions of other repositories, and of a commit without a checkout: found in this forge, brought into the sandbox."""

from localforge.actions import sources
from localforge.actions.builtins import transfer
from localforge.actions.legs import Conclusion
from localforge.actions.steps import Bench, Folder, Packed, StepError
from localforge.forge import Forge
from localforge.signing import archive
from localforge.store import repos
from localforge.store.actions import RunRow

FORM = "legacy.tar.gz"


def found(forge: Forge, run: RunRow, uses: str, origin: str) -> Packed | None:
    """The action that a file from `origin` (`repository:commit`, empty: the run's own) names; None when it may not use any."""
    db = forge.store.db
    if uses.startswith(sources.OWN):
        path = uses.removeprefix(sources.OWN).strip("/")
        source = sources.own(db, origin or f"{run.repo_id}:{run.sha}", path)
    else:
        user = repos.by_id(db, run.repo_id)
        source = sources.of_another(forge, db, user, uses) if user else None
    if source is None:
        return None
    return Packed(
        name=source.name,
        path=source.path,
        ref=source.ref,
        sha=source.sha,
        origin=source.origin,
        address="/" + archive(source.repo.id, FORM, source.sha) if source.sha else "",
    )


def fetch(uses: str, bench: Bench) -> Folder:
    """The folder of the action; its repository is brought in once for a job. Raises StepError, SandboxError."""
    packed = bench.find(uses)
    if packed is None:
        name = "/".join(uses.partition("@")[0].split("/")[:2])
        words = "" if "://" in uses else f": this forge has no {name} that the workflow may use"
        raise StepError(f"The action {uses} is unsupported on the local runner{words}")
    if not packed.sha:
        raise StepError(f"Unable to resolve action `{uses}`, unable to find version `{packed.ref}`")
    root = f"{bench.place.actions}/{packed.name}/{packed.ref}"
    if root not in bench.fetched:
        bench.say(f"Download action repository '{packed.name}@{packed.ref}' (SHA:{packed.sha})")
        outcome = transfer("unpack", {"address": packed.address, "target": root}, bench)
        if outcome.conclusion is not Conclusion.SUCCESS:
            raise StepError(f"Unable to download action `{uses}`")
        bench.fetched.add(root)
    return Folder(uses=uses, path=f"{root}/{packed.path}".rstrip("/"), packed=packed)
