"""What the rest of the house knows of access: a token becomes an administrator with permissions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

from app.kit.errors import Conflict, Denied

Permission = Literal[
    "visitors:search",
    "exports:create",
    "exports:download",
    "exports:revoke",
    "erasures:create",
    "erasures:approve",
    "history:read",
    "audit:read",
]
Role = Literal["administrator", "auditor"]
PERMISSIONS: tuple[Permission, ...] = get_args(Permission)
# Who may erase is said by name, of each key.
ROLES: Mapping[Role, tuple[Permission, ...]] = {
    "administrator": tuple(one for one in PERMISSIONS if not one.startswith("erasures:")),
    "auditor": ("history:read", "audit:read"),
}


class Forbidden(Denied):
    """The key is valid, but it does not include this. An administrator may do everything but erase, an auditor read the
    history and the audit trail; `python -m app keys create` decides, by `--role` and `--may`."""

    slug = "forbidden"
    title = "This key may not do that"
    is_refusal = True


class PermissionLost(Conflict):
    """Between the request and its turn, the administrator lost the right to it: the key was revoked, expired,
    or no longer holds the data center."""

    slug = "permission-lost"
    title = "The administrator may not do that any more"


@dataclass(frozen=True, slots=True)
class Administrator:
    """The authenticated person or service: a name that is unique per service, by which key, and what it may do where.

    A name may be given again once its key is revoked, and then to somebody else; a key's id never is.
    """

    name: str
    key_id: str
    data_centers: Mapping[str, tuple[Permission, ...]]
    # Another service, whose limits are higher than a person's.
    service: bool = False

    def may(self, data_center: str, permission: Permission) -> bool:
        return permission in self.data_centers.get(data_center, ())


def key_id_of(token: str) -> str:
    """The part of `dossier_<id>_<secret>` that is no secret."""
    return token.partition("_")[2].partition("_")[0]


class Access(Protocol):
    async def authenticate(self, token: str) -> Administrator | None:
        """Whose token this is, or None."""

    async def owner(self, key_id: str) -> Administrator | None:
        """Whose key this is, if it is a live one; for who has proved before that it is theirs."""

    def existed(self, key_id: str) -> bool:
        """Whether there is or was such a key, live or not; for a token that `authenticate` was just asked about."""

    async def known(self, name: str) -> Administrator | None:
        """The administrator of that name as of now, or None if there is none any more."""
