-- Who listens for new work is told which queue and job it is of, and wakes for its own only. Of what is somebody's
-- from the start, or is for later, nobody is told.
CREATE OR REPLACE FUNCTION outbox_wakes() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_notify('outbox', news.queue || ' ' || news.job) FROM (
        SELECT DISTINCT queue, job FROM added WHERE lease_until IS NULL) news;
    RETURN NULL;
END $$;
DROP TRIGGER outbox_wakes ON outbox;
CREATE TRIGGER outbox_wakes AFTER INSERT ON outbox REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION outbox_wakes();
