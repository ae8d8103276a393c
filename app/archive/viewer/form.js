// The manifest's published form, as far as it matters here: which keys, of which type.

const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z$/;
const KINDS = {
  text: (value) => typeof value === "string" && value !== "",
  count: (value) => Number.isInteger(value) && value >= 0,
  flag: (value) => typeof value === "boolean",
  null: (value) => value === null,
  moment: (value) => MOMENT.test(value) && !Number.isNaN(Date.parse(value)),
  hash: (value) => /^[0-9a-f]{64}$/.test(value),
  string: (value) => typeof value === "string",
  list: (value) => Array.isArray(value),
  names: (value) => Object(value) === value && Object.values(value).every(KINDS.string),
};
// Keys and types in one line each; `?` behind a key: it may be missing.
const TITLED = form("id:text title:text");
const TOLD = "name:text title:text category:text origin:text purpose:text retention:text recipients:text|list|null scope:text because:text|null time?:text|null labels?:names status:text ";
const INCLUDED = form(`${TOLD}reason:null rows:count bytes:count sha256:hash first_at:moment|null last_at:moment|null`);
const LEFT_OUT = form(`${TOLD}reason:text rows:null bytes:null sha256:null first_at:null last_at:null`);
const RUN = form("id:text device:string|null browser:string|null as_of:moment compiled_at:moment expires_at:moment mapping_sha256:hash row_security?:flag language?:text time_zone?:text|null");
const EXPORT = { ...RUN, data_center: TITLED, data_source: TITLED };
const SECTION = (value) => (value?.status === "included" ? INCLUDED : LEFT_OUT);
const MANIFEST_FORM = {
  ...form("schema_version:text other_combinations:count"), export: EXPORT, sections: [SECTION],
  omitted: [form("table:text reason:text")], members: [form("name:text size:count sha256:hash")], totals: form("members:count bytes:count"),
};

function form(text) {
  return Object.fromEntries(text.trim().split(" ").map((one) => one.split(":")));
}

/** Where the manifest has another form; "" where it has not. Names no key that is not known. */
export function misfit(manifest) {
  return misfitOf(MANIFEST_FORM, manifest, "");
}

function misfitOf(wanted, value, where) {
  if (typeof wanted === "string") return wanted.split("|").some((kind) => KINDS[kind](value)) ? "" : where;
  if (typeof wanted === "function") return misfitOf(wanted(value), value, where);
  if (Array.isArray(wanted)) {
    if (!Array.isArray(value)) return where;
    return value.map((one, n) => misfitOf(wanted[0], one, `${where}.${n}`)).find(Boolean) ?? "";
  }
  if (Object(value) !== value) return where || ".";
  const names = Object.keys(wanted).map((key) => key.replace("?", ""));
  if (Object.keys(value).some((key) => !names.includes(key))) return `${where}.?`;
  const rest = Object.entries(wanted).filter(([key]) => !key.endsWith("?") || key.slice(0, -1) in value);
  return rest.map(([key, kind]) => misfitOf(kind, value[key.replace("?", "")], `${where}.${key.replace("?", "")}`)).find(Boolean) ?? "";
}
