-- 3: following the server's deletions: what a read did not show, and since when all was read.

-- Ms, server clock: the first read that should have shown the message and did not; a second
-- one removes it (law 5).
ALTER TABLE message ADD COLUMN suspect_at INTEGER;
-- 1: not on the server any more, and perhaps only expired: it stays (law 7).
ALTER TABLE message ADD COLUMN unverified INTEGER NOT NULL DEFAULT 0;
-- Ms, server clock: it came here; NULL: before this was noted.
ALTER TABLE message ADD COLUMN seen_at INTEGER;
-- These hold all that their questions need: there may be very many such rows.
CREATE INDEX message_suspect ON message (conversation, position, suspect_at, hidden)
    WHERE suspect_at IS NOT NULL;
CREATE INDEX message_unverified ON message (conversation, position, timestamp, hidden)
    WHERE unverified = 1;
DROP INDEX message_hidden;
CREATE INDEX message_hidden ON message (conversation, hidden) WHERE hidden IS NOT NULL;

-- Ms, server clock: removed because two reads did not show it; two that do bring it back.
-- NULL: deleted here, for good.
ALTER TABLE tombstone ADD COLUMN absent_at INTEGER;
CREATE INDEX tombstone_absent ON tombstone (absent_at) WHERE absent_at IS NOT NULL;

-- Ms: the longest that this file saw an unedited message stay on the server.
ALTER TABLE account ADD COLUMN longest_stay INTEGER NOT NULL DEFAULT 0;
-- Ms, local clock: the first cycle; nothing was seen to stay for longer than since then.
ALTER TABLE account ADD COLUMN since INTEGER;

CREATE TABLE audit (
    -- How far a conversation's history was read again, and what that found. Ms, server clock.
    conversation INTEGER PRIMARY KEY REFERENCES conversation,
    verified_at  INTEGER,             -- all of it was read, or read again, since then
    head_at      INTEGER,             -- its newest page was last read; NULL: it should be soon
    turn         INTEGER NOT NULL DEFAULT 0, -- the smallest is read next
    sweep_at     INTEGER,             -- a pass over all of it began; NULL: none is under way
    sweep_down   INTEGER,             -- the position down to which that pass has come
    tried_at     INTEGER NOT NULL DEFAULT 0, -- its suspects were last read a second time
    arrived      INTEGER NOT NULL DEFAULT 0, -- messages that came since verified_at
    arriving     INTEGER NOT NULL DEFAULT 0, -- messages that came since sweep_at
    removed      INTEGER NOT NULL DEFAULT 0, -- removed by absence since a person accepted it
    gone         INTEGER NOT NULL DEFAULT 0, -- 1: that was more than half of the conversation
    held_back    INTEGER NOT NULL DEFAULT 0, -- 1: removals wait until a person accepts them
    missing      INTEGER NOT NULL DEFAULT 0  -- 1: the server's whole list does not show it
);
-- How many came before is not known: so many that they explain everything.
INSERT INTO audit (conversation, arrived)
    SELECT conversation, 1099511627776 FROM conversation WHERE fetched = 1;
