"""Links that work without a header, for a browser: a few minutes long, dead with the archive, each use recorded."""

from dataclasses import dataclass, replace
from datetime import datetime

from app.access.port import Access
from app.audit.event import By
from app.audit.ledger import Ledger
from app.exports.download import LINK_LIFETIME
from app.exports.ready import Ready, RequireReady
from app.history.event import event_of
from app.history.link import add_link, delete_old_links, find_link
from app.kit.clock import Clock
from app.kit.errors import Gone, NotFound


class LinkExpired(Gone):
    """A link works for at most five minutes, and only as long as whoever made it may download. While the export is
    ready, a new one can be made."""

    slug = "link-expired"
    title = "The link works no more"


@dataclass(frozen=True, slots=True)
class LinkArchive:
    require_ready: RequireReady
    ledger: Ledger
    access: Access
    clock: Clock

    async def make(self, by: By, data_center: str, entry_id: str) -> tuple[str, datetime]:
        """A token, and the moment until which it works. Raises what `RequireReady` does."""
        ready = await self.require_ready(by, data_center, entry_id)
        now = self.clock()
        expires_at = min(now + LINK_LIFETIME, ready.archive.expires_at)
        async with self.ledger.writing() as connection:
            await delete_old_links(connection, now)
            token = await add_link(connection, ready.entry, by, expires_at)
            await self.ledger.append(connection, event_of(ready.entry, "exports:link", by))
        return token, expires_at

    async def follow(self, token: str, address: str | None, reference: str) -> tuple[By, Ready]:
        """Who made the link, and the archive behind it. Raises NotFound, LinkExpired, and what `RequireReady` does."""
        async with self.ledger.reading() as connection:
            link = await find_link(connection, token)
        if link is None:
            raise NotFound
        by = By(link.made_by, address, reference)
        ready = await self.require_ready(by, link.data_center, str(link.entry_id))
        maker = await self.access.owner(link.key_id) if link.key_id else None
        if link.expires_at <= self.clock() or not (maker and maker.may(link.data_center, "exports:download")):
            await self.require_ready.refuse(by, ready.entry, LinkExpired())
        return replace(by, service=maker is not None and maker.service), ready
