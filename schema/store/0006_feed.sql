-- 6: the feed: change rows tell of everything that a reader can see, commit by commit.

CREATE TABLE change_6 (
    -- Revisions grow by one, without holes; the oldest are dropped.
    revision     INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation INTEGER NOT NULL REFERENCES conversation,
    what         TEXT    NOT NULL,    -- changes.What
    cause        TEXT,                -- removed: deleted (here) | absent (elsewhere) | expired
    intent       INTEGER,             -- the deletion asked for here that it belongs to
    until        INTEGER,             -- ms; all up to then, in place of ids
    message_ids  TEXT    NOT NULL DEFAULT '[]', -- JSON list
    first_row    INTEGER,             -- added: message.message, a range in place of ids;
    last_row     INTEGER,             -- those of other conversations in it do not count
    last         INTEGER NOT NULL DEFAULT 0 -- 1: the last row of its commit
);
-- What was told so far told of removals only: nobody may go on from there. The numbers go on.
INSERT INTO sqlite_sequence (name, seq)
    SELECT 'change_6', seq FROM sqlite_sequence WHERE name = 'change';
DROP TABLE change;
ALTER TABLE change_6 RENAME TO change;
