// The manifest's published form, as far as it matters here: which keys, and what may stand under them.

const TOLD = "name title category origin purpose retention recipients scope because status reason rows bytes sha256 first_at last_at time? labels? withheld_rows? withheld_because?";
// By the key that the object stands under; all in a list have the same.
const KEYS = {
  "": "schema_version export sections omitted other_combinations members totals",
  export: "id data_center data_source device browser as_of compiled_at expires_at mapping_sha256 row_security? language? time_zone?",
  data_center: "id title", data_source: "id title", sections: TOLD, omitted: "table reason", members: "name size sha256", totals: "members bytes",
};
const NULLABLE = /^(device|browser|time_zone|recipients|because|withheld_because|reason|rows|bytes|sha256|first_at|last_at|time)$/;
const isCount = (value) => Number.isInteger(value) && value >= 0;
const RULES = [
  [/_at$|^as_of$/, (value) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z$/.test(value) && Date.parse(value) > 0],
  [/sha256$/, (value) => /^[0-9a-f]{64}$/.test(value)],
  [/^(rows|withheld_rows|bytes|size|other_combinations)$/, isCount],
  [/^members$/, (value) => Array.isArray(value) || isCount(value)],
  [/^(sections|omitted)$/, Array.isArray],
  [/^(recipients|labels|export|data_.*|totals|row_security)$/, (value) => value !== undefined],
  [/./, (value) => typeof value === "string" && value !== ""],
];

/** Where the manifest has another form; "" where it has not. Names no key that is not known. */
export function misfit(value, key = "") {
  if (Array.isArray(value) && key in KEYS) return value.map((one) => misfit(one, key)).find(Boolean) ?? "";
  if (!(key in KEYS) || (key && isCount(value))) return fits(value, key) ? "" : key;
  if (Object(value) !== value) return key || "all";
  const keys = KEYS[key].split(" ");
  const unknown = Object.keys(value).find((one) => !keys.includes(one) && !keys.includes(`${one}?`));
  if (unknown !== undefined) return `${key}.?`;
  const needed = keys.filter((one) => !one.endsWith("?") || one.slice(0, -1) in value).map((one) => one.replace("?", ""));
  return needed.map((one) => (fits(value[one], one) ? misfit(value[one], one) : one)).find(Boolean) ?? "";
}

function fits(value, key) {
  return (value === null && NULLABLE.test(key)) || RULES.find(([pattern]) => pattern.test(key))[1](value);
}
