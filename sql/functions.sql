-- A decision becomes work in the transaction that inserts it. The console may insert decisions and
-- nothing else, so the row is written with the owner's rights.
CREATE FUNCTION decision_to_outbox() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO outbox (account_id, queue, job, subject)
    VALUES (
        NEW.account_id,
        CASE NEW.kind WHEN 'suggest' THEN 'default' WHEN 'sync' THEN 'accounts' ELSE 'trading' END,
        'decide',
        NEW.id::text
    );
    RETURN NULL;
END $$;
CREATE TRIGGER decision_to_outbox AFTER INSERT ON decision
    FOR EACH ROW EXECUTE FUNCTION decision_to_outbox();

-- Relays sleep until there is work.
CREATE FUNCTION outbox_wakes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('outbox', '');
    RETURN NULL;
END $$;
CREATE TRIGGER outbox_wakes AFTER INSERT ON outbox FOR EACH STATEMENT EXECUTE FUNCTION outbox_wakes();

-- Consoles hear of answers at once.
CREATE FUNCTION decision_answered() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('decision_result', NEW.decision_id::text);
    RETURN NULL;
END $$;
CREATE TRIGGER decision_answered AFTER INSERT ON decision_result
    FOR EACH ROW EXECUTE FUNCTION decision_answered();

-- What happened cannot be rewritten.
CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON decision
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON decision_result
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON fill
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON broker_message
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();

-- Partitions by month of market time. A month is made before it is needed; rows of a month nobody made
-- lie in the default partition, so none is ever refused.
CREATE FUNCTION make_month(parent regclass, month date) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    first date := date_trunc('month', month)::date;
    name text := parent::text || to_char(first, '_YYYY_MM');
BEGIN
    IF to_regclass(name) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE %I PARTITION OF %s FOR VALUES FROM (%L) TO (%L)',
        name, parent, first, (first + interval '1 month')::date);
    RETURN true;
EXCEPTION WHEN check_violation THEN
    RETURN false;  -- the default partition already holds rows of this month; they stay there
END $$;
