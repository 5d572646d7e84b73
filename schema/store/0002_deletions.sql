-- 2: deletions: what a person asked for, what is gone for good, and what may be.

-- The pending intent that hides the message; NULL: it is shown.
ALTER TABLE message ADD COLUMN hidden INTEGER;
-- Ms, server clock: the first read that covered the message and did not show it (law 5).
ALTER TABLE message ADD COLUMN suspect_at INTEGER;
-- 1: the server no longer shows it, and it may only have expired (law 7).
ALTER TABLE message ADD COLUMN unverified INTEGER NOT NULL DEFAULT 0;
CREATE INDEX message_hidden ON message (hidden) WHERE hidden IS NOT NULL;

-- 1: deleted from the lists here; it comes back when somebody writes (law 8).
ALTER TABLE conversation ADD COLUMN unlisted INTEGER NOT NULL DEFAULT 0;
-- Messages that arrived since its whole history was last verified.
ALTER TABLE conversation ADD COLUMN arrived INTEGER NOT NULL DEFAULT 0;
-- Removals by absence since a person last accepted them, held-back ones included.
ALTER TABLE conversation ADD COLUMN removed INTEGER NOT NULL DEFAULT 0;
-- Removals by absence that wait for a person to accept them.
ALTER TABLE conversation ADD COLUMN held_back INTEGER NOT NULL DEFAULT 0;
-- Ms, local clock: all of its history was last verified, in a pass that began then.
ALTER TABLE conversation ADD COLUMN verified_at INTEGER;
-- Ms, local clock: its newest page was last verified.
ALTER TABLE conversation ADD COLUMN head_verified_at INTEGER;
-- Where a verifying pass goes on (a position), and when it began; NULL: none is under way.
ALTER TABLE conversation ADD COLUMN audit_position INTEGER;
ALTER TABLE conversation ADD COLUMN audit_began_at INTEGER;

-- Ms, server clock: the latest time that the server was heard to say.
ALTER TABLE account ADD COLUMN server_time INTEGER;
-- Ms: the longest that an unedited message was seen to stay on the server.
ALTER TABLE account ADD COLUMN longest_stay INTEGER NOT NULL DEFAULT 0;

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
