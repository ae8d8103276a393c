"""An own database of the newest schema: migrated once in each process of the tests, and copied for each of them."""

import shutil
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from app.kit.db import Database, database_url


async def lay(file: Path) -> None:
    """The file is one that nobody used yet."""
    made = Path(_folder().name) / "dossier.db"
    if not made.exists():
        draft = made.with_name("draft.db")
        await Database(database_url(f"sqlite:///{draft}")).migrate()
        draft.rename(made)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.copyfile(made, file)


@cache
def _folder() -> TemporaryDirectory[str]:
    """Gone with the process."""
    return TemporaryDirectory(prefix="dossier-migrated-")
