// WatermelonDB's sync() into SQLite, by better-sqlite3. As its documentation has it, one pull
// brings all that is new. (Its "turbo" first sync is for its native adapters; Node has none.)
"use strict";

const { join } = require("node:path");
const SQLite = require("better-sqlite3");
const { Database, Model, appSchema, tableSchema } = require("@nozbe/watermelondb");
const SQLiteAdapter = require("@nozbe/watermelondb/adapters/sqlite").default;
const { synchronize } = require("@nozbe/watermelondb/sync");
const { told, measured } = require("./measured.cjs");

const file = join(told.folder, "copy.db");
// It logs to where the answer goes.
for (const name of ["log", "info", "warn", "debug"]) console[name] = () => {};

class Message extends Model {
  static table = "messages";
}

const columns = [
  { name: "conversation", type: "string", isIndexed: true },
  { name: "sender", type: "string" },
  { name: "timestamp", type: "number" },
  { name: "type", type: "number" },
  { name: "text", type: "string" },
  { name: "raw", type: "string" },
];

async function pullChanges({ lastPulledAt }) {
  const response = await fetch(`${told.url}/sync?last_pulled_at=${lastPulledAt ?? 0}`);
  if (!response.ok) throw new Error(await response.text());
  return response.json();
}

async function fill() {
  const schema = appSchema({ version: 1, tables: [tableSchema({ name: "messages", columns })] });
  const adapter = new SQLiteAdapter({ dbName: file, schema });
  const database = new Database({ adapter, modelClasses: [Message] });
  await synchronize({ database, pullChanges });
}

function count() {
  return new SQLite(file, { readonly: true }).prepare("SELECT count(*) FROM messages").pluck().get();
}

measured(fill, count);
