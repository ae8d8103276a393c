// The page's words in the reader's language; dates and numbers as that language writes them.

const ALL = JSON.parse(document.getElementById("words").textContent);
const formats = new Map();
export const LANGUAGES = { en: "English", de: "Deutsch", fr: "Français", es: "Español", it: "Italiano" };
let language = "", locale = "en", plurals;

export function speak(wanted) {
  const asked = [wanted, ...navigator.languages].map((tag) => String(tag).slice(0, 2));
  language = asked.find((tag) => Object.hasOwn(LANGUAGES, tag)) ?? "en";
  locale = navigator.languages.find((tag) => tag.slice(0, 2) === language) ?? language;
  plurals = new Intl.PluralRules(language);
  document.documentElement.lang = language;
  document.title = say("title");
}

export function spoken() {
  return language;
}

export function known(key) {
  return ALL.keys.includes(key);
}

/** A sentence with its places filled in; what stands before a bar is for one of `values.count`. */
export function say(key, values = {}) {
  const [one, other = one] = ALL[language][ALL.keys.indexOf(key)].split("|");
  const sentence = plurals.select(values.count ?? 0) === "one" ? one : other;
  return sentence.replace(/\{(\w+)\}/g, (_, name) => isolated(values[name]));
}

export function number(value) {
  return format(Intl.NumberFormat, {}, value);
}

export function dated(moment, style) {
  return format(Intl.DateTimeFormat, style, moment);
}

export function size(bytes) {
  const mega = bytes >= 1e6;
  const style = { style: "unit", unit: mega ? "megabyte" : "kilobyte", maximumFractionDigits: mega ? 0 : 1 };
  return format(Intl.NumberFormat, style, bytes / (mega ? 1e6 : 1e3));
}

export function bytesOf(count) {
  return format(Intl.NumberFormat, { style: "unit", unit: "byte", unitDisplay: "long" }, count);
}

// A name from right to left must not turn the sentence around.
function isolated(value) {
  return typeof value === "number" ? number(value) : `\u2068${value ?? ""}\u2069`;
}

function format(Kind, style, value) {
  const key = locale + JSON.stringify(style);
  if (!formats.has(key)) formats.set(key, new Kind(locale, style));
  return formats.get(key).format(value);
}
