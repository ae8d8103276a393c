"""New identifiers of rows: UUID version 7, which sort by the time they were made (RFC 9562, 5.7)."""

import os
from datetime import datetime
from uuid import UUID


def uuid7(moment: datetime) -> UUID:
    """48 bits of Unix milliseconds, then version, variant and 74 random bits."""
    milliseconds = int(moment.timestamp() * 1000) & (2**48 - 1)
    noise = int.from_bytes(os.urandom(10), "big")
    high, low = noise >> 68, noise & (2**62 - 1)
    return UUID(int=milliseconds << 80 | 7 << 76 | high << 64 | 2 << 62 | low)
