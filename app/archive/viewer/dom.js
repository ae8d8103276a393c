// Makes elements. Data only ever becomes text, so that nothing in an archive can become markup or a link.

const PAUSE = 2000;
let told = 0, telling = 0;

export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) put(element, name, value);
  return fill(element, ...children);
}

export function fill(element, ...children) {
  element.replaceChildren(...children.flat(9).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function button(label, onclick, attributes = {}) {
  return h("button", { type: "button", onclick, ...attributes }, label);
}

/** What stands in the data: its direction is its own. */
export function data(text, tag = "bdi") {
  return h(tag, { dir: "auto" }, text);
}

export function facts(pairs) {
  return h("dl", { class: "facts" }, pairs.filter(([, value]) => value).map(([name, value]) => (
    h("div", {}, h("dt", {}, name), h("dd", { dir: "auto" }, value)))));
}

/** Has a sentence read aloud, the last one of two seconds. */
export function announce(sentence) {
  clearTimeout(telling);
  telling = setTimeout(() => {
    told = Date.now();
    document.getElementById("status").textContent = sentence;
  }, Math.max(50, told + PAUSE - Date.now()));
}

function put(element, name, value) {
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (value === true) element.setAttribute(name, "");
  else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
}
