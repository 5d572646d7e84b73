// What the web SDK expects of a browser, made of node:http: no more than it uses.
//
// An XMLHttpRequest that speaks to one origin only (whoever calls another is written down
// and refused: the proof stays on this machine), and a WebSocket that is always refused,
// since none of the calls that are proved needs one.
"use strict";

const http = require("node:http");

/** Every request, as it went out and as it was answered. */
const requests = [];
/** Addresses that the SDK wanted to reach and was not let. */
const refused = [];
let origin = "";

const agent = new http.Agent({ keepAlive: true });

class Refused extends Error {}

function target(url) {
  // As a browser does it: the URL standard leaves ids, commas and stray ampersands as
  // they are, and escapes only what no request line can hold.
  const parsed = new URL(url);
  if (parsed.origin !== origin) {
    refused.push(url);
    throw new Refused(url);
  }
  return { host: parsed.hostname, port: parsed.port, path: parsed.pathname + parsed.search };
}

class XMLHttpRequest {
  readyState = 0;
  status = 0;
  responseText = "";
  responseURL = "";
  timeout = 0;
  onreadystatechange = null;
  onerror = null;
  ontimeout = null;
  onabort = null;
  #method = "GET";
  #url = "";
  #headers = {};

  get response() {
    return this.responseText;
  }

  open(method, url) {
    // Browsers normalise these six and leave any other method alone.
    const upper = method.toUpperCase();
    const known = ["DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"];
    this.#method = known.includes(upper) ? upper : method;
    this.#url = url;
    this.#become(1);
  }

  setRequestHeader(name, value) {
    this.#headers[name] = value;
  }

  send(body) {
    let to;
    try {
      to = target(this.#url);
    } catch {
      this.#fail();
      return;
    }
    this.responseURL = this.#url;
    const record = { method: this.#method, target: to.path, body: body ?? null, status: 0 };
    requests.push(record);
    const headers = { ...this.#headers };
    // Said for every method: node sends the body of a DELETE without it, unmarked.
    if (body) headers["Content-Length"] = Buffer.byteLength(body);
    const request = http.request({ ...to, method: this.#method, headers, agent });
    request.on("response", (response) => this.#read(response, record));
    let late = false;
    request.on("error", () => this.#fail(late));
    if (this.timeout) {
      request.setTimeout(this.timeout, () => {
        late = true;
        request.destroy(new Error("timeout"));
      });
    }
    request.end(body ?? undefined);
  }

  #read(response, record) {
    const chunks = [];
    response.on("data", (chunk) => chunks.push(chunk));
    response.on("error", () => this.#fail());
    response.on("end", () => {
      this.status = record.status = response.statusCode;
      this.responseText = Buffer.concat(chunks).toString("utf8");
      this.#become(4);
    });
  }

  #fail(late = false) {
    // A browser reports an error from a later turn of the loop, never from inside send().
    setImmediate(() => {
      this.status = 0;
      this.#become(4);
      if (late) this.ontimeout?.();
      else this.onerror?.();
    });
  }

  #become(state) {
    this.readyState = state;
    this.onreadystatechange?.();
  }
}

class WebSocket {
  readyState = 3;
  onopen = null;
  onmessage = null;
  onerror = null;
  onclose = null;

  constructor(url) {
    this.url = url;
    setImmediate(() => this.onclose?.({ code: 1006, reason: "" }));
  }

  send() {}

  close() {}
}

class Storage {
  #items = new Map();

  getItem(key) {
    return this.#items.get(key) ?? null;
  }

  setItem(key, value) {
    this.#items.set(key, String(value));
  }
}

/** Puts the globals in place. `device` becomes the SDK's `resource`. */
function install(url, device) {
  origin = new URL(url).origin;
  const localStorage = new Storage();
  localStorage.setItem("localDeviceInfo", JSON.stringify({ deviceId: device }));
  const globals = { self: globalThis, window: globalThis, XMLHttpRequest, WebSocket, localStorage };
  globals.navigator = { userAgent: "node", connection: {} };
  for (const [name, value] of Object.entries(globals)) {
    // `navigator` is a getter in newer versions of Node: plain assignment would do nothing.
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
  }
}

module.exports = { install, requests, refused };
