"""What can be done with erasures: everything that their addresses offer."""

from dataclasses import dataclass

from app.erasures.approve import ApproveErasure
from app.erasures.end import EndErasure
from app.erasures.preview import PreviewErasure
from app.erasures.receipt import ReadReceipt
from app.erasures.request import RequestErasure
from app.erasures.retry import RetryErasure
from app.history.browse import Browse
from app.history.watch import Watch
from app.kit.clock import Clock


@dataclass(frozen=True, slots=True)
class Erasures:
    preview: PreviewErasure
    request: RequestErasure
    approve: ApproveErasure
    retry: RetryErasure
    end: EndErasure
    receipt: ReadReceipt
    browse: Browse
    watch: Watch
    clock: Clock
