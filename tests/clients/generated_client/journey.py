"""The whole journey by the client that openapi-python-client makes: run and type-checked by test_generated_client."""

import hashlib
import os
import sys

from dossier_client import AuthenticatedClient
from dossier_client.api.exports import create_export, create_link, download_archive, end_export, follow_link, get_export
from dossier_client.api.history import download_history, list_history, search_history
from dossier_client.api.visitors import search_visitors
from dossier_client.models import (
    Export,
    ExportRequest,
    ExportStatus,
    HistoryPage,
    HistorySearch,
    HistorySort,
    LinkView,
    Problem,
    SearchRequest,
    SearchResult,
)
from dossier_client.types import UNSET, File, Unset

CENTER, IDENTIFIER = os.environ["DOSSIER_DATA_CENTER"], os.environ["DOSSIER_IDENTIFIER"]
CLIENT = AuthenticatedClient(os.environ["DOSSIER_URL"], os.environ["DOSSIER_KEY"])


def choose() -> str:
    found = search_visitors.sync(CENTER, client=CLIENT, body=SearchRequest(IDENTIFIER))
    assert isinstance(found, SearchResult)
    source = next(one for one in found.data_sources if one.visitors)
    chosen = source.visitors[0].combinations[0]
    assert chosen.candidate
    return chosen.candidate


def wait_until_ready(requested: Export) -> Export:
    export: Export = requested
    etag: str | Unset = UNSET
    while export.status in (ExportStatus.QUEUED, ExportStatus.COMPILING):
        answer = get_export.sync_detailed(CENTER, str(export.id), client=CLIENT, wait=3, if_none_match=etag)
        if isinstance(answer.parsed, Export):
            export, etag = answer.parsed, answer.headers["ETag"]
        else:
            assert answer.status_code == 304
    assert export.status == ExportStatus.READY
    return export


def download(export: Export) -> None:
    archive = download_archive.sync(CENTER, str(export.id), client=CLIENT)
    assert isinstance(archive, File)
    content = archive.payload.read()
    assert hashlib.sha256(content).hexdigest() == export.sha256
    part = download_archive.sync(CENTER, str(export.id), client=CLIENT, range_="bytes=0-3")
    assert isinstance(part, File)
    assert part.payload.read() == content[:4]


def look_into_the_history(export: Export) -> None:
    for page in (
        list_history.sync(CENTER, client=CLIENT, status=ExportStatus.READY, sort=HistorySort.NEWEST_FIRST),
        search_history.sync(CENTER, client=CLIENT, body=HistorySearch(IDENTIFIER)),
    ):
        assert isinstance(page, HistoryPage)
        assert page.items[0].id == export.id
        assert page.items[0].requested_at == export.requested_at
        assert page.items[0].requested_at.tzinfo
    table = download_history.sync(CENTER, client=CLIENT)
    assert isinstance(table, str)
    assert str(export.id) in table


def link_and_revoke(export: Export) -> None:
    link = create_link.sync(CENTER, str(export.id), client=CLIENT)
    assert isinstance(link, LinkView)
    token = link.url.rpartition("/")[2]
    assert isinstance(follow_link.sync(token, client=CLIENT), File)
    assert end_export.sync_detailed(CENTER, str(export.id), client=CLIENT).status_code == 204
    refused = follow_link.sync(token, client=CLIENT)
    assert isinstance(refused, Problem)
    assert refused.type_ == "/problems/export-revoked"


def main() -> None:
    requested = create_export.sync(CENTER, client=CLIENT, body=ExportRequest(choose()), idempotency_key="the journey")
    assert isinstance(requested, Export)
    export = wait_until_ready(requested)
    download(export)
    look_into_the_history(export)
    link_and_revoke(export)
    sys.stdout.write(f"{export.id}\n")


if __name__ == "__main__":
    main()
