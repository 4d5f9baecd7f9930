"""What rendering needs to know."""

from dataclasses import dataclass
from functools import cached_property

from localforge.access import ANONYMOUS, Actor
from localforge.forge import Forge
from localforge.store import accounts
from localforge.store.accounts import Account, MemberRole
from localforge.store.database import Db
from localforge.store.repos import Repository
from localforge.urls import Urls


@dataclass(frozen=True, kw_only=True)
class View:
    """The forge to look things up in, the addresses to show, and who looks (nobody, for a webhook)."""

    forge: Forge
    urls: Urls
    actor: Actor = ANONYMOUS

    @property
    def db(self) -> Db:
        """The store's reader."""
        return self.forge.store.db

    @cached_property
    def _accounts(self) -> dict[int, Account]:
        return {}

    def account(self, account_id: int) -> Account:
        """The account with this id, read once per view."""
        account = self._accounts.get(account_id)
        if account is None:
            account = self._accounts[account_id] = accounts.by_id(self.db, account_id)
        return account

    @cached_property
    def _memberships(self) -> dict[tuple[int, int], MemberRole | None]:
        return {}

    def member_role(self, org_id: int, user_id: int) -> MemberRole | None:
        """The user's role in the organization, read once per view."""
        asked = (org_id, user_id)
        if asked not in self._memberships:
            self._memberships[asked] = accounts.member_role(self.db, org_id, user_id)
        return self._memberships[asked]

    def full_name(self, repo: Repository) -> str:
        """`owner/name`."""
        return f"{self.account(repo.owner_id).login}/{repo.name}"
