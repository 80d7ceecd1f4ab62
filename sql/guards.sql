-- Stricter guards. The functions of 0001 get a fixed search path, whoever calls them.
ALTER FUNCTION decision_to_outbox() SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION outbox_wakes() SET search_path = pg_catalog, pg_temp;
ALTER FUNCTION decision_answered() SET search_path = pg_catalog, pg_temp;

-- What happened cannot be rewritten: refused by row, so that partitions are covered, and whole.
CREATE OR REPLACE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
DO $$
DECLARE
    kept text;
BEGIN
    FOREACH kept IN ARRAY ARRAY['audit', 'broker_message', 'decision', 'decision_result', 'fill'] LOOP
        EXECUTE format('DROP TRIGGER append_only ON %I', kept);
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %I '
            'FOR EACH ROW EXECUTE FUNCTION append_only()', kept);
        EXECUTE format('CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON %I '
            'FOR EACH STATEMENT EXECUTE FUNCTION append_only()', kept);
    END LOOP;
END $$;

-- Only the daemon acts by a recorded policy; a console decides as a person. Runs as whoever inserts.
CREATE FUNCTION decided_by_a_person() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.role = 'policy' AND pg_has_role(current_user, 'senex_console', 'MEMBER')
        AND NOT pg_has_role(current_user, 'senex_daemon', 'MEMBER') THEN
        RAISE EXCEPTION 'a console cannot decide as a policy' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER decided_by_a_person BEFORE INSERT ON decision
    FOR EACH ROW EXECUTE FUNCTION decided_by_a_person();

-- Unlocking a console: whether a passphrase's verifier is the operator's, without showing the verifier.
-- Digests are compared, so that the time it takes says nothing. Migration 0029 has each try told.
CREATE OR REPLACE FUNCTION operator_knows(who text, given bytea) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((SELECT sha256(verifier) = sha256(given) FROM public.operator WHERE name = who), false)
$$;

-- Partitions by month of market time. A row of a month nobody made lies in the default partition, so none is
-- ever refused; once its month is made it moves there. With the owner's rights, so that the daemon can make
-- the months to come.
CREATE OR REPLACE FUNCTION make_month(parent regclass, month date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    first timestamptz := date_trunc('month', month::timestamp)::timestamptz;
    next timestamptz := (date_trunc('month', month::timestamp) + interval '1 month')::timestamptz;
    part text;
    other text;
BEGIN
    IF parent NOT IN ('public.audit'::regclass, 'public.broker_message'::regclass) THEN
        RAISE EXCEPTION '% is not kept by month', parent USING ERRCODE = 'wrong_object_type';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('senex months', 0));
    SELECT relname || to_char(month, '_YYYY_MM'), relname || '_other' INTO part, other
    FROM pg_class WHERE oid = parent;
    IF to_regclass(format('public.%I', part)) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', parent);
    EXECUTE format('CREATE TABLE public.%I (LIKE %s INCLUDING ALL)', part, parent);
    EXECUTE format('ALTER TABLE public.%I DISABLE TRIGGER USER', other);
    EXECUTE format('WITH moved AS (DELETE FROM public.%I WHERE at >= %L AND at < %L RETURNING *) '
        'INSERT INTO public.%I SELECT * FROM moved', other, first, next, part);
    EXECUTE format('ALTER TABLE public.%I ENABLE TRIGGER USER', other);
    EXECUTE format('ALTER TABLE %s ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
        parent, part, first, next);
    RETURN true;
END $$;
