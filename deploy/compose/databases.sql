-- Run once, by the PostgreSQL container on an empty volume: a database for each service.
CREATE DATABASE keys;
CREATE DATABASE catalog;
CREATE DATABASE webhooks;
