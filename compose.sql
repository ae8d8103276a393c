-- Run once, by PostgreSQL's image on an empty volume: Dossier's role owns its database and nothing else.
\getenv password POSTGRES_PASSWORD
CREATE ROLE dossier LOGIN PASSWORD :'password';
CREATE DATABASE dossier OWNER dossier;
-- The superuser comes by the socket in the container alone: docker compose exec postgres psql
ALTER ROLE postgres PASSWORD NULL;
