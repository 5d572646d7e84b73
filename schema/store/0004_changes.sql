-- 4: what was in fact written, in order: why a message is not shown any more, or is again.

CREATE TABLE change (
    -- Revisions grow by one, without holes; the oldest are dropped.
    revision     INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation INTEGER NOT NULL REFERENCES conversation,
    what         TEXT    NOT NULL,    -- removed | restored | settled | refused | dropped
    cause        TEXT,                -- removed: deleted (here) | absent (elsewhere) | expired
    intent       INTEGER,             -- the deletion asked for here that it belongs to
    until        INTEGER,             -- removed: ms; all up to then, in place of ids
    message_ids  TEXT    NOT NULL DEFAULT '[]' -- JSON list
);
