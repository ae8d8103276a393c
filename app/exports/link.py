"""Links that work without a header, for a browser: a few minutes long, dead with the archive, each use recorded."""

from dataclasses import dataclass
from datetime import datetime

from app.access.port import Access
from app.audit.event import By
from app.audit.ledger import Ledger
from app.exports.download import LINK_LIFETIME, Download
from app.history.entry import Entry
from app.history.event import event_of
from app.history.link import add_link, find_link
from app.kit.clock import Clock
from app.kit.errors import Gone, NotFound


class LinkExpired(Gone):
    """A link works for at most five minutes, and only as long as whoever made it may download. While the export is
    ready, a new one can be made."""

    slug = "link-expired"
    title = "The link works no more"


@dataclass(frozen=True, slots=True)
class LinkArchive:
    download: Download
    ledger: Ledger
    access: Access
    clock: Clock

    async def make(self, by: By, data_center: str, entry_id: str) -> tuple[str, datetime]:
        """A token, and the moment until which it works. Raises what `Download.ready` raises."""
        entry = await self.download.ready(by, data_center, entry_id)
        now = self.clock()
        expires_at = min(now + LINK_LIFETIME, entry.expires_at or now)
        async with self.ledger.writing() as connection:
            token = await add_link(connection, entry, by.name, expires_at, now)
            await self.ledger.append(connection, event_of(entry, "exports:link", by))
        return token, expires_at

    async def follow(self, token: str, address: str | None, reference: str) -> tuple[By, Entry]:
        """Who made the link, and the entry behind it. Raises NotFound, LinkExpired, and what `Download.ready` does."""
        async with self.ledger.reading() as connection:
            link = await find_link(connection, token)
        if link is None:
            raise NotFound
        by = By(link.made_by, address, reference)
        entry = await self.download.ready(by, link.data_center, str(link.entry_id))
        maker = await self.access.known(link.made_by)
        if link.expires_at <= self.clock() or not (maker and maker.may(link.data_center, "exports:download")):
            await self.download.refuse(by, entry, LinkExpired())
        return by, entry
