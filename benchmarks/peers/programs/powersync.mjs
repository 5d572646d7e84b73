// PowerSync's Node SDK fills SQLite from its stream, by better-sqlite3 and its own extension.
import { join } from "node:path";
import SQLite from "better-sqlite3";
import { PowerSyncDatabase, Schema, Table, column } from "@powersync/node";
import { told, measured } from "./measured.cjs";

const messages = new Table(
  {
    conversation: column.text,
    sender: column.text,
    timestamp: column.integer,
    type: column.integer,
    text: column.text,
    raw: column.text,
  },
  { indexes: { of_conversation: ["conversation"] } },
);

const connector = {
  fetchCredentials: async () => ({ endpoint: told.url, token: told.token }),
  uploadData: async () => {},
};

async function fill() {
  const database = new PowerSyncDatabase({
    schema: new Schema({ messages }),
    database: { dbFilename: "copy.db", dbLocation: told.folder },
  });
  await database.connect(connector);
  await database.waitForFirstSync();
  await database.close();
}

function count() {
  // Its view `messages` needs its extension; this is the table behind it.
  const file = new SQLite(join(told.folder, "copy.db"), { readonly: true });
  return file.prepare("SELECT count(*) FROM ps_data__messages").pluck().get();
}

measured(fill, count);
