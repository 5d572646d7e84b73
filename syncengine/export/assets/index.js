// The list of conversations: filters it as you type, and looks through all messages. A page
// opened from a disk may not fetch, so the messages come as scripts, one a page, newest first.
let syncengineFound = null;
(() => {
  const MOST = 200, KEPT = 40, PAUSE = 150;
  const box = document.getElementById("q"), told = document.getElementById("told");
  const hits = document.getElementById("hits"), more = document.getElementById("more");
  const table = document.querySelector("table"), rows = [...document.querySelectorAll("tr[data-stem]")];
  const kept = new Map();
  let names = null, run = 0, timer = 0, go = null;
  const load = (name) => new Promise((resolve) => {
    if (kept.has(name)) { resolve(kept.get(name)); return; }
    const script = document.createElement("script");
    let found = null;
    syncengineFound = (messages) => { found = messages; };
    script.onload = script.onerror = () => {
      script.remove();
      if (found && kept.size < KEPT) kept.set(name, found);
      resolve(found);
    };
    script.src = "search/" + name + ".js";
    document.head.append(script);
  });
  const files = function* () {
    for (const row of rows) {
      for (let page = Number(row.dataset.pages); page >= 1; page--) {
        yield [row, page === 1 ? row.dataset.stem : row.dataset.stem + "~p" + page];
      }
    }
  };
  const part = (tag, text, name) => {
    const made = document.createElement(tag);
    made.textContent = text;
    if (name) made.className = name;
    made.dir = "auto";
    return made;
  };
  const hit = (row, file, [id, sender, time, text]) => {
    const item = document.createElement("li"), link = document.createElement("a");
    link.href = "conversations/" + file + ".html#" + encodeURIComponent("m" + id);
    const head = document.createElement("div");
    head.append(part("bdi", row.dataset.name, "where"), " · ", part("bdi", sender, "who"), " · ", part("span", time, "when"));
    link.append(head, part("p", text.length > 300 ? text.slice(0, 300) + "…" : text, "text"));
    item.append(link);
    return item;
  };
  const say = (number, read, total, failed, done) => {
    const where = done ? "" : ` so far, ${read} of ${total} pages read`;
    const lost = failed ? `; ${count(failed, "file", "files")} could not be read` : "";
    told.textContent = count(number, "message", "messages") + " found" + where + lost;
  };
  const searchMessages = async (terms, mine) => {
    const all = [...files()];
    let number = 0, shown = 0, read = 0, failed = 0;
    for (const [row, file] of all) {
      const messages = await load(file);
      if (mine !== run) return;
      read++;
      if (!messages) failed++;
      for (let at = (messages ?? []).length - 1; at >= 0; at--) {
        if (!holds(fold(messages[at][1] + " " + messages[at][3]), terms)) continue;
        number++;
        if (shown >= MOST) {
          say(number - 1, read, all.length, failed, false);
          more.hidden = false;
          await new Promise((resolve) => { go = resolve; });
          if (mine !== run) return;
          more.hidden = true;
          shown = 0;
        }
        hits.append(hit(row, file, messages[at]));
        shown++;
      }
      say(number, read, all.length, failed, read === all.length);
    }
    if (!all.length) say(0, 0, 0, 0, true);
    document.body.dataset.searched = String(mine);
  };
  const search = () => {
    const terms = termsOf(box.value), mine = ++run;
    clearTimeout(timer);
    names ??= rows.map((row) => fold(row.dataset.name));
    rows.forEach((row, index) => { row.hidden = !holds(names[index], terms); });
    table.hidden = rows.every((row) => row.hidden);
    hits.replaceChildren();
    more.hidden = true;
    if (go) { go(); go = null; }
    told.textContent = "";
    document.body.classList.toggle("searching", terms.length > 0);
    if (terms.length) timer = setTimeout(() => searchMessages(terms, mine), PAUSE);
  };
  more.addEventListener("click", () => { if (go) { go(); go = null; } });
  ready(box, search);
})();
