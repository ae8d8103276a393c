"""GET /v1/me, and the guard that every other room's endpoints stand behind."""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import Field

from app.access.port import Access, Administrator, Forbidden, Permission, key_id_of
from app.access.public_keys import PublicKeys
from app.access.sessions import Sessions, is_csrf
from app.audit.event import UNKNOWN, By
from app.audit.refusals import Refusals
from app.kit.documented import answer, problems
from app.kit.errors import Exceeded, Failure, NotFound
from app.kit.http import CheckedRoute, Guard, reference
from app.kit.problem import Unauthenticated, answer_failure
from app.kit.sign import ALGORITHM
from app.kit.view import Moment, View

COOKIE, CSRF = "dossier_session", "x-csrf-token"


class DataCenterAccess(View):
    id: str
    title: str
    permissions: list[str]


class Me(View):
    name: str
    data_centers: list[DataCenterAccess]


class PublicKeyView(View):
    id: Annotated[str, Field(description="As signatures name it: the start of the key's SHA-256, in hex.")]
    algorithm: Annotated[str, Field(description="RFC 8032.")] = ALGORITHM
    key: Annotated[str, Field(description="32 bytes, in base64url without padding.")]
    first_used_at: Moment


class PublicKeysView(View):
    keys: Annotated[list[PublicKeyView], Field(description="The one that signs now comes first.")]


class Gatekeeper:
    """Makes guards. Knows the data centers by id and title; refusals go into the audit trail."""

    def __init__(self, access: Access, sessions: Sessions, titles: Mapping[str, str], refusals: Refusals) -> None:
        self._access, self._sessions, self._refusals, self.titles = access, sessions, refusals, titles

    def requires(self, permission: Permission) -> Any:
        """A dependency for a route: admits whoever has the permission in the data center of the path."""
        return Depends(_Requires(self, permission))

    def identifies(self) -> Any:
        """A dependency for a route without a data center: admits whoever has a valid key."""
        return Depends(_Identified(self))

    async def identify(self, request: Request) -> Administrator:
        """By the key; else by the console's cookie. A browser sends that along whoever wrote the page, so it counts
        only with a header that no other site can send."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme:
            found = await self._access.authenticate(token.strip()) if scheme.lower() == "bearer" else None
        else:
            found = await self._signed_in(request)
        if found is not None:
            return found
        # Who presents nothing is asked for a key, and was not refused with one.
        if scheme or COOKIE in request.cookies:
            self.expects_stranger(request, key_id_of(token.strip()))
        raise Unauthenticated

    def expects_stranger(self, request: Request, key_id: str = "") -> None:
        """If this request is refused, nobody knows to whom. The key's id is what they claim it to be."""
        request.state.by = By(UNKNOWN, address_of(request), reference(request))
        request.state.key_id = key_id

    async def answer(self, request: Request, error: Exception) -> Response:
        """For every failure, of whatever room."""
        await self.record(request, error)
        return await answer_failure(request, error)

    async def record(self, request: Request, error: Exception) -> None:
        """Refusals leave their trace here."""
        by: By | None = getattr(request.state, "by", None)
        if by and isinstance(error, Failure) and error.is_refusal:
            data_center = request.path_params.get("data_center")
            here = data_center if data_center in self.titles else None
            details = {"limit": error.limit} if isinstance(error, Exceeded) else self._details(request)
            await self._refusals.record(by, here, {"problem": error.slug, **details})

    def _details(self, request: Request) -> dict[str, str]:
        """Nothing of what was sent, but the id of a key that exists or did."""
        if permission := getattr(request.state, "refused", None):
            return {"permission": permission}
        key_id = getattr(request.state, "key_id", "")
        return {"key": key_id} if self._access.existed(key_id) else {}

    async def _signed_in(self, request: Request) -> Administrator | None:
        secret, csrf = request.cookies.get(COOKIE), request.headers.get(CSRF)
        session = await self._sessions.find(secret) if secret and csrf else None
        return session.administrator if session and is_csrf(session, csrf or "") else None


class _Requires(Guard):
    def __init__(self, keeper: Gatekeeper, permission: Permission) -> None:
        super().__init__()
        self._keeper, self._permission = keeper, permission

    async def admit(self, request: Request) -> None:
        administrator = await self._keeper.identify(request)
        data_center = request.path_params["data_center"]
        request.state.by = By(
            administrator.name, address_of(request), reference(request), administrator.key_id, administrator.service
        )
        if data_center not in self._keeper.titles or data_center not in administrator.data_centers:
            raise NotFound
        if not administrator.may(data_center, self._permission):
            request.state.refused = self._permission
            raise Forbidden


def address_of(request: Request) -> str | None:
    """Where the request came from. Behind a proxy a header says so, and whoever writes it can write anything."""
    try:
        return str(ip_address(request.client.host.partition("%")[0])) if request.client else None
    except ValueError:
        return None


class _Identified(Guard):
    def __init__(self, keeper: Gatekeeper) -> None:
        super().__init__()
        self._keeper = keeper

    async def admit(self, request: Request) -> None:
        request.state.administrator = await self._keeper.identify(request)


async def acting(request: Request) -> By:
    """Who acts. A guard has admitted them before FastAPI looks at dependencies such as this one."""
    by: By = request.state.by
    return by


Acting = Annotated[By, Depends(acting)]
DataCenterId = Annotated[str, Path(description="The data center's id, as `/v1/me` lists it.")]


def routes(keeper: Gatekeeper) -> APIRouter:
    router = APIRouter(route_class=CheckedRoute, tags=["access"])

    @router.get(
        "/v1/me", summary="Who I am", dependencies=[keeper.identifies()],
        responses=problems(Unauthenticated) | answer(200, "Who the key belongs to, and what it may do where."),
    )  # fmt: skip
    async def me(request: Request) -> Me:
        """The name behind the key, and its data centers with the permissions in each."""
        administrator: Administrator = request.state.administrator
        centers = [
            DataCenterAccess(id=one, title=keeper.titles[one], permissions=list(permissions))
            for one, permissions in sorted(administrator.data_centers.items())
            if one in keeper.titles
        ]
        return Me(name=administrator.name, data_centers=centers)

    return router


def public_key_routes(public_keys: PublicKeys) -> APIRouter:
    router = APIRouter(route_class=CheckedRoute, tags=["service"])

    @router.get(
        "/v1/keys", summary="The public keys of signatures",
        responses=problems() | answer(200, "Those of now and of before."),
    )  # fmt: skip
    async def list_public_keys() -> PublicKeysView:
        """What the manifests of archives are signed with. No key is needed to see them: they are for everybody."""
        listed = await public_keys.listed()
        return PublicKeysView(keys=[PublicKeyView.model_validate(one, from_attributes=True) for one in listed])

    return router
