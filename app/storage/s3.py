"""Archives in an S3-compatible bucket: streamed as a multipart upload that is finished only after the last byte."""

from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import urllib3
from minio import Minio
from minio.commonconfig import ENABLED, Filter
from minio.credentials.providers import (
    AWSConfigProvider,
    ChainedProvider,
    EnvAWSProvider,
    EnvMinioProvider,
    IamAwsProvider,
    MinioClientConfigProvider,
    Provider,
    StaticProvider,
)
from minio.error import MinioException
from minio.lifecycleconfig import AbortIncompleteMultipartUpload, Expiration, LifecycleConfig, Rule
from minio.sse import Sse, SseKMS, SseS3

from app.kit.errors import Misconfigured
from app.kit.logs import log, whereabouts
from app.kit.pipe import Closed
from app.kit.threads import Threads
from app.storage.port import StoreUnavailable
from app.storage.s3_upload import Upload, named_errors
from app.storage.stream import Stoppable

_CHUNK = 1 << 19
_CONNECTIONS = 32
_NET = Rule(
    ENABLED,
    Filter(prefix=""),
    rule_id="dossier-safety-net",
    expiration=Expiration(days=15),
    abort_incomplete_multipart_upload=AbortIncompleteMultipartUpload(days_after_initiation=1),
)
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where archives lie. Endpoints are URLs, the public one only where browsers are sent to the store; without an
    access key the provider chain of AWS and MinIO decides; `encryption` is `AES256` or `aws:kms:` with a key's id."""

    name: str
    endpoint: str
    public_endpoint: str | None = None
    region: str = "us-east-1"
    access_key: str | None = None
    secret_key: str | None = None
    ca_file: Path | None = None
    encryption: str | None = None


class S3Store:
    """Implements ArchiveStore. The client blocks, so each of its calls runs in a thread."""

    def __init__(self, bucket: Bucket, threads: Threads) -> None:
        """Raises Misconfigured; connects to nothing."""
        self._bucket, self._sse = bucket.name, _encryption(bucket.encryption)
        self._client = _client(bucket, bucket.endpoint)
        self._public = _client(bucket, bucket.public_endpoint) if bucket.public_endpoint else None
        self._threads = threads
        self._prepared = False

    async def put(self, key: str, chunks: Iterator[bytes], stop: Callable[[], None] | None = None) -> int:
        stream = Stoppable(chunks, stop)
        return await self._threads.run(lambda: self._put(key, stream), "an upload", stream.stop)

    async def read(self, key: str, start: int, end: int) -> AsyncGenerator[bytes]:
        answer = await self._call(lambda: self._client.get_object(self._bucket, key, start, end - start))
        try:
            while start < end:
                most = min(_CHUNK, end - start)
                if not (chunk := await self._call(lambda: answer.read(most))):  # noqa: B023  awaited at once
                    raise StoreUnavailable("The store's answer broke off.")
                start += len(chunk)
                yield chunk
        finally:
            # A thread that reads this answer may hang while the store is silent, and closing waits for that thread.
            # So it is closed in a thread of its own, which nobody waits for; both come back by the client's time-out.
            closing = self._threads.take()
            closing.post(answer.close)
            closing.end()

    async def presigned(self, key: str, filename: str, seconds: int) -> str | None:
        if self._public is None:
            return None
        told: dict[str, str | list[str] | tuple[str]] = {
            "response-content-disposition": f'attachment; filename="{filename}"',
            "response-content-type": "application/zip",
            "response-cache-control": "no-store",
        }
        sign = self._public.presigned_get_object
        return await self._call(lambda: sign(self._bucket, key, timedelta(seconds=seconds), told))

    async def delete(self, key: str) -> None:
        await self._call(lambda: self._remove(key))

    async def prepare(self) -> None:
        """The bucket, and the rule that it forgets by itself."""
        if not self._prepared:
            await self._call(self._make_bucket_once)

    async def check(self) -> None:
        await self._call(self._require_bucket)

    async def close(self) -> None:
        """What still hangs ends by its own time-outs."""
        self._client._http.clear()  # noqa: SLF001  the pool is ours, the client only keeps it

    async def _call(self, ask: Callable[[], Result]) -> Result:
        def named() -> Result:
            with named_errors():
                return ask()

        return await self._threads.run(named, "a call to the archive store", grace=0)

    def _require_bucket(self) -> None:
        if not self._client.bucket_exists(self._bucket):
            raise StoreUnavailable("The bucket does not exist.")

    def _make_bucket_once(self) -> None:
        if not self._client.bucket_exists(self._bucket):
            self._make_bucket()
        self._prepared = True

    def _make_bucket(self) -> None:
        try:
            self._client.make_bucket(self._bucket)
            # Not on a bucket that others made: its rules are theirs, and setting ours would remove them.
            self._client.set_bucket_lifecycle(self._bucket, LifecycleConfig([_NET]))
        except MinioException as error:
            # Another process was faster, or the store knows no such rules.
            if not self._client.bucket_exists(self._bucket):
                raise
            log.warning("the bucket was made by another, or without the rule that it expires: %s", whereabouts(error))

    def _put(self, key: str, stream: Stoppable) -> int:
        if not self._prepared:
            with named_errors():
                self._make_bucket_once()
        Upload(self._client, self._bucket, key, self._sse).write(stream)
        with named_errors():
            if stream.stopped:
                # It was stopped after the last chunk had been handed on: the store has it whole, and nobody wants it.
                self._remove(key)
                raise Closed
            return self._client.stat_object(self._bucket, key).size or 0

    def _remove(self, key: str) -> None:
        # A killed process leaves an upload that was never completed, which no listing of objects shows. The client
        # does not offer to others what finds and aborts it, and has no other way.
        listed = self._client._list_multipart_uploads(self._bucket, prefix=key)  # noqa: SLF001
        for upload in listed.uploads:
            if upload.object_name == key:
                self._client._abort_multipart_upload(self._bucket, key, upload.upload_id or "")  # noqa: SLF001
        self._client.remove_object(self._bucket, key)


def _client(bucket: Bucket, endpoint: str) -> Minio:
    scheme, _, host = endpoint.partition("://")
    pool = _pool(bucket.ca_file)
    try:
        return Minio(
            host.rstrip("/"), region=bucket.region, secure=scheme == "https",
            http_client=pool, credentials=_provider(bucket, pool),
        )  # fmt: skip
    except ValueError as error:
        raise Misconfigured(f"The archive store's endpoint or region cannot be used: {error}.") from error


def _pool(ca_file: Path | None) -> urllib3.PoolManager:
    """Gives up within seconds where the client's own would wait for many minutes."""
    if ca_file and not ca_file.is_file():
        raise Misconfigured(f"DOSSIER_S3_CA_FILE: {ca_file} is no file.")
    return urllib3.PoolManager(
        maxsize=_CONNECTIONS,
        timeout=urllib3.Timeout(connect=3, read=30),
        retries=urllib3.Retry(2, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504]),
        cert_reqs="CERT_REQUIRED",
        ca_certs=str(ca_file) if ca_file else None,
    )


def _provider(bucket: Bucket, pool: urllib3.PoolManager) -> Provider:
    if bucket.access_key and bucket.secret_key:
        return StaticProvider(bucket.access_key, bucket.secret_key)
    files = (EnvAWSProvider, EnvMinioProvider, AWSConfigProvider, MinioClientConfigProvider)
    return ChainedProvider([*(provider() for provider in files), IamAwsProvider(http_client=pool)])


def _encryption(name: str | None) -> Sse | None:
    if name is None or name == "AES256":
        return SseS3() if name else None
    return SseKMS(name.removeprefix("aws:kms:"), {})
