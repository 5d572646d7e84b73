// Drives the official web SDK by a plan: JSON on standard input, JSON on standard output.
//
// The plan: {url, app_key, device, settle_ms, steps}, a step being one of
//   {"open": {user, pwd | accessToken}}      sign in; the socket is refused, REST works
//   {"call": METHOD, "args": {...}}          one call of the connection
//   {"pages": METHOD, "args": {...}}         the same call until its cursor ends
// The answer: {sdk, node, steps, requests, refused, unhandled}, a step's answer being
// {"result": ...} or {"error": {type, message}}.
"use strict";

const { readFileSync } = require("node:fs");
const { install, requests, refused } = require("./browser.cjs");

const MOST_PAGES = 200;
const unhandled = [];
let settleMs = 0;

function note(error) {
  unhandled.push(String(error?.stack ?? error));
}

// A browser reports these and goes on.
process.on("unhandledRejection", note);
process.on("uncaughtException", note);
// Standard output is for the answer alone.
for (const name of ["log", "info", "warn", "error", "debug", "trace"]) {
  console[name] = () => {};
}

/** Some of the SDK's promises never settle when decoding fails: that must not hang a test. */
function settled(promise) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("the promise never settled")), settleMs);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

async function signIn(connection, options) {
  const answer = { socket: null };
  await settled(connection.open(options)).catch((error) => {
    // The token is fetched first, then the socket is tried. With a token in hand the
    // failure is the socket's, which is expected here.
    if (!connection.context.accessToken) throw error;
    answer.socket = { type: error.type, message: error.message };
  });
  return { ...answer, token: connection.context.accessToken, expiresIn: connection.expiresIn };
}

/** The two shapes in which the SDK hands over a page. */
function pageOf(result) {
  const { messages, isLast, cursor, data } = result;
  if (messages) return { items: messages, cursor, last: isLast };
  return { items: data.conversations, cursor: data.cursor, last: !data.cursor };
}

async function allPages(connection, method, args) {
  const pages = [];
  let cursor = args.cursor;
  while (pages.length < MOST_PAGES) {
    const request = cursor === undefined ? args : { ...args, cursor };
    const page = pageOf(await settled(connection[method](request)));
    pages.push(page);
    const ended = ["", "undefined", "null", undefined, null].includes(page.cursor);
    if (page.last || ended || page.items.length === 0) break;
    cursor = page.cursor;
  }
  return pages;
}

async function perform(connection, step) {
  if (step.open) return signIn(connection, step.open);
  if (step.pages) return allPages(connection, step.pages, step.args);
  return settled(connection[step.call](step.args));
}

async function answer(connection, step) {
  try {
    return { result: (await perform(connection, step)) ?? null };
  } catch (error) {
    return { error: { type: error?.type ?? null, message: String(error?.message ?? error) } };
  }
}

async function main() {
  const plan = JSON.parse(readFileSync(0, "utf8"));
  settleMs = plan.settle_ms;
  install(plan.url, plan.device);
  // Only now: the bundle looks at the globals while it loads.
  const sdk = require("easemob-websdk");
  const options = { isHttpDNS: false, https: false };
  const connection = new sdk.connection({
    ...options,
    appKey: plan.app_key,
    apiUrl: plan.url,
    url: plan.url.replace(/^http/, "ws") + "/websocket",
  });
  const steps = [];
  for (const step of plan.steps) steps.push(await answer(connection, step));
  const version = connection.version;
  const said = { sdk: version, node: process.version, steps, requests, refused, unhandled };
  // The SDK leaves timers behind: end as soon as the answer is out.
  process.stdout.write(JSON.stringify(said), () => process.exit(0));
}

main();
