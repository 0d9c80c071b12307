-- +goose Up
-- One text for SQLite and Postgres. SQLite takes BYTEA for a column of
-- numeric affinity, which keeps blobs as they are.

-- The one row that every write locks first.
CREATE TABLE head (
	one SMALLINT NOT NULL PRIMARY KEY CHECK (one = 1),
	log BYTEA NOT NULL,
	epoch BYTEA NOT NULL,
	pos BIGINT NOT NULL,
	clock BIGINT NOT NULL,
	state TEXT NOT NULL,
	lease BIGINT NOT NULL
);

CREATE TABLE epochs (
	id BYTEA NOT NULL PRIMARY KEY,
	pos BIGINT NOT NULL,
	started BIGINT NOT NULL
);

-- Where imported objects come from. The number 0 is nowhere: made here.
CREATE TABLE sources (
	id INTEGER NOT NULL PRIMARY KEY,
	name TEXT NOT NULL UNIQUE,
	fingerprint TEXT NOT NULL
);

-- digest is of the row as it is; src of the state that its source had last:
-- the row was changed here if they differ.
CREATE TABLE messages (
	id BYTEA NOT NULL PRIMARY KEY,
	room BYTEA NOT NULL,
	author BYTEA,
	sent BIGINT NOT NULL,
	type SMALLINT NOT NULL,
	format SMALLINT NOT NULL,
	thread BYTEA,
	edited BIGINT NOT NULL,
	gone BOOLEAN NOT NULL,
	text TEXT NOT NULL,
	extra TEXT,
	digest BIGINT NOT NULL,
	src BIGINT NOT NULL,
	source INTEGER NOT NULL,
	pos BIGINT NOT NULL
);
CREATE INDEX messages_history ON messages (room, sent, id);
CREATE UNIQUE INDEX messages_pos ON messages (pos);
CREATE INDEX messages_gone ON messages (room) WHERE gone;

CREATE TABLE objects (
	kind SMALLINT NOT NULL,
	id BYTEA NOT NULL,
	a BYTEA,
	b BYTEA,
	name TEXT,
	find TEXT,
	body TEXT NOT NULL,
	gone BOOLEAN NOT NULL,
	digest BIGINT NOT NULL,
	src BIGINT NOT NULL,
	source INTEGER NOT NULL,
	pos BIGINT NOT NULL,
	PRIMARY KEY (kind, id)
);
CREATE INDEX objects_a ON objects (kind, a, id) WHERE a IS NOT NULL;
CREATE INDEX objects_b ON objects (kind, b, id) WHERE b IS NOT NULL;
CREATE INDEX objects_name ON objects (kind, name, id) WHERE name IS NOT NULL;
CREATE UNIQUE INDEX objects_pos ON objects (pos);

-- The same for kinds that are secret: no query of the feed names this table.
CREATE TABLE secrets (
	kind SMALLINT NOT NULL,
	id BYTEA NOT NULL,
	a BYTEA,
	b BYTEA,
	name TEXT,
	find TEXT,
	body TEXT NOT NULL,
	gone BOOLEAN NOT NULL,
	digest BIGINT NOT NULL,
	src BIGINT NOT NULL,
	source INTEGER NOT NULL,
	pos BIGINT NOT NULL,
	PRIMARY KEY (kind, id)
);
CREATE INDEX secrets_a ON secrets (kind, a, id) WHERE a IS NOT NULL;
CREATE INDEX secrets_b ON secrets (kind, b, id) WHERE b IS NOT NULL;
CREATE INDEX secrets_name ON secrets (kind, name, id) WHERE name IS NOT NULL;
CREATE UNIQUE INDEX secrets_pos ON secrets (pos);

CREATE TABLE nonces (
	author BYTEA NOT NULL,
	nonce TEXT NOT NULL,
	message BYTEA NOT NULL,
	PRIMARY KEY (author, nonce)
);

CREATE TABLE moves (
	name TEXT NOT NULL PRIMARY KEY,
	source INTEGER NOT NULL,
	artefact TEXT NOT NULL,
	fence BIGINT NOT NULL,
	run BIGINT NOT NULL,
	reached TEXT NOT NULL,
	done BOOLEAN NOT NULL,
	start BIGINT NOT NULL,
	started BIGINT NOT NULL,
	ended BIGINT NOT NULL,
	counts TEXT NOT NULL,
	progress TEXT NOT NULL
);

CREATE TABLE notes (
	move TEXT NOT NULL,
	run BIGINT NOT NULL,
	n BIGINT NOT NULL,
	note TEXT NOT NULL,
	PRIMARY KEY (move, run, n)
);

-- Second states of objects that a source gave in one run, beside the state
-- that was kept: the next run must not take them for news.
CREATE TABLE refused (
	source INTEGER NOT NULL,
	kind SMALLINT NOT NULL,
	id BYTEA NOT NULL,
	digest BIGINT NOT NULL,
	kept BIGINT NOT NULL,
	PRIMARY KEY (source, kind, id, digest)
);

-- Up to where the messages are searchable.
CREATE TABLE searchable (
	one SMALLINT NOT NULL PRIMARY KEY CHECK (one = 1),
	pos BIGINT NOT NULL
);
INSERT INTO searchable (one, pos) VALUES (1, 0);
