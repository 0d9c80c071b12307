-- +goose Up
-- What was written here, and not brought by a mover: what counts as unread.
-- Bulk loading does not touch these indexes.
CREATE INDEX messages_unread ON messages (room, sent) WHERE source = 0;
CREATE INDEX messages_mentions ON messages (room, sent) WHERE source = 0 AND extra IS NOT NULL;

-- What is news to people in the log: see feed.go for the same conditions.
CREATE INDEX messages_news ON messages (pos) WHERE source = 0 OR digest <> src;
CREATE INDEX objects_news ON objects (pos) WHERE source = 0 OR digest <> src OR kind IN (1, 2, 3, 7, 14, 16);
