"""Says words, dates and numbers to people: in one language, and in the time zone of the data source."""

import tomllib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime, get_month_names
from babel.numbers import format_decimal

from app.kit.clock import in_zone
from app.kit.language import Language

# European English: the day before the month, and twenty-four hours.
_LOCALES = {"en": "en_GB"}


def read_words(language: Language) -> Mapping[str, Any]:
    """The catalogue of one language: texts by key, and those of the viewer under `viewer`."""
    return tomllib.loads((files("app.archive") / "words" / f"{language}.toml").read_text("utf-8"))


class Translator:
    """`say` fills a text of the catalogue; the others write as people of that language do."""

    def __init__(self, language: Language, zone: str | None) -> None:
        self.language = language
        self.zone: tzinfo = ZoneInfo(zone) if zone else UTC
        self.zone_name = zone or "UTC"
        self._words, self._locale = read_words(language), Locale.parse(_LOCALES.get(language, language))

    def say(self, key: str, **filled: object) -> str:
        text: str = self._words[key]
        return text.format(**filled)

    def counted(self, key: str, count: int) -> str:
        """The text for none or one, where there is such, or for many."""
        special = {0: f"{key}_none", 1: f"{key}_one"}.get(count, key)
        return self.say(special if special in self._words else key, count=self.number(count))

    def number(self, value: int) -> str:
        return format_decimal(value, locale=self._locale)

    def day(self, moment: datetime) -> str:
        return format_date(self._here(moment), "long", locale=self._locale)

    def moment(self, moment: datetime) -> str:
        """One without a zone is said as it stands."""
        return format_datetime(self._here(moment), "medium", locale=self._locale)

    def minute(self, moment: datetime) -> str:
        """With the zone's name, where nothing around it says which it is."""
        here = self._here(moment)
        return f"{self.day(here)}, {here:%H:%M} ({self.zone_name})"

    def months(self) -> Sequence[str]:
        """Twelve short names."""
        return list(get_month_names("abbreviated", locale=self._locale).values())

    def _here(self, moment: datetime) -> datetime:
        return in_zone(moment, self.zone) if moment.tzinfo else moment
