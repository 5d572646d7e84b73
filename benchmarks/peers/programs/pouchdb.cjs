// PouchDB replicates from a server that speaks CouchDB's protocol, into leveldb.
"use strict";

const { join } = require("node:path");
const PouchDB = require("pouchdb");
const { told, measured } = require("./measured.cjs");

const file = join(told.folder, "copy");

async function fill() {
  const local = new PouchDB(file);
  await PouchDB.replicate(`${told.url}/copy`, local);
  await local.close();
}

async function count() {
  const { doc_count } = await new PouchDB(file).info();
  return doc_count;
}

measured(fill, count);
