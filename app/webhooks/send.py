"""Sends one message: signed as Standard Webhooks say, over TLS, without redirects, to a checked address."""

import asyncio
import json
import ssl
from datetime import datetime
from time import monotonic

import httpx
from standardwebhooks import Webhook

from app.kit.clock import Clock, rfc3339
from app.sources.receiver import Receiver
from app.webhooks.addresses import AddressRefused, addresses_of
from app.webhooks.delivery import TAKEN, Attempt, Delivery

SECONDS = 20.0
_HTTPS = 443


class Sender:
    """Each message has a connection of its own, so that its address is checked each time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, delivery: Delivery, receiver: Receiver) -> Attempt:
        """However it goes; raises nothing but being cancelled."""
        at, begun = self._clock(), monotonic()
        try:
            async with asyncio.timeout(SECONDS):
                status = await self._post(delivery, receiver, at)
            outcome = TAKEN if 200 <= status <= 299 else _refused(status)  # noqa: PLR2004
        except (TimeoutError, httpx.TimeoutException):
            status, outcome = 0, f"no answer within {SECONDS:.0f} s"
        except AddressRefused as error:
            status, outcome = 0, f"not sent: {error} is no public address, and `allow` does not name it"
        except (OSError, httpx.HTTPError) as error:
            status, outcome = 0, f"no connection: {_kind(error)}"
        return Attempt(at, round((monotonic() - begun) * 1000), outcome[:200], gone=status == 410)  # noqa: PLR2004

    async def _post(self, delivery: Delivery, receiver: Receiver, at: datetime) -> int:
        url, body = httpx.URL(receiver.url), message(delivery)
        addresses = await addresses_of(url.host, url.port or _HTTPS, receiver.allow)
        headers = signed(delivery, receiver, at, body) | {"Host": url.netloc.decode("ascii")}
        trust = ssl.create_default_context(cafile=receiver.ca_file)
        # The name stays what the certificate must bear, though the connection goes to the address that was checked.
        named = {"sni_hostname": url.host}
        async with httpx.AsyncClient(verify=trust, trust_env=False, timeout=SECONDS) as client:
            there = url.copy_with(host=addresses[0])
            async with client.stream("POST", there, content=body, headers=headers, extensions=named) as answer:
                return answer.status_code


def message(delivery: Delivery) -> str:
    """Thin: ids and a state, so that a receiver's log holds nothing personal. It asks the API for more."""
    status = delivery.event.removeprefix("export.")
    data = {"data_center": delivery.data_center, "export": str(delivery.entry_id), "status": status}
    return json.dumps({"type": delivery.event, "timestamp": rfc3339(delivery.at), "data": data})


def signed(delivery: Delivery, receiver: Receiver, at: datetime, body: str) -> dict[str, str]:
    message_id = f"msg_{delivery.id}"
    signatures = [Webhook(secret).sign(message_id, at, body) for secret in receiver.secrets]
    return {
        "Content-Type": "application/json",
        "User-Agent": "Dossier",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _refused(status: int) -> str:
    if 300 <= status <= 399:  # noqa: PLR2004
        return f"answered {status}: a redirect, which is not followed"
    return f"answered {status}"


def _kind(error: Exception) -> str:
    """The innermost cause: a certificate that is not trusted looks like any other error from outside."""
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]  # no exit is raised in there
    return error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else type(error).__name__
