-- +goose Up
-- What the mover of a move between two places said last, and what
-- administrators have ordered it.
CREATE TABLE told (
	move TEXT NOT NULL PRIMARY KEY,
	status TEXT NOT NULL,
	at BIGINT NOT NULL
);
CREATE TABLE orders (
	n BIGINT NOT NULL PRIMARY KEY,
	move TEXT NOT NULL,
	who TEXT NOT NULL,
	at BIGINT NOT NULL,
	word TEXT NOT NULL,
	args TEXT NOT NULL
);
