"""The words of README.txt and report.html, in each language that a data center can choose."""

from collections.abc import Mapping

Words = Mapping[str, str]

_ENGLISH: Words = {
    "title": "Your personal data",
    "lead": "This page shows what {center} holds about you in “{source}”, as of {as_of}.",
    "for_you": "It is meant for you alone. Nothing here loads anything from the internet.",
    "combination": "Device and browser",
    "unknown": "Unknown",
    "export": "Number of this export",
    "notice": "Who holds your data, and your rights",
    "controller": "Responsible",
    "contact": "Contact",
    "rights": "Your rights",
    "authority": "Where you can complain",
    "dpo": "Data protection officer",
    "purposes": "What the data is used for",
    "recipients": "Who receives it",
    "retention": "How long it is kept",
    "transfers": "Transfers to other countries",
    "automated_decisions": "Automated decisions",
    "glance": "At a glance",
    "section": "What",
    "rows": "Entries",
    "first": "First",
    "last": "Last",
    "purpose": "Why we have it",
    "kept": "Kept for",
    "origin": "Where it comes from",
    "given": "you gave it",
    "observed": "recorded while you used the site",
    "inferred": "worked out from your use",
    "timeline": "Activity by month",
    "withheld": "not in this archive: {reason}",
    "absent": "does not exist in this data source",
    "whole_account": "The same whichever device was used: {because}",
    "nothing": "Nothing is stored here.",
    "newest": "The {shown} newest of {rows} entries.",
    "beginning": "The first {shown} of {rows} entries.",
    "rest": "All of them are in personal-data.json.",
    "elsewhere": "Other devices and browsers",
    "others": "The same visitor also used {count} other combinations of device and browser. Their data is not in here: "
    "each is handed over only to whoever can name it.",
    "others_one": "The same visitor also used one other combination of device and browser. Its data is not in here: "
    "it is handed over only to whoever can name it.",
    "others_none": "This is the only combination of device and browser on which this visitor was seen.",
    "rest_title": "Where the rest is",
    "rest_text": "personal-data.json holds every entry in a form that other programs can read. META/manifest.json lists "
    "counts, sizes and check sums, and what is not in here and why.",
    "readme": """{title}
{rule}

What this is: everything that {center} holds about you in "{source}",
for the device and browser you named ({device}, {browser}),
as it stood on {as_of}.

Open report.html first. Any browser shows it, also without internet.
personal-data.json holds every entry for other programs to read.
META/manifest.json is for auditors: counts, sizes and check sums.

Who holds the data: {controller}
Questions:          {contact}
Your rights:        {rights}
Complaints:         {authority}

Number of this export: {id}
Please keep this archive to yourself: it is about you.
""",
}

_GERMAN: Words = {
    "title": "Ihre persönlichen Daten",
    "lead": "Diese Seite zeigt, was {center} in „{source}“ über Sie gespeichert hat, Stand {as_of}.",
    "for_you": "Sie ist nur für Sie bestimmt. Nichts hier lädt etwas aus dem Internet.",
    "combination": "Gerät und Browser",
    "unknown": "Unbekannt",
    "export": "Nummer dieser Auskunft",
    "notice": "Wer Ihre Daten hat, und Ihre Rechte",
    "controller": "Verantwortlich",
    "contact": "Kontakt",
    "rights": "Ihre Rechte",
    "authority": "Wo Sie sich beschweren können",
    "dpo": "Datenschutzbeauftragte",
    "purposes": "Wofür die Daten verwendet werden",
    "recipients": "Wer sie erhält",
    "retention": "Wie lange sie gespeichert werden",
    "transfers": "Übermittlung in andere Länder",
    "automated_decisions": "Automatisierte Entscheidungen",
    "glance": "Auf einen Blick",
    "section": "Was",
    "rows": "Einträge",
    "first": "Erster",
    "last": "Letzter",
    "purpose": "Warum wir es haben",
    "kept": "Aufbewahrt",
    "origin": "Woher es stammt",
    "given": "von Ihnen angegeben",
    "observed": "bei der Nutzung aufgezeichnet",
    "inferred": "aus der Nutzung abgeleitet",
    "timeline": "Aktivität nach Monaten",
    "withheld": "nicht in diesem Archiv: {reason}",
    "absent": "gibt es in dieser Datenquelle nicht",
    "whole_account": "Gleich für jedes Gerät: {because}",
    "nothing": "Hier ist nichts gespeichert.",
    "newest": "Die {shown} neuesten von {rows} Einträgen.",
    "beginning": "Die ersten {shown} von {rows} Einträgen.",
    "rest": "Alle stehen in personal-data.json.",
    "elsewhere": "Andere Geräte und Browser",
    "others": "Derselbe Besucher hat noch {count} andere Kombinationen von Gerät und Browser benutzt. Deren Daten sind "
    "nicht hier: Jede wird nur herausgegeben, wenn man sie nennen kann.",
    "others_one": "Derselbe Besucher hat noch eine andere Kombination von Gerät und Browser benutzt. Deren Daten sind "
    "nicht hier: Sie werden nur herausgegeben, wenn man sie nennen kann.",
    "others_none": "Dies ist die einzige Kombination von Gerät und Browser, auf der dieser Besucher gesehen wurde.",
    "rest_title": "Wo der Rest ist",
    "rest_text": "personal-data.json enthält jeden Eintrag in einer Form, die andere Programme lesen können. "
    "META/manifest.json nennt Anzahlen, Größen und Prüfsummen, und was nicht hier ist und warum.",
    "readme": """{title}
{rule}

Was dies ist: alles, was {center} in "{source}" über Sie gespeichert
hat, für das von Ihnen genannte Gerät und den Browser
({device}, {browser}), Stand {as_of}.

Öffnen Sie zuerst report.html. Jeder Browser zeigt es, auch ohne Internet.
personal-data.json enthält jeden Eintrag für andere Programme.
META/manifest.json ist für Prüfer: Anzahlen, Größen und Prüfsummen.

Verantwortlich: {controller}
Fragen:         {contact}
Ihre Rechte:    {rights}
Beschwerden:    {authority}

Nummer dieser Auskunft: {id}
Bitte behalten Sie dieses Archiv für sich: Es handelt von Ihnen.
""",
}


def words_of(language: str) -> Words:
    """The words in `en` or `de`."""
    return {"en": _ENGLISH, "de": _GERMAN}[language]
