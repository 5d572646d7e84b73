"use strict";
// Text as it is compared: without case, and without the accents of Latin, Greek and Cyrillic.
const fold = (text) => text.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
const termsOf = (query) => fold(query).split(/\s+/).filter(Boolean);
const holds = (folded, terms) => terms.every((term) => folded.includes(term));
const count = (number, one, many) => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
// A query can come with the address: #q=words
const askedFor = () => {
  const found = /^#q=(.*)$/.exec(location.hash);
  if (!found) return null;
  try { return decodeURIComponent(found[1]); } catch { return found[1]; }
};
const ready = (box, search) => {
  const look = () => { const asked = askedFor(); if (asked !== null) { box.value = asked; search(); } };
  box.disabled = false;
  box.addEventListener("input", search);
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { box.value = ""; search(); }
  });
  addEventListener("hashchange", look);
  addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== box) { event.preventDefault(); box.focus(); }
  });
  look();
};
