// Makes elements. Data only ever becomes text, so that nothing a visitor typed somewhere can become markup.

export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) set(element, name, value);
  element.append(...shown(children));
  return element;
}

export function fill(element, ...children) {
  element.replaceChildren(...shown(children));
  return element;
}

/** A picture beside words that say the same, hence hidden from who has the words read aloud. */
export function icon(name) {
  return h("span", { class: `icon icon-${name}`, "aria-hidden": "true" });
}

export function button(label, onclick, attributes = {}) {
  return h("button", { type: "button", class: "plain", onclick, ...attributes }, label);
}

/** Something that a person has to know; `kind` is info, warning, error or done. */
export function notice(kind, ...children) {
  return h("div", { class: `notice ${kind}` }, icon(kind), h("div", {}, ...children));
}

export function announce(sentence) {
  tell("status", sentence);
}

export function alarm(sentence) {
  tell("alarm", sentence);
}

function tell(region, sentence) {
  const element = document.getElementById(region);
  element.textContent = "";
  // The same words again are read only where the region was empty in between.
  setTimeout(() => { element.textContent = sentence; }, 50);
}

function set(element, name, value) {
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (value === true) element.setAttribute(name, "");
  else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
}

function shown(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}
