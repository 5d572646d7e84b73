-- 5: gaps above which an order was guessed.

-- 1: what hangs above may stand below what is under it: no page has shown both (laws 3 and 5).
ALTER TABLE gap ADD COLUMN guessed INTEGER NOT NULL DEFAULT 0;
