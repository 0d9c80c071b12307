-- +goose Up
-- What was written here, and not brought by a mover: what counts as unread.
-- Bulk loading does not touch these indexes.
CREATE INDEX messages_unread ON messages (room, sent) WHERE source = 0;
CREATE INDEX messages_mentions ON messages (room, sent) WHERE source = 0 AND extra IS NOT NULL;
