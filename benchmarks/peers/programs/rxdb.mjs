// RxDB's HTTP replication into Dexie, which is IndexedDB: it runs in a browser's page. The
// batches have the size that they have where none is given.
import { createRxDatabase } from "rxdb/plugins/core";
import { replicateRxCollection } from "rxdb/plugins/replication";
import { getRxStorageDexie } from "rxdb/plugins/storage-dexie";

const told = JSON.parse(decodeURIComponent(location.search.slice(1)));

const schema = {
  version: 0,
  primaryKey: "id",
  type: "object",
  properties: {
    id: { type: "string", maxLength: 40 },
    conversation: { type: "string", maxLength: 100 },
    sender: { type: "string" },
    timestamp: { type: "number" },
    type: { type: "number" },
    text: { type: "string" },
    raw: { type: "string" },
  },
  required: ["id", "conversation", "sender", "timestamp", "type", "text", "raw"],
  indexes: ["conversation"],
};

async function opened() {
  const storage = getRxStorageDexie();
  // One page alone: there are no others to tell what changed.
  const database = await createRxDatabase({ name: "copy", storage, multiInstance: false });
  const { messages } = await database.addCollections({ messages: { schema } });
  return { database, messages };
}

async function handler(checkpoint, batchSize) {
  const { updatedAt = 0, id = "" } = checkpoint ?? {};
  const query = new URLSearchParams({ updatedAt, id, limit: batchSize });
  const response = await fetch(`${told.url}/pull?${query}`);
  if (!response.ok) throw new Error(await response.text());
  return response.json();
}

async function fill() {
  const { database, messages } = await opened();
  const replication = replicateRxCollection({
    collection: messages,
    replicationIdentifier: "messages",
    live: false,
    pull: { handler },
  });
  const failed = new Promise((_, reject) => replication.error$.subscribe(reject));
  await Promise.race([replication.awaitInitialReplication(), failed]);
  await database.close();
}

async function measured() {
  const began = performance.now();
  await fill();
  const seconds = (performance.now() - began) / 1000;
  const { messages } = await opened();
  return { records: await messages.count().exec(), seconds };
}

const say = (answer) => fetch("/done", { method: "POST", body: JSON.stringify(answer) });
measured().then(say, (error) => say({ error: String(error?.stack ?? error) }));
