"""What is true of archives in an S3-compatible store alone: links, leftovers, encryption, rules, TLS."""

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.kit.errors import Misconfigured
from app.kit.threads import Threads
from app.storage.port import StoreUnavailable
from app.storage.s3 import Bucket, S3Store
from tests.contract.test_storage import KEY, chunks
from tests.proxy import Proxy
from tests.servers import SeaweedFS, free_port


@pytest.fixture
def bucket(seaweedfs: SeaweedFS) -> Bucket:
    return Bucket(
        f"b{uuid4().hex}", seaweedfs.url, seaweedfs.url,
        access_key=seaweedfs.access_key, secret_key=seaweedfs.secret_key,
    )  # fmt: skip


async def asked(url: str, headers: dict[str, str] | None = None) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.get(url, headers=headers)


async def test_a_link_hands_over_the_archive_under_its_name(bucket: Bucket) -> None:
    store = S3Store(bucket, Threads())
    await store.put(KEY, chunks())
    link = await store.presigned(KEY, "export-1.zip", 60)
    assert link
    answer = await asked(link, {"Range": "bytes=10-19"})
    assert (answer.status_code, answer.content) == (206, b"".join(chunks())[10:20])
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == 'attachment; filename="export-1.zip"'
    assert answer.headers["cache-control"] == "no-store"
    await store.delete(KEY)
    assert (await asked(link)).status_code == 404
    await store.close()


async def test_the_store_refuses_links_that_are_expired_prolonged_forged_or_of_another_object(bucket: Bucket) -> None:
    store = S3Store(bucket, Threads())
    await store.put(KEY, chunks())
    await store.put("acme/other.zip", chunks())
    link = await store.presigned(KEY, "export-1.zip", 60)
    short = await store.presigned(KEY, "export-1.zip", 1)
    assert link
    assert short
    await asyncio.sleep(2.5)
    wrong = {
        "expired": short,
        "prolonged": short.replace("X-Amz-Expires=1", "X-Amz-Expires=600"),
        "forged": link[:-4] + ("0000" if not link.endswith("0000") else "1111"),
        "of another": link.replace(KEY, "acme/other.zip"),
        "renamed": link.replace("export-1.zip", "payroll.zip"),
        "unsigned": link.partition("?")[0],
    }
    answers = {name: (await asked(one)).status_code for name, one in wrong.items()}
    assert answers == dict.fromkeys(wrong, 403)
    assert (await asked(link)).status_code == 200
    await store.close()


async def test_nobody_without_a_key_sees_the_bucket(bucket: Bucket) -> None:
    store = S3Store(bucket, Threads())
    await store.put(KEY, chunks())
    for path in ("", KEY):
        assert (await asked(f"{bucket.endpoint}/{bucket.name}/{path}")).status_code == 403
    await store.close()


async def test_whoever_gives_up_reading_from_a_store_that_fell_silent_keeps_nobody_waiting(bucket: Bucket) -> None:
    """An answer cannot be closed while another thread hangs in it; the event loop must not wait for that."""
    size = 16 << 20
    with Proxy("127.0.0.1", int(bucket.endpoint.rpartition(":")[2])) as proxy:
        store = S3Store(replace(bucket, endpoint=proxy.url_of(bucket.endpoint)), Threads())
        await store.put(KEY, iter([b"x" * size]))
        proxy.silence_after(size // 2)
        reading = asyncio.create_task(_read(store, size))
        assert await asyncio.to_thread(proxy.fell_silent, 5)
        await asyncio.sleep(0.5)
        begun = time.monotonic()
        reading.cancel()
        await asyncio.wait({reading})
        assert time.monotonic() - begun < 1
        await store.close()


async def _read(store: S3Store, size: int) -> None:
    async for _ in store.read(KEY, 0, size):
        pass


async def test_a_deletion_takes_along_the_uploads_that_a_killed_attempt_left(
    bucket: Bucket, seaweedfs: SeaweedFS
) -> None:
    store = S3Store(bucket, Threads())
    await store.prepare()
    client = seaweedfs.client()
    for key in (KEY, KEY, KEY + "2"):
        upload = client._create_multipart_upload(bucket.name, key, {})
        client._upload_part(bucket.name, key, b"x" * (5 << 20), None, upload, 1)
    assert len(seaweedfs.stored(bucket.name)) == 3
    await store.delete(KEY)
    assert seaweedfs.stored(bucket.name) == [f"unfinished {KEY}2"]
    await store.close()


async def test_a_bucket_that_the_service_made_forgets_by_itself_and_another_ones_rules_stay(
    bucket: Bucket, seaweedfs: SeaweedFS
) -> None:
    store, client = S3Store(bucket, Threads()), seaweedfs.client()
    await store.prepare()
    rules = client.get_bucket_lifecycle(bucket.name)
    assert rules
    assert rules.rules[0].expiration
    assert rules.rules[0].expiration.days == 15
    client.delete_bucket_lifecycle(bucket.name)
    again = S3Store(bucket, Threads())
    await again.prepare()
    assert client.get_bucket_lifecycle(bucket.name) is None
    await store.close()
    await again.close()


async def test_several_processes_may_make_the_bucket_at_once(bucket: Bucket, seaweedfs: SeaweedFS) -> None:
    stores = [S3Store(bucket, Threads()) for _ in range(6)]
    await asyncio.gather(*(store.prepare() for store in stores))
    assert seaweedfs.client().bucket_exists(bucket.name)
    for store in stores:
        await store.close()


async def test_archives_are_encrypted_at_rest_where_a_setting_says_so(bucket: Bucket, seaweedfs: SeaweedFS) -> None:
    store = S3Store(replace(bucket, encryption="AES256"), Threads())
    size = 9 << 20
    assert await store.put(KEY, chunks(size=size)) == size
    found = seaweedfs.client().stat_object(bucket.name, KEY)
    assert found.metadata
    assert found.metadata["x-amz-server-side-encryption"] == "AES256"
    assert b"".join([chunk async for chunk in store.read(KEY, 0, size)]) == b"".join(chunks(size=size))
    await store.close()


@pytest.mark.parametrize(("parts", "more"), [(1, 0), (1, 1), (2, 0)])
async def test_an_archive_of_whole_parts_has_no_empty_one_behind_them(
    bucket: Bucket, seaweedfs: SeaweedFS, parts: int, more: int
) -> None:
    store, size = S3Store(bucket, Threads()), parts * (8 << 20) + more
    assert await store.put(KEY, chunks(size=size)) == size
    found = seaweedfs.client().stat_object(bucket.name, KEY)
    assert (found.size, (found.etag or "").rpartition("-")[2]) == (size, str(parts + more))
    await store.close()


async def test_the_store_is_trusted_by_its_ca_file_alone(bucket: Bucket, seaweedfs: SeaweedFS, tmp_path: Path) -> None:
    with over_tls(seaweedfs, tmp_path) as (endpoint, ca_file):
        trusting = S3Store(replace(bucket, endpoint=endpoint, ca_file=ca_file), Threads())
        assert await trusting.put(KEY, chunks()) == 100_000
        await trusting.close()
        doubting = S3Store(replace(bucket, endpoint=endpoint), Threads())
        with pytest.raises(StoreUnavailable):
            await doubting.check()
        await doubting.close()


async def test_without_keys_the_environment_of_aws_is_asked(
    bucket: Bucket, seaweedfs: SeaweedFS, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", seaweedfs.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", seaweedfs.secret_key)
    store = S3Store(replace(bucket, access_key=None, secret_key=None), Threads())
    assert await store.put(KEY, chunks()) == 100_000
    await store.close()


@pytest.mark.parametrize(
    "change", [{"endpoint": "http://host/with/path"}, {"region": "no region!"}, {"ca_file": Path("nowhere.pem")}]
)
def test_what_cannot_be_an_endpoint_is_told_at_once(bucket: Bucket, change: dict[str, str]) -> None:
    with pytest.raises(Misconfigured):
        S3Store(replace(bucket, **change), Threads())  # type: ignore[arg-type]


@contextmanager
def over_tls(server: SeaweedFS, folder: Path) -> Iterator[tuple[str, Path]]:
    """The same server behind TLS with a certificate of its own: the endpoint, and the file to trust."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate = own_certificate(folder)
    context.load_cert_chain(certificate)
    target = ("127.0.0.1", int(server.url.rpartition(":")[2]))
    port = free_port()
    with socket.create_server(("127.0.0.1", port)) as listening:
        threading.Thread(target=relay_all, args=(listening, context, target), daemon=True).start()
        yield f"https://127.0.0.1:{port}", certificate
        listening.shutdown(socket.SHUT_RDWR)


def relay_all(listening: socket.socket, context: ssl.SSLContext, target: tuple[str, int]) -> None:
    while True:
        try:
            plain, _ = listening.accept()
        except OSError:
            return
        try:
            secured = context.wrap_socket(plain, server_side=True)
        except OSError:
            continue
        inner = socket.create_connection(target)
        for source, sink in ((secured, inner), (inner, secured)):
            threading.Thread(target=relay, args=(source, sink), daemon=True).start()


def relay(source: socket.socket, sink: socket.socket) -> None:
    try:
        while some := source.recv(1 << 16):
            sink.sendall(some)
    except OSError:
        pass
    finally:
        for one in (source, sink):
            one.close()


def own_certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
    here = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(here, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, private = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path = folder / "certificate.pem"
    path.write_bytes(made.public_bytes(pem) + key.private_bytes(pem, private, serialization.NoEncryption()))
    return path
