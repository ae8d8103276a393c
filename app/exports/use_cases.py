"""What can be done with exports: everything that their addresses offer."""

from dataclasses import dataclass

from app.exports.download import Download
from app.exports.end import EndExport
from app.exports.link import LinkArchive
from app.exports.once import RequestOnce
from app.exports.ready import RequireReady
from app.exports.retry import RetryExport
from app.history.browse import Browse
from app.history.watch import Watch
from app.kit.clock import Clock


@dataclass(frozen=True, slots=True)
class Exports:
    request_once: RequestOnce
    browse: Browse
    watch: Watch
    require_ready: RequireReady
    download: Download
    link: LinkArchive
    retry: RetryExport
    end: EndExport
    clock: Clock
