// Devices and browsers in words and pictures. A guess by name is good enough for a picture, never for a choice.

import { h, icon } from "./dom.js";
import { phrase, say } from "./words.js";

const BY_NAME = [
  ["tablet", /ipad|tablet|\btab\b|kindle/],
  ["phone", /iphone|phone|pixel|galaxy|android|mobile|handy/],
  ["computer", /mac|windows|computer|laptop|desktop|linux|chromebook|\bpc\b/],
];

/** What is missing and what is empty are two values, and two combinations. */
export function deviceName(device) {
  return device || say(device === "" ? "device.empty" : "device.unknown");
}

export function browserName(browser) {
  return browser || say(browser === "" ? "browser.empty" : "browser.unknown");
}

export function nameOf({ device, browser }) {
  return phrase("combination", { device: deviceName(device), browser: browserName(browser) });
}

/** Of an entry: an erasure may take all of a visitor, whatever the device. */
export function whatOf(entry) {
  return entry.scope === "visitor" ? say("whole-visitor") : nameOf(entry);
}

export function picturesOf({ device, os }) {
  return h("span", { class: "pictures" }, icon(kindOf(device) ?? kindOf(os) ?? "unknown"), icon("browser"));
}

function kindOf(name) {
  const plain = (name ?? "").toLowerCase();
  return BY_NAME.find(([, pattern]) => pattern.test(plain))?.[0] ?? null;
}
