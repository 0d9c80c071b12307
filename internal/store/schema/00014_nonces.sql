-- +goose Up
-- Nonces have a place in the log, so that whoever follows the whole of it gets
-- them too: that of what was written last together with them.
ALTER TABLE nonces ADD COLUMN pos BIGINT NOT NULL DEFAULT 0;
UPDATE nonces SET pos = COALESCE((SELECT m.pos FROM messages m WHERE m.id = nonces.message), 0);
CREATE INDEX nonces_pos ON nonces (pos);
