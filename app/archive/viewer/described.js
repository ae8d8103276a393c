// What the page is told of a file when it is opened: the document's head, and what the manifest knows beside it.

export function described(head, manifest, sections) {
  const { compiled_at, expires_at, language = null, time_zone = null } = manifest?.export ?? {};
  return {
    kind: manifest ? "archive" : "document", schemaVersion: head.schema_version, notice: head.notice,
    export: { ...head.export, ...(manifest && { compiled_at, expires_at, language, time_zone }) },
    notIncluded: head.not_included ?? left(manifest), omitted: manifest?.omitted ?? [],
    otherCombinations: manifest?.other_combinations ?? null,
    sections: manifest ? included(manifest).map(told) : [...sections.values()].map(alone),
  };
}

export function included(manifest) {
  return (manifest?.sections ?? []).filter((one) => one.status === "included");
}

function left(manifest) {
  const all = (manifest?.sections ?? []).filter((one) => one.status !== "included");
  return all.map(({ name: section, title, status, reason }) => ({ section, title, status, reason }));
}

function told({ first_at: firstAt, last_at: lastAt, time = null, labels = {}, ...one }) {
  return { ...one, firstAt, lastAt, time, labels };
}

/** Of a section that no manifest tells of nothing is known but what was read. */
function alone({ name, rows, done, time }) {
  const nothing = Object.fromEntries("category origin purpose retention recipients scope because firstAt lastAt".split(" ").map((key) => [key, null]));
  return { ...nothing, name, title: name, rows: done ? rows : null, time, labels: {} };
}
