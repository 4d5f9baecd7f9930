"""What a job's token may do: it acts as the account of Actions itself, writes its own repository alone, and as far as `permissions` says.

Source: docs.github.com, "Controlling permissions for GITHUB_TOKEN" and "GITHUB_TOKEN".
"""

from collections.abc import Mapping

from localforge.access import Role, role_on
from localforge.forge import Forge
from localforge.store import accounts, repos
from localforge.store.accounts import ACTIONS_BOT
from localforge.store.actions import RunRow
from localforge.store.database import Db, Tx

READ = "read"


def is_job(db: Db, account_id: int) -> bool:
    """Whether this account is the one that jobs act as."""
    return accounts.by_id(db, account_id).login == ACTIONS_BOT


def permissions(granted: Mapping[str, str], *, trusted: bool) -> dict[str, str]:
    """What the job's token may do, by permission as the API names it. A stranger's pull request only reads."""
    limited = {
        name.replace("-", "_"): level if trusted else READ
        for name, level in granted.items()
        if level != "none"
    }
    return {**limited, "metadata": READ}


def readable(db: Db, run: RunRow) -> list[int]:
    """The repositories that the token reaches: its own and the owner's others that the run's actor can read."""
    own = repos.by_id(db, run.repo_id)
    if own is None:
        raise LookupError(f"run {run.id} has lost its repository")
    if run.untrusted:
        return [own.id]
    actor = accounts.by_id(db, run.triggering_actor_id)
    siblings = repos.of_owner(db, own.owner_id)
    return [repo.id for repo in siblings if repo.id == own.id or role_on(db, repo, actor) >= Role.READ]


def bot_id(forge: Forge, tx: Tx) -> int:
    """The account of Actions; made when it is first needed."""
    present = accounts.by_login(tx, ACTIONS_BOT)
    at = forge.clock()
    return (
        present.id
        if present
        else tx.insert("account", login=ACTIONS_BOT, kind="Bot", created_at=at, updated_at=at)
    )
