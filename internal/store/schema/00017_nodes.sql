-- +goose Up
-- The processes that serve this place just now, and what the key is known by
-- that its secrets are sealed with. Neither is part of the log.
CREATE TABLE nodes (
	id TEXT NOT NULL PRIMARY KEY,
	seen BIGINT NOT NULL,
	about TEXT NOT NULL
);
CREATE TABLE sealing (
	one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
	print TEXT NOT NULL
);
