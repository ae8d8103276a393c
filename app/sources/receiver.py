"""A receiver of webhooks as `center.toml` names it: where, what, with which secrets, and into which networks."""

from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.kit.environment import secret_of

Event = Literal["export.ready", "export.failed", "export.expired"]
Network = IPv4Network | IPv6Network
EVENTS: tuple[Event, ...] = ("export.ready", "export.failed", "export.expired")
_PREFIX = "whsec_"
# As Standard Webhooks ask of a secret.
_LEAST_BYTES, _MOST_BYTES = 24, 64


@dataclass(frozen=True, slots=True)
class Receiver:
    """`secrets` sign, each by itself: two while one takes over from the other."""

    data_center: str
    name: str
    url: str
    secrets: tuple[str, ...]
    events: tuple[Event, ...]
    allow: tuple[Network, ...]
    ca_file: Path | None


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme != "https" or not parts.hostname or parts.username or parts.fragment:
        raise ValueError("must be an https:// address without user, password and fragment")
    return text


def _network(text: str) -> str:
    ip_network(text)
    return text


class ReceiverMapping(BaseModel):
    """One `[[webhooks]]` of `center.toml`. Secrets are names of environment variables."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
    url: Annotated[str, AfterValidator(_url)]
    secrets: Annotated[list[str], Field(min_length=1, max_length=2)]
    events: Annotated[list[Event], Field(min_length=1)] = list(EVENTS)
    allow: list[Annotated[str, AfterValidator(_network)]] = []
    ca_file: str | None = None

    def receiver(self, data_center: str, folder: Path, environ: Mapping[str, str]) -> Receiver:
        """Raises ValueError with what is wrong, never with a secret."""
        ca_file = folder / self.ca_file if self.ca_file else None
        if ca_file and not ca_file.is_file():
            raise ValueError(f"ca_file: there is no file {ca_file}")
        secrets = tuple(_secret(name, secret_of(environ, name)) for name in self.secrets)
        allow = tuple(ip_network(one) for one in self.allow)
        return Receiver(data_center, self.name, self.url, secrets, tuple(self.events), allow, ca_file)


def _secret(name: str, value: str) -> str:
    """`whsec_` and Base64, as Standard Webhooks write one."""
    try:
        size = len(b64decode(value.removeprefix(_PREFIX), validate=True)) if value.startswith(_PREFIX) else 0
    except (NotBase64, ValueError):
        size = 0
    if not _LEAST_BYTES <= size <= _MOST_BYTES:
        raise ValueError(
            f"secrets: the environment variable {name} must hold whsec_ and {_LEAST_BYTES} to {_MOST_BYTES} bytes in "
            f"Base64; make one with: echo whsec_$(openssl rand -base64 32)"
        )
    return value
