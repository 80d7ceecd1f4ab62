-- The audit's seals. A serial is given before its row is committed, so rows become visible out of order; once
-- this lock was held, nobody writes a row at or below the serial that is answered, and a batch is complete.
-- With the owner's rights, since the daemon may only insert; it waits for writers as long as its caller says.
CREATE FUNCTION audit_settled() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    LOCK TABLE audit IN SHARE MODE;
    RETURN (SELECT coalesce(max(serial), 0) FROM audit);
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit_seal FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON audit_seal
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
