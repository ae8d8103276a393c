"""Checks an archive against its own manifest, offline and in constant memory; no finding quotes personal data."""

import hashlib
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import msgspec
from pydantic import TypeAdapter, ValidationError

from app.archive.document import compact
from app.archive.schema import SCHEMA_VERSION, AnyManifest, AnyPersonalData, Manifest
from app.archive.schema_1_0 import Included10, Manifest10
from app.kit.clock import LIFETIME
from app.kit.errors import Misconfigured
from app.kit.sign import PublicKey
from app.verify.document import Counted, Malformed, Scanner
from app.verify.signature import RIGHT, may_be, named, signature_of

_DOCUMENT, _MANIFEST, _SIGNATURE = "personal-data.json", "META/manifest.json", "META/manifest.json.sig"
# Before schema 1.1 there were no viewer and no signature.
_MEMBERS_10 = ["README.txt", _DOCUMENT, "report.html", _MANIFEST]
_MEMBERS = ["README.txt", _DOCUMENT, "report.html", "viewer.html", _MANIFEST]
_SIGNED = [*_MEMBERS, _SIGNATURE]
_VERSIONS = ("1.0", SCHEMA_VERSION)
_CHUNK, _LARGEST_MANIFEST = 1 << 17, 16 << 20
_BEGINNING, _FORM = b"PK\x03\x04", "as published"
_PRINTED = re.compile(r"[A-Za-z0-9_./-]{1,80}")
# What the standard library raises, beside its own error, for bytes that do not belong where they stand; RuntimeError
# where they ask for a ZIP version or a packing that it does not read.
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, struct.error, UnicodeDecodeError, RuntimeError)
Form = TypeVar("Form")


class _Versioned(msgspec.Struct):
    schema_version: str


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison: `what` names the thing within its group, the others say what it should be and what it is."""

    group: str
    what: str
    expected: str
    found: str

    @property
    def holds(self) -> bool:
        return self.expected == self.found


def verify(path: Path, keys: Mapping[str, PublicKey] | None = None) -> Iterator[Check]:
    """Ends early where what follows would rest on what failed. With public keys, by their ids, it must be signed by
    one of them; without, whose signature it bears is only said. Raises Misconfigured if it is no ZIP at all."""
    try:
        with path.open("rb") as file:
            if file.read(4) != _BEGINNING:
                raise Misconfigured(f"{path} is not a ZIP, nor a receipt's JSON; name either as it was downloaded.")
            try:
                with zipfile.ZipFile(file) as archive:
                    yield from _archive(archive, keys)
            except _DAMAGE:
                yield Check("zip", "the file", "whole, every CRC right", "cut off or damaged")
    except OSError as error:
        raise Misconfigured(f"{path} cannot be read: {error.strerror}.") from error


def _archive(archive: zipfile.ZipFile, keys: Mapping[str, PublicKey] | None) -> Iterator[Check]:
    entries = archive.infolist()
    found = [entry.filename for entry in entries]
    expected = next((one for one in (_MEMBERS_10, _MEMBERS) if one == found), _SIGNED)
    names = Check("zip", "members", _listed(expected), _listed(found))
    yield names
    if not names.holds:
        return
    apart = archive.comment or entries[0].header_offset
    yield Check("zip", "beside them", "nothing", "something" if apart else "nothing")
    kinds = [Check("zip", f"kind of {entry.filename}", "a plain file", _kind(entry)) for entry in entries]
    yield from kinds
    if all(check.holds for check in kinds):
        yield from _contents(archive, keys)


def _contents(archive: zipfile.ZipFile, keys: Mapping[str, PublicKey] | None) -> Iterator[Check]:
    text = _small(archive, _MANIFEST)
    yield _signature(archive, text, keys)
    version = _version(text)
    yield version
    if not version.holds:
        return
    manifest = _parsed(AnyManifest, text)
    yield Check("manifest", "its form", _FORM, manifest if isinstance(manifest, str) else _FORM)
    if not isinstance(manifest, str):
        yield from _manifest(manifest, len(archive.infolist()))
        yield from _members(archive, manifest)


def _small(archive: zipfile.ZipFile, name: str) -> bytes:
    return archive.read(name) if archive.getinfo(name).file_size <= _LARGEST_MANIFEST else b""


def _signature(archive: zipfile.ZipFile, manifest: bytes, keys: Mapping[str, PublicKey] | None) -> Check:
    text = _small(archive, _SIGNATURE) if _SIGNATURE in archive.namelist() else None
    found, key = signature_of(text, manifest, keys or {})
    expected = found if keys is None and may_be(found) else RIGHT
    return Check("signature", "of the manifest", expected + named(key), found + named(key))


def _version(text: bytes) -> Check:
    """A newer form is named as such: it may be right, but this program cannot tell. What says no version at all, the
    next check refuses."""
    try:
        found = msgspec.json.decode(text, type=_Versioned).schema_version
    except (msgspec.DecodeError, RecursionError):
        found = SCHEMA_VERSION
    expected = found if found in _VERSIONS else " or ".join(_VERSIONS)
    return Check("manifest", "its version", expected, _listed([found]))


def _manifest(manifest: Manifest | Manifest10, files: int) -> Iterator[Check]:
    names = [member.name for member in manifest.members]
    expected = _MEMBERS if isinstance(manifest, Manifest) else _MEMBERS_10
    yield Check("manifest", "its members", _listed(expected[:-1]), _listed(names))
    yield Check("manifest", "its count of files", str(files), str(manifest.totals.members))
    unpacked = sum(member.size for member in manifest.members)
    yield Check("manifest", "its total", f"{unpacked:,} bytes", f"{manifest.totals.bytes:,} bytes")
    begins, ends = (datetime.fromisoformat(one) for one in (manifest.export.compiled_at, manifest.export.expires_at))
    yield Check("manifest", "expires_at, counted from compiled_at", str(LIFETIME), str(ends - begins))


def _members(archive: zipfile.ZipFile, manifest: Manifest | Manifest10) -> Iterator[Check]:
    for member in manifest.members:
        content = _Member(archive, member.name)
        if member.name == _DOCUMENT:
            yield from _document(content, manifest)
        yield Check("members", member.name, _size(member.size, member.sha256), content.finished())


class _Member:
    """A member's bytes, hashed as they pass."""

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        self.chunks = self._read(archive, name)
        self._size, self._digest = 0, hashlib.sha256()

    def finished(self) -> str:
        """Reads what is left, so that its CRC is checked too."""
        for _ in self.chunks:
            pass
        return _size(self._size, self._digest.hexdigest())

    def _read(self, archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
        with archive.open(name) as file:
            while chunk := file.read(_CHUNK):
                self._size += len(chunk)
                self._digest.update(chunk)
                yield chunk


def _document(content: _Member, manifest: Manifest | Manifest10) -> Iterator[Check]:
    scanner, counted, said = Scanner(content.chunks), list[Counted](), _FORM
    try:
        yield from _frame(scanner.head(), manifest)
        counted.extend(scanner.sections())
    except Malformed as error:
        said = str(error)
    yield Check("document", "its form", _FORM, said)
    if said == _FORM:
        yield from _sections(manifest, counted)


def _frame(head: bytes, manifest: Manifest | Manifest10) -> Iterator[Check]:
    frame = _parsed(AnyPersonalData, head[:-1] + b',"sections":{}}')
    said = frame if isinstance(frame, str) else _FORM
    if not isinstance(frame, str) and compact(frame.model_dump(exclude={"sections"}, exclude_unset=True)) != head:
        said = "with keys or spaces in other places"
    yield Check("document", "its frame", _FORM, said)
    if not isinstance(frame, str):
        promised = manifest.export.model_dump()
        other = [name for name, value in frame.export.model_dump().items() if promised[name] != value]
        yield Check("document", "its export", "the manifest's", " and ".join(other) or "the manifest's")


def _sections(manifest: Manifest | Manifest10, counted: Sequence[Counted]) -> Iterator[Check]:
    found = {one.name: _counts(one) for one in counted}
    for one in manifest.sections:
        if isinstance(one, Included10):
            yield Check("sections", one.name, _counts(one), found.get(one.name, "not in the document"))
        else:
            yield Check("sections", one.name, one.status, "in the document" if one.name in found else one.status)
    included = [one.name for one in manifest.sections if isinstance(one, Included10)]
    yield Check("sections", "their order", _listed(included), _listed([one.name for one in counted]))


def _counts(one: Included10 | Counted) -> str:
    return f"{one.rows:,} rows, {_size(one.bytes, one.sha256)}"


def _size(size: int, sha256: str) -> str:
    return f"{size:,} bytes, SHA-256 {sha256}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(name if _PRINTED.fullmatch(name) else "(a name not to be printed)" for name in names)


def _kind(entry: zipfile.ZipInfo) -> str:
    mode = entry.external_attr >> 16
    if entry.flag_bits & 1 or entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "encrypted, or packed in another way"
    return "a plain file" if stat.S_ISREG(mode) and not mode & 0o111 else f"mode {mode:o}"


def _parsed(form: TypeAdapter[Form], text: bytes) -> Form | str:
    """What the text says, or how it differs from the form."""
    try:
        return form.validate_json(text)
    except ValidationError as error:
        # Neither pydantic's message, which may quote a value, nor the name of a key that nobody knows.
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = first["loc"][: -1 if first["type"] == "extra_forbidden" else None]
        return f"{'.'.join(map(str, where)) or 'the whole'}: {first['type'].replace('_', ' ')}"
