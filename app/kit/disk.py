"""Whether a directory takes more, seen without writing into it."""

import os
from pathlib import Path

# Below that the next page of a database, or its log, may not fit.
_LEAST_BYTES = 1 << 20


def takes_more(folder: Path) -> bool:
    """False where it is gone, full, read-only or somebody else's."""
    try:
        room = os.statvfs(folder)
    except OSError:
        return False
    free = room.f_bfree if os.geteuid() == 0 else room.f_bavail
    # Some file systems do not say how large they are.
    full = room.f_blocks and free * room.f_frsize < _LEAST_BYTES
    return not full and os.access(folder, os.W_OK | os.X_OK)
