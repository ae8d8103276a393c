"""Reads the directory of TOML files that says which data centers and data sources there are."""

import hashlib
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from app.kit.environment import secret_of
from app.kit.errors import Misconfigured
from app.sources.binding import unbound, unbound_steps
from app.sources.erasing import Scope
from app.sources.mapping import CenterMapping, EraseMapping, SectionMapping, SourceMapping
from app.sources.mistakes import mistakes
from app.sources.plan import Plan
from app.sources.port import DataSource
from app.sources.preset import with_preset
from app.sources.receiver import Receiver
from app.sources.registry import DataCenter, Registry
from app.sources.rules import broken_rules, twice

File = TypeVar("File", bound=BaseModel)
Made = TypeVar("Made")
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_CENTER = "center.toml"
# Other names of an engine, as URLs have them.
_ALSO = {"postgres": "postgresql", "mysql": "mariadb"}

# By a plan, a URL, and the URL of the role that may erase, if there is one; raises ValueError where one cannot be.
Connect = Callable[[Plan, str, str | None], DataSource]


def read_registry(folder: Path, environ: Mapping[str, str], engines: Mapping[str, Connect]) -> Registry:
    """Reads files and variables only. Raises Misconfigured with a line for each mistake of every file: the file, the
    key, and the mend."""
    if not folder.is_dir():
        return Registry({})
    reader = _Reader(environ, engines)
    folders = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    centers = [center for path in folders if (center := reader.center(path))]
    return reader.without_mistakes(Registry({center.id: center for center in centers}))


def read_source(file: Path, environ: Mapping[str, str], engines: Mapping[str, Connect]) -> DataSource:
    """One data source by its file alone, whatever its data center says. Raises as `read_registry` does."""
    reader = _Reader(environ, engines)
    return reader.without_mistakes(reader.source(file, None))


def engine_of(dsn: str) -> str:
    """By the URL's backend alone, whatever driver it names; empty where it is no URL."""
    backend, mark, _ = dsn.partition("://")
    name = backend.partition("+")[0].lower() if mark else ""
    return _ALSO.get(name, name)


def known_urls(engines: Iterable[str]) -> str:
    return ", ".join(f"{name}://" for name in sorted({*engines, *_ALSO}))


@dataclass(frozen=True, slots=True)
class _Section:
    """One section, the file that it stands in, and what its database is."""

    file: Path
    engine: str
    mapping: SectionMapping


@dataclass(frozen=True, slots=True)
class _Reader:
    """Goes on after a mistake, so that all of them are told at once."""

    environ: Mapping[str, str]
    engines: Mapping[str, Connect]
    sections: list[_Section] = field(default_factory=list)
    steps: list[tuple[Path, str, EraseMapping]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def without_mistakes(self, made: Made | None) -> Made:
        """Raises Misconfigured if there was any. Bindings come last and together, because a parser's process has to be
        started for them."""
        found = unbound([(one.engine, one.mapping) for one in self.sections])
        for one, problem in zip(self.sections, found, strict=True):
            if problem:
                self.told.append(f"{one.file}: section {one.mapping.name!r}: sql: {problem}.")
        for (file, _, step), problem in zip(self.steps, unbound_steps(self.steps), strict=True):
            if problem:
                self.told.append(f"{file}: erase {step.table!r}: sql: {problem}.")
        if self.told or made is None:
            raise Misconfigured("\n".join(self.told))
        return made

    def center(self, folder: Path) -> DataCenter | None:
        about, receivers = None, list[Receiver]()
        with self._telling():
            _check_id(folder, folder.name)
        with self._telling():
            about = _about(folder / _CENTER)
            receivers = _receivers(folder, about, self.environ)
        files = sorted(path for path in folder.glob("*.toml") if path.name != _CENTER and path.name[0] != ".")
        sources = {path.stem: source for path in files if (source := self.source(path, about))}
        return DataCenter.of(folder.name, about, sources, receivers) if about else None

    def source(self, file: Path, about: CenterMapping | None) -> DataSource | None:
        with self._telling():
            _check_id(file, file.stem)
        with self._telling():
            return self._source(file, _read_toml(file), about)
        return None

    def _source(self, file: Path, data: dict[str, Any], about: CenterMapping | None) -> DataSource | None:
        told, dsn = len(self.told), secret_of(self.environ, str(data.get("dsn")))
        engine = engine_of(dsn)
        with self._telling():
            self._check_url(file, data, dsn)
        known = engine in self.engines
        if "preset" in data and not known:
            return None
        # What it says is checked whatever its variable says, and then in the SQL of an engine, whichever that is.
        scope = about.erasure_scope if about else None
        mapping = _mapping(file, data, engine if known else next(iter(self.engines)), scope)
        with self._telling():
            erase_dsn = self._erase_dsn(file, mapping, engine, must=about is not None and about.erasure != "off")
        if len(self.told) > told:
            return None
        self.sections.extend(_Section(file, engine, one) for one in mapping.section)
        self.steps.extend((file, engine, one) for one in mapping.erase)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        plan = Plan(file.stem, mapping, digest, engine, about.language if about else "en")
        try:
            return self.engines[engine](plan, dsn, erase_dsn or None)
        except ValueError as error:
            raise _mistaken(file, f"dsn: {mapping.dsn}: {error}") from None

    def _erase_dsn(self, file: Path, mapping: SourceMapping, engine: str, *, must: bool) -> str:
        """The URL of the role that may erase; empty where there is none, and there need not be."""
        name = mapping.erase_dsn
        url = secret_of(self.environ, name) if name else ""
        if name and must and not url:
            told = 'set it to the database\'s URL with a role that may erase, or say erasure = "off" in center.toml'
            raise _mistaken(file, f"erase_dsn: the environment variable {name} is not set; {told}")
        if url and engine_of(url) != engine:
            raise _mistaken(file, f"erase_dsn: {name}: it must be a URL of the same database as `dsn`")
        return url

    def _check_url(self, file: Path, data: Mapping[str, Any], dsn: str) -> None:
        name = data.get("dsn")
        if name is None and "preset" in data:
            raise _mistaken(file, "dsn: is required and missing; add it")
        if isinstance(name, str) and not dsn:
            raise _mistaken(file, f"dsn: the environment variable {name} is not set; set it to the database's URL")
        if isinstance(name, str) and engine_of(dsn) not in self.engines:
            known = known_urls(self.engines)
            raise _mistaken(file, f"dsn: {name}: it must be a URL that begins with one of {known}")

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except Misconfigured as error:
            self.told.append(str(error))


def _mistaken(file: Path, *found: str) -> Misconfigured:
    return Misconfigured("\n".join(f"{file}: {one}." for one in found))


def _about(file: Path) -> CenterMapping:
    if not file.is_file():
        raise Misconfigured(f"{file} is missing; write it with title and [notice], or remove the directory.")
    data = _read_toml(file)
    return _checked(file, CenterMapping, data, twice("webhooks", data))


def _receivers(folder: Path, about: CenterMapping, environ: Mapping[str, str]) -> list[Receiver]:
    found = []
    for one in about.webhooks:
        try:
            found.append(one.receiver(folder.name, folder, environ))
        except ValueError as error:
            raise _mistaken(folder / _CENTER, f"webhooks {one.name!r}: {error}") from error
    return found


def _mapping(file: Path, data: dict[str, Any], engine: str, scope: Scope | None) -> SourceMapping:
    try:
        whole = with_preset(data, engine) if "preset" in data else data
    except ValueError as error:
        raise _mistaken(file, *str(error).splitlines()) from error
    return _checked(file, SourceMapping, whole, broken_rules(whole, engine, scope))


def _checked(file: Path, form: type[File], data: dict[str, Any], broken: Iterable[str]) -> File:
    try:
        checked, found = form.model_validate(data), list(broken)
    except ValidationError as error:
        raise _mistaken(file, *mistakes(error, form, data), *broken) from error
    if found:
        raise _mistaken(file, *found)
    return checked


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _mistaken(file, f"is not TOML: {error}") from error
    except OSError as error:
        raise _mistaken(file, f"cannot be read: {error.strerror}") from error


def _check_id(path: Path, name: str) -> None:
    if not _ID.fullmatch(name):
        raise _mistaken(
            path, "its name is its id, so it must be of a-z, 0-9, - and _, beginning with a letter or digit"
        )
