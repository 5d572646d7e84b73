// One page of a conversation: shows only what holds every word of the query, as it is typed.
(() => {
  const box = document.getElementById("q"), told = document.getElementById("told");
  const messages = [...document.querySelectorAll("article")];
  let texts = null;
  const mark = (terms) => {
    if (!("highlights" in CSS)) return;
    CSS.highlights.delete("found");
    const ranges = terms.length ? messages.filter((each) => !each.hidden).flatMap((each) => within(each, terms)) : [];
    if (ranges.length) CSS.highlights.set("found", new Highlight(...ranges));
  };
  const within = (message, terms) => {
    const walker = document.createTreeWalker(message, NodeFilter.SHOW_TEXT), found = [];
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const text = node.data.toLowerCase();
      if (text.length !== node.data.length) continue;
      for (const term of terms) {
        for (let at = text.indexOf(term); at >= 0; at = text.indexOf(term, at + term.length)) {
          const range = new Range();
          range.setStart(node, at);
          range.setEnd(node, at + term.length);
          found.push(range);
        }
      }
    }
    return found;
  };
  const search = () => {
    const terms = termsOf(box.value);
    texts ??= messages.map((each) => fold(each.textContent));
    let shown = 0;
    messages.forEach((each, index) => {
      each.hidden = !holds(texts[index], terms);
      shown += !each.hidden;
    });
    document.body.classList.toggle("filtered", terms.length > 0);
    told.textContent = terms.length ? count(shown, "message", "messages") + " on this page" : "";
    const all = document.getElementById("everywhere");
    all.hidden = !terms.length;
    all.href = "../index.html#q=" + encodeURIComponent(box.value);
    mark(terms);
  };
  ready(box, search);
})();
