// The rest of the journey, after export.ts of docs/clients.md: the history, a link, the end. Takes the export's id.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { paths } from "./dossier.d.ts";

const env = (name: string): string => process.env[name] ?? assert.fail(name);
const [id = ""] = process.argv.slice(2);
const data_center = env("DOSSIER_DATA_CENTER");
const baseUrl = env("DOSSIER_URL");
const client = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${env("DOSSIER_KEY")}` } });
const path = { data_center, id };

async function lookIntoTheHistory(): Promise<void> {
  const query = { status: "ready", sort: "-requested_at", page_size: 1 } as const;
  const history = { params: { path: { data_center }, query } };
  const listed = await client.GET("/v1/data-centers/{data_center}/history", history);
  assert.equal(listed.data?.items[0]?.id, id);
  const search = { params: { path: { data_center } }, body: { identifier: env("DOSSIER_IDENTIFIER") } };
  const found = await client.POST("/v1/data-centers/{data_center}/history/search", search);
  assert.equal(found.data?.items[0]?.id, id);
  const table = { params: { path: { data_center } }, parseAs: "text" } as const;
  const csv = await client.GET("/v1/data-centers/{data_center}/history.csv", table);
  assert.ok(csv.data?.includes(id));
}

async function linkAndRevoke(): Promise<void> {
  const { data: link } = await client.POST("/v1/data-centers/{data_center}/exports/{id}/links", { params: { path } });
  assert.ok(link);
  assert.ok(Date.parse(link.expires_at) - Date.now() <= 5 * 60 * 1000);
  const address = new URL(link.url, baseUrl);
  const followed = await fetch(address);
  assert.equal(followed.headers.get("content-type"), "application/zip");
  await followed.arrayBuffer();
  const ended = await client.DELETE("/v1/data-centers/{data_center}/exports/{id}", { params: { path } });
  assert.equal(ended.response.status, 204);
  assert.equal((await fetch(address)).status, 410);
}

async function beRefused(): Promise<void> {
  const { error } = await client.GET("/v1/data-centers/{data_center}/exports/{id}/archive", { params: { path } });
  assert.equal(error?.type, "/problems/export-revoked");
}

await lookIntoTheHistory();
await linkAndRevoke();
await beRefused();
