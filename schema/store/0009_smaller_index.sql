-- 9: a search index of half the size, empty at first: it is made from the messages

-- It runs again wherever an index is to be made anew, also a damaged one. SQLite cannot drop
-- an index that it cannot open: so its own tables are made those of an empty one first,
-- whatever they were.
CREATE VIRTUAL TABLE temp.pristine USING fts5(text, tags, content = '', columnsize = 0);
DROP TABLE IF EXISTS main.search_data;
CREATE TABLE main.search_data (id INTEGER PRIMARY KEY, block BLOB);
INSERT INTO main.search_data SELECT * FROM temp.pristine_data;
DROP TABLE IF EXISTS main.search_idx;
CREATE TABLE main.search_idx (segid, term, pgno, PRIMARY KEY (segid, term)) WITHOUT ROWID;
INSERT INTO main.search_idx SELECT * FROM temp.pristine_idx;
DROP TABLE IF EXISTS main.search_config;
CREATE TABLE main.search_config (k PRIMARY KEY, v) WITHOUT ROWID;
INSERT INTO main.search_config SELECT * FROM temp.pristine_config;
DROP TABLE temp.pristine;
DROP TABLE IF EXISTS main.search;
-- Where only they were left, or where the index was of an older version.
DROP TABLE IF EXISTS main.search_data;
DROP TABLE IF EXISTS main.search_idx;
DROP TABLE IF EXISTS main.search_config;
DROP TABLE IF EXISTS main.search_docsize;
DROP TABLE IF EXISTS main.search_moved;

CREATE VIRTUAL TABLE search USING fts5(
    -- Contentless: the text is in `message`. A row number is the message's time, in slots of
    -- 2^22 ms, and the 36 bits of its row number, so that the newest slot comes first without
    -- a sort, and a word costs few bytes: FTS5 stores the differences.
    text,                             -- as `store/words.py` prepares it
    tags,                             -- c12: the conversation; s1a2b3c4d: its sender; the kind
    content = '',
    columnsize = 0,                   -- how many words a message has, nothing asks
    tokenize = "unicode61 remove_diacritics 0 categories 'L* N* M* Co'"
);
INSERT INTO search (search, rank) VALUES ('automerge', 8); -- parts that are merged at a time

DELETE FROM search_stale;
UPDATE search_state SET indexed_to = 0, rules = '', deleted = 0;
