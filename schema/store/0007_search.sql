-- 7: full text search, derived from the messages, made after them, and anew where damaged

CREATE VIRTUAL TABLE search USING fts5(
    -- Contentless: the text is in `message`. A row number is the message's time, ms, and the
    -- low 21 bits of its row number, so that the newest come first without a sort.
    text,                             -- as `store/words.py` prepares it
    tags,                             -- c12: the conversation; s1a2b3c4d: its sender; the kind
    content = '',
    tokenize = "unicode61 remove_diacritics 0 categories 'L* N* M* Co'"
);

CREATE TABLE search_state (
    -- One row. It is written with the index rows that it tells of.
    search_state INTEGER PRIMARY KEY CHECK (search_state = 1),
    indexed_to   INTEGER NOT NULL,    -- message.message: all up to it are indexed, none above;
                                      -- never above the highest there is, which may be reused
    rules        TEXT    NOT NULL,    -- of preparing texts; others: the index is made anew
    deleted      INTEGER NOT NULL DEFAULT 0 -- 1: something was taken out since the last upkeep
);

INSERT INTO search_state (search_state, indexed_to, rules) VALUES (1, 0, '');

CREATE TABLE search_moved (
    -- Messages whose row number in the index was taken: those of the same moment, 2^21 apart.
    message INTEGER PRIMARY KEY,
    place   INTEGER NOT NULL UNIQUE   -- search.rowid
);

CREATE TABLE search_stale (
    -- Indexed like this, and deleted or changed since: taken out before the commit.
    message      INTEGER PRIMARY KEY,
    conversation INTEGER NOT NULL,
    sender       TEXT    NOT NULL,
    timestamp    INTEGER NOT NULL,
    text         TEXT    NOT NULL
);

CREATE TRIGGER search_deleted AFTER DELETE ON message
BEGIN
    INSERT OR IGNORE INTO search_stale
        SELECT OLD.message, OLD.conversation, OLD.sender, OLD.timestamp, OLD.text
        FROM search_state WHERE OLD.message <= indexed_to;
    UPDATE search_state SET indexed_to = (SELECT coalesce(max(message), 0) FROM message)
        WHERE indexed_to > (SELECT coalesce(max(message), 0) FROM message);
END;

CREATE TRIGGER search_changed AFTER UPDATE OF conversation, sender, timestamp, text ON message
WHEN OLD.text IS NOT NEW.text OR OLD.sender IS NOT NEW.sender
    OR OLD.timestamp IS NOT NEW.timestamp OR OLD.conversation IS NOT NEW.conversation
BEGIN
    INSERT OR IGNORE INTO search_stale
        SELECT OLD.message, OLD.conversation, OLD.sender, OLD.timestamp, OLD.text
        FROM search_state WHERE OLD.message <= indexed_to;
END;
