// The page's words, in the reader's language: one catalogue, with plurals and places to fill in.

import { h } from "./dom.js";

export const LANGUAGES = { en: "English", de: "Deutsch" };
const REMEMBERED = "dossier-language";

export let language = "en";
/** The language as the reader's country writes it: dates and numbers differ within one. */
export let locale = "en";
let words = {};
let plurals = new Intl.PluralRules(language);

export async function loadWords(wanted = preferred()) {
  const answer = await fetch(new URL(`words.${wanted}.json`, import.meta.url));
  if (!answer.ok) throw new Error(`no words in ${wanted}`);
  words = await answer.json();
  language = wanted;
  locale = navigator.languages.find((tag) => tag.slice(0, 2) === wanted) ?? wanted;
  plurals = new Intl.PluralRules(language);
  document.documentElement.lang = language;
}

export async function switchLanguage(wanted) {
  await loadWords(wanted);
  try {
    localStorage.setItem(REMEMBERED, wanted);
  } catch {
    // Without storage the choice holds until the page is left.
  }
}

export function knows(key) {
  return Object.hasOwn(words, key);
}

/** The sentence as a string. Its plural is that of `values.count`. */
export function say(key, values = {}) {
  return pieces(key, values).map(({ text, place }) => text ?? plain(values[place])).join("");
}

/** The sentence as nodes: each value stands apart, because a name may be written from right to left. */
export function phrase(key, values = {}) {
  return pieces(key, values).map(({ text, place }) => text ?? node(values[place]));
}

export function number(value) {
  return new Intl.NumberFormat(locale).format(value);
}

function preferred() {
  const asked = [remembered(), ...navigator.languages].filter(Boolean).map((tag) => tag.slice(0, 2));
  return asked.find((tag) => Object.hasOwn(LANGUAGES, tag)) ?? "en";
}

function remembered() {
  try {
    return localStorage.getItem(REMEMBERED);
  } catch {
    return null;
  }
}

function pieces(key, values) {
  const found = words[key] ?? key;
  const sentence = typeof found === "string" ? found : found[plurals.select(values.count)] ?? found.other;
  // Every second piece is what stood in braces.
  return sentence.split(/\{(\w+)\}/).map((piece, at) => (at % 2 ? { place: piece } : { text: piece }));
}

function plain(value) {
  return typeof value === "number" ? number(value) : String(value);
}

function node(value) {
  if (value instanceof Node) return value;
  return typeof value === "number" ? number(value) : h("bdi", {}, String(value));
}
