// Asks before something is done that cannot be undone.

import { button, h } from "./dom.js";
import { say } from "./words.js";

/** Whether the person said yes. Escape, and leaving the view, mean no. */
export function confirmed({ title, text, deed }, signal) {
  return new Promise((resolve) => {
    const asked = h(
      "dialog", { "aria-labelledby": "asked", "aria-describedby": "asked-for" },
      h("h2", { id: "asked" }, title),
      h("p", { id: "asked-for" }, text),
      h(
        "div", { class: "row end" },
        // The harmless answer comes first, and so has the focus.
        button(say("dialog.keep"), () => asked.close()),
        button(deed, () => asked.close("yes"), { class: "danger" }),
      ),
    );
    asked.addEventListener("close", () => {
      asked.remove();
      resolve(asked.returnValue === "yes");
    });
    signal?.addEventListener("abort", () => asked.close(), { once: true });
    document.body.append(asked);
    asked.showModal();
  });
}
