-- 2: deletions: what a person asked for, and what is gone for good.

-- The pending intent that hides the message; -1: deleted for certain, and served all the
-- same; NULL: it is shown.
ALTER TABLE message ADD COLUMN hidden INTEGER;
CREATE INDEX message_hidden ON message (hidden) WHERE hidden IS NOT NULL;

-- 1: deleted from the lists here; it comes back when somebody writes (law 8).
ALTER TABLE conversation ADD COLUMN unlisted INTEGER NOT NULL DEFAULT 0;
-- Ms, server clock: the latest time that the server was heard to say.
ALTER TABLE account ADD COLUMN server_time INTEGER;

CREATE TABLE tombstone (
    -- Deleted for certain: never shown again, whatever a page says (law 4).
    conversation INTEGER NOT NULL REFERENCES conversation,
    message_id   TEXT    NOT NULL,
    served_at    INTEGER,             -- ms, server clock: when the server served it all the same
    PRIMARY KEY (conversation, message_id)
) WITHOUT ROWID;

CREATE TABLE intent (
    -- What a person asked for and the server has not accepted yet (law 8).
    intent       INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation INTEGER NOT NULL REFERENCES conversation,
    kind         TEXT    NOT NULL,    -- messages | before | listing
    timestamp    INTEGER,             -- before: ms, inclusive
    asked_at     INTEGER NOT NULL,    -- ms, local clock
    state        TEXT    NOT NULL DEFAULT 'pending', -- pending | refused
    attempts     INTEGER NOT NULL DEFAULT 0,
    error        TEXT                 -- the last one, in words
);
CREATE INDEX intent_conversation ON intent (conversation);

CREATE TABLE intent_message (
    -- The messages of an intent that are not settled yet.
    intent     INTEGER NOT NULL REFERENCES intent,
    message_id TEXT    NOT NULL,
    PRIMARY KEY (intent, message_id)
) WITHOUT ROWID;
