-- +goose Up
-- The other place of a move, and which of the two takes writes. One row,
-- beside the head and under its lock; there is none before the first move.
CREATE TABLE pair (
	one SMALLINT NOT NULL PRIMARY KEY CHECK (one = 1),
	body TEXT NOT NULL
);

-- When a freeze began, by the clock that its lease goes by.
ALTER TABLE head ADD COLUMN since BIGINT NOT NULL DEFAULT 0;
