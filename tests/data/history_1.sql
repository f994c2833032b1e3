-- A history as version 1 wrote it. Never edit it: it stands for the files that are out there.
PRAGMA application_id = 1668050530;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE file (mark TEXT NOT NULL);
INSERT INTO "file" VALUES('77C228CD5BE9AF3E');
CREATE TABLE pieces (
            reply_id INTEGER NOT NULL, at_s REAL NOT NULL, text TEXT NOT NULL, thinking TEXT NOT NULL);
CREATE TABLE replies (
            id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, created_s REAL NOT NULL, owner TEXT NOT NULL,
            stop_reason TEXT, source TEXT, notebook TEXT, variable TEXT, chat TEXT,
            rhythm TEXT NOT NULL DEFAULT '[]', request TEXT NOT NULL, reply TEXT);
INSERT INTO "replies" VALUES(1,'9be389e53ba5554b553cd3c400253207a856206fa3f44969dd881991f811e1f7',1763823600.0,'host/1/abcd','end','live','n.ipynb','reply',NULL,'[[0.1,3]]','{"messages":[{"role":"user","text":"Why is the sky blue?"}],"model":"demo","provider":"demo","sampling":{"temperature":0.5}}','{"cost_usd":null,"created_at":"2025-11-22T15:00:00+00:00","error":null,"first_token_s":null,"raw_stop_reason":null,"request_id":null,"response_model":null,"seconds":0.0,"source":"live","stop_reason":"end","text":"Because of Rayleigh.","thinking":"","usage":{}}');
INSERT INTO "replies" VALUES(2,'7532ec7e8fabfdcadf267e479e06f88b660e1eb1faf2c791460a2d53f2e7c459',1763823600.0,'host/1/abcd','end','live','n.ipynb','reply',NULL,'[[0.1,3]]','{"messages":[{"role":"user","text":"Hi"}],"model":"demo","provider":"demo","sampling":{"temperature":0.5}}','{"cost_usd":null,"created_at":"2025-11-22T15:00:00+00:00","error":null,"first_token_s":null,"raw_stop_reason":null,"request_id":null,"response_model":null,"seconds":0.0,"source":"live","stop_reason":"end","text":"Hello.","thinking":"","usage":{}}');
CREATE INDEX replies_by_key ON replies (key);
COMMIT;
