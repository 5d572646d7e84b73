// The official web SDK pulls the account page by page. It has no store: what it returns is
// counted and let go.
"use strict";

const { told, measured } = require("./measured.cjs");
const { install } = require("./browser.cjs");

/** A browser has no more connections to a server. */
const AT_ONCE = 6;
const PAGE = 49;
const ENDED = ["", "undefined", "null", undefined, null];

install(told.url, "peer");
for (const name of ["log", "info", "warn", "error", "debug", "trace"]) console[name] = () => {};
// A browser reports these and goes on; the socket, which is refused here, leaves some.
process.on("unhandledRejection", () => {});
// Only now: the bundle looks at the globals while it loads.
const sdk = require("easemob-websdk");

async function signedIn() {
  const options = { isHttpDNS: false, https: false, apiUrl: told.url };
  const socket = told.url.replace(/^http/, "ws") + "/websocket";
  const connection = new sdk.connection({ ...options, appKey: told.app, url: socket });
  // History needs no socket: that it cannot be opened is expected.
  await connection.open({ user: told.user, accessToken: told.token }).catch(() => {});
  return connection;
}

async function listed(connection) {
  const found = [];
  for (let cursor = ""; ; ) {
    const { data } = await connection.getServerConversations({ pageSize: 50, cursor });
    found.push(...data.conversations);
    cursor = data.cursor;
    if (ENDED.includes(cursor)) return found;
  }
}

async function pulled(connection, { conversationId, conversationType }) {
  const question = { targetId: conversationId, chatType: conversationType, pageSize: PAGE };
  const ids = new Set();
  for (let cursor = -1; ; ) {
    const page = await connection.getHistoryMessages({ ...question, cursor });
    for (const message of page.messages) ids.add(message.id);
    if (page.isLast || ENDED.includes(page.cursor)) return ids.size;
    cursor = page.cursor;
  }
}

async function fill() {
  const connection = await signedIn();
  const waiting = await listed(connection);
  const counts = [];
  const fetcher = async () => {
    while (waiting.length) counts.push(await pulled(connection, waiting.pop()));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, fetcher));
  return counts.reduce((sum, count) => sum + count, 0);
}

measured(fill, (records) => records);
