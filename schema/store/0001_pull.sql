-- 1: what a pull needs: the account, its conversations, their messages, and what is missing.

CREATE TABLE account (
    -- One row: a file belongs to one user on one server.
    account     INTEGER PRIMARY KEY CHECK (account = 1),
    name        TEXT    NOT NULL,     -- the adapter's word for server and user, no secrets
    listed_at   INTEGER,              -- ms, local clock: the list was last read to its end
    list_open   INTEGER NOT NULL DEFAULT 0, -- 1: news was stored from a list that was not read on
    synced_at   INTEGER               -- ms, local clock: the last cycle that ended without errors
);

CREATE TABLE conversation (
    conversation    INTEGER PRIMARY KEY,
    conversation_id TEXT    NOT NULL,
    kind            TEXT    NOT NULL, -- chat | groupchat | chatroom
    unread_count    INTEGER NOT NULL DEFAULT 0,
    pinned          INTEGER NOT NULL DEFAULT 0,
    pinned_at       INTEGER,          -- ms, server clock
    marks           TEXT    NOT NULL DEFAULT '[]', -- JSON list of the server's marks
    activity        INTEGER NOT NULL DEFAULT 0,    -- ms: newest message held or listed; orders lists
    newest          INTEGER,          -- message.message of the highest position; kept by the writer
    fetched         INTEGER NOT NULL DEFAULT 0,    -- 1: some page of its history was applied
    looks           INTEGER NOT NULL DEFAULT 0,    -- reads of the head that did not show the preview
    doubt_id        TEXT,             -- the newest message of a head that showed less than is held
    doubt_at        INTEGER,          -- ms, server clock: when; a second such read is believed
    UNIQUE (conversation_id, kind)
);
CREATE INDEX conversation_recent ON conversation (pinned DESC, activity DESC, conversation DESC);

CREATE TABLE preview (
    -- The last message as the server's list shows it: a hint, not a held message (law 6).
    conversation INTEGER PRIMARY KEY REFERENCES conversation,
    message_id   TEXT    NOT NULL,
    sender       TEXT    NOT NULL,
    timestamp    INTEGER NOT NULL,
    type         TEXT    NOT NULL,
    text         TEXT    NOT NULL,
    edited_at    INTEGER,
    raw          BLOB    NOT NULL
);

CREATE TABLE message (
    -- Append-only row numbers: clustering by order would split pages, since history
    -- comes newest first. The order is an index.
    message      INTEGER PRIMARY KEY,
    conversation INTEGER NOT NULL REFERENCES conversation,
    position     INTEGER NOT NULL,    -- order within the conversation (law 3); never leaves the store
    message_id   TEXT    NOT NULL,    -- text: ids are unsigned 64-bit numbers
    sender       TEXT    NOT NULL,
    timestamp    INTEGER NOT NULL,    -- ms, server clock; shown, never used for order
    type         TEXT    NOT NULL,
    text         TEXT    NOT NULL,
    edited_at    INTEGER,             -- ms; NULL: never edited
    raw          BLOB    NOT NULL     -- as the server sent it; details are decoded when read
);
CREATE UNIQUE INDEX message_identity ON message (conversation, message_id);
-- Not unique: a shift moves many rows in one statement, past each other's old places.
CREATE INDEX message_order ON message (conversation, position);

CREATE TABLE gap (
    -- Positions strictly between low and high are not known to be here.
    -- The row is the checkpoint: it is written in the transaction of the page that shrank it.
    conversation INTEGER NOT NULL REFERENCES conversation,
    low          INTEGER NOT NULL,    -- -2^62: down to the start of history
    high         INTEGER NOT NULL,    -- 2^62: up to the newest end
    cursor       TEXT,                -- the server's, continues below `high`; NULL: ask anew
    seam         INTEGER NOT NULL DEFAULT 0, -- 1: may have expired unseen, never fetched again (law 2)
    PRIMARY KEY (conversation, high)
) WITHOUT ROWID;
