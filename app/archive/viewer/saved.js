// One section, or what was found in it, as a CSV file.

import { NOTHING, Room } from "./bytes.js";
import { csvLine, inColumns } from "./csv.js";
import { cellsOf } from "./row.js";
import { rowTexts } from "./scanner.js";

/** {blob, name}; a search that is under way is waited for. */
export async function saved(reader, { section: name, view }) {
  const chosen = view == null ? null : reader.views.get(view) ?? { found: NOTHING };
  if (chosen) chosen.saving = true;
  await chosen?.ended;
  while (!reader.over && !reader.sections.get(name)?.done) await reader.more();
  const columns = [...(reader.sections.get(name)?.columns ?? [])];
  const parts = ["\ufeff", csvLine(columns.map((column) => ["text", column]))];
  const room = new Room();
  let next = 0;
  let rows = 0;
  for await (const { block } of reader.blocks(name, () => false)) {
    const bytes = await reader.pieces.bytes(block.from, block.to, room);
    const lines = [];
    for (const [at, text] of rowTexts(bytes).entries()) {
      if (chosen && chosen.found.items[next] !== block.row + at) continue;
      if (chosen && next >= chosen.found.length) break;
      next++;
      rows++;
      lines.push(csvLine(inColumns(cellsOf(text), columns)));
    }
    parts.push(new Blob([lines.join("")]));
    reader.tellSometimes({ event: "saving", section: name, rows });
  }
  return { blob: new Blob(parts, { type: "text/csv" }), name: `${name}.csv` };
}
