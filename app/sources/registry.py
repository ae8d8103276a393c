"""The tree of data centers and data sources, read from a directory of TOML files when the service starts."""

import hashlib
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from app.kit.errors import Misconfigured, NotFound
from app.kit.language import Language, Speech
from app.sources.binding import unbound
from app.sources.mapping import CenterMapping, Notice, SectionMapping, SourceMapping, mistakes
from app.sources.plan import Plan
from app.sources.port import DataSource
from app.sources.preset import with_preset
from app.sources.receiver import Receiver
from app.sources.texts import Names

File = TypeVar("File", bound=BaseModel)
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_CENTER = "center.toml"
_UNSET = "{file}: dsn: the environment variable {name} is not set; set it to the database's URL."
# Other names of an engine, as URLs have them.
_ALSO = {"postgres": "postgresql", "mysql": "mariadb"}


@dataclass(frozen=True, slots=True)
class DataCenter:
    """One customer's separate body of visitor data; title and notice in its language, or in another (`spoken`)."""

    id: str
    title: str
    language: Language
    notice: Mapping[str, Names]
    about: CenterMapping
    sources: Mapping[str, DataSource]
    receivers: Sequence[Receiver] = ()

    def spoken(self, language: Language) -> "DataCenter":
        title, notice = _said(self.about, Speech(language, self.about.language))
        return replace(self, language=language, title=title, notice=notice)


class Registry:
    """All data centers by id."""

    def __init__(self, centers: Mapping[str, DataCenter]) -> None:
        self.centers = centers

    def sources(self, data_center: str) -> Mapping[str, DataSource]:
        return self.centers[data_center].sources

    def find(self, data_center: str, source: str) -> tuple[DataCenter, DataSource]:
        """Raises NotFound if the mapping is not there any more."""
        center = self.centers.get(data_center)
        if center is None or source not in center.sources:
            raise NotFound
        return center, center.sources[source]

    def every_source(self) -> Iterator[tuple[DataCenter, DataSource]]:
        for center in self.centers.values():
            for source in center.sources.values():
                yield center, source

    @property
    def receivers(self) -> list[Receiver]:
        return [one for center in self.centers.values() for one in center.receivers]

    async def close(self) -> None:
        for _, source in self.every_source():
            await source.close()


Connect = Callable[[Plan, str], DataSource]


def read_registry(folder: Path, environ: Mapping[str, str], engines: Mapping[str, Connect]) -> Registry:
    """Reads files and variables only. Raises Misconfigured with a sentence that names file, key and mend."""
    if not folder.is_dir():
        return Registry({})
    reader = _Reader(environ, engines)
    folders = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    registry = Registry({path.name: reader.center(path) for path in folders})
    _check_bindings(reader.sections)
    return registry


def read_source(file: Path, environ: Mapping[str, str], engines: Mapping[str, Connect]) -> DataSource:
    """One data source by its file alone, whatever its data center says. Raises as `read_registry` does."""
    reader = _Reader(environ, engines)
    source = reader.source(file, "en")
    _check_bindings(reader.sections)
    return source


@dataclass(frozen=True, slots=True)
class _Section:
    """One section, the file that it stands in, and what its database is."""

    file: Path
    engine: str
    mapping: SectionMapping


@dataclass(frozen=True, slots=True)
class _Reader:
    environ: Mapping[str, str]
    engines: Mapping[str, Connect]
    sections: list[_Section] = field(default_factory=list)

    def center(self, folder: Path) -> DataCenter:
        _check_id(folder, folder.name)
        file = folder / _CENTER
        if not file.is_file():
            raise Misconfigured(f"{file} is missing; write it with title and [notice], or remove the directory.")
        about = _checked(file, CenterMapping, _read_toml(file))
        files = sorted(path for path in folder.glob("*.toml") if path.name != _CENTER and path.name[0] != ".")
        sources = {path.stem: self.source(path, about.language) for path in files}
        title, notice = _said(about, Speech(about.language, about.language))
        receivers = self.receivers(file, about)
        return DataCenter(folder.name, title, about.language, notice, about, sources, receivers)

    def receivers(self, file: Path, about: CenterMapping) -> list[Receiver]:
        found = []
        for one in about.webhooks:
            try:
                found.append(one.receiver(file.parent.name, file.parent, self.environ))
            except ValueError as error:
                raise Misconfigured(f"{file}: webhooks {one.name!r}: {error}.") from error
        return found

    def source(self, file: Path, language: Language) -> DataSource:
        _check_id(file, file.stem)
        data = _read_toml(file)
        dsn = self.environ.get(str(data.get("dsn")), "")
        engine = _engine_of(dsn)
        if "preset" in data:
            data = _of_preset(file, data, engine)
        # What it says is checked before its variable, and in the SQL of an engine, whichever that is.
        mapping = _checked(file, SourceMapping, data, engine if engine in self.engines else next(iter(self.engines)))
        if not dsn:
            raise Misconfigured(_UNSET.format(file=file, name=mapping.dsn))
        if engine not in self.engines:
            known = ", ".join(f"{name}://" for name in sorted({*self.engines, *_ALSO}))
            raise Misconfigured(f"{file}: dsn: {mapping.dsn} must be a URL that begins with one of {known}.")
        self.sections.extend(_Section(file, engine, one) for one in mapping.section)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        try:
            return self.engines[engine](Plan(file.stem, mapping, digest, engine, language), dsn)
        except ValueError as error:
            raise Misconfigured(f"{file}: dsn: {mapping.dsn} {error}.") from error


def _said(about: CenterMapping, speech: Speech) -> tuple[str, dict[str, Names]]:
    """Title and notice; what the notice does not say is not there."""
    texts = ((name, getattr(about.notice, name)) for name in Notice.model_fields)
    return speech.say(about.title), {name: speech.say(text) for name, text in texts if text is not None}


def _check_bindings(sections: list[_Section]) -> None:
    """All at once, because a parser's process has to be started for them."""
    found = unbound([(one.engine, one.mapping) for one in sections])
    for one, problem in zip(sections, found, strict=True):
        if problem:
            raise Misconfigured(f"{one.file}: section {one.mapping.name!r}: sql: {problem}.")


def _engine_of(dsn: str) -> str:
    """By the URL's backend alone, whatever driver it names; empty where it is no URL."""
    backend, mark, _ = dsn.partition("://")
    name = backend.partition("+")[0].lower() if mark else ""
    return _ALSO.get(name, name)


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{file}: is not TOML: {error}.") from error
    except OSError as error:
        raise Misconfigured(f"{file}: cannot be read: {error.strerror}.") from error


def _of_preset(file: Path, data: dict[str, Any], engine: str) -> dict[str, Any]:
    if not engine:
        raise Misconfigured(_UNSET.format(file=file, name=data.get("dsn")))
    try:
        return with_preset(data, engine)
    except ValueError as error:
        raise Misconfigured(f"{file}: {error}.") from error


def _checked(file: Path, form: type[File], data: dict[str, Any], engine: str | None = None) -> File:
    try:
        return form.model_validate(data, context=engine)
    except ValidationError as error:
        raise Misconfigured(f"{file}: {next(mistakes(error, data))}.") from error


def _check_id(path: Path, name: str) -> None:
    if not _ID.fullmatch(name):
        raise Misconfigured(
            f"{path}: its name is its id, so it must be of a-z, 0-9, - and _, beginning with a letter or digit."
        )
