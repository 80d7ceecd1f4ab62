-- Whole months of raw messages, and what was written in one that had no partition yet; how many months. It never holds
-- up those who write for longer than half a second.
CREATE OR REPLACE FUNCTION forget_messages(before timestamptz) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET timezone = 'UTC'
SET lock_timeout = '500ms' AS $$
DECLARE
    part text;
    months integer := 0;
    apart integer;
BEGIN
    PERFORM old_enough(before, interval '365 days');
    FOR part IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'public.broker_message'::regclass AND c.relname ~ '_\d{4}_\d{2}$'
            AND to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month' <= before
        ORDER BY c.relname
    LOOP
        EXECUTE format('ALTER TABLE public.broker_message DETACH PARTITION public.%I', part);
        EXECUTE format('DROP TABLE public.%I', part);
        months := months + 1;
    END LOOP;
    SELECT count(DISTINCT date_trunc('month', at)) INTO apart
    FROM public.broker_message_other WHERE at < date_trunc('month', before);
    IF apart > 0 THEN
        ALTER TABLE public.broker_message_other DISABLE TRIGGER USER;
        DELETE FROM public.broker_message_other WHERE at < date_trunc('month', before);
        ALTER TABLE public.broker_message_other ENABLE TRIGGER USER;
    END IF;
    RETURN months + apart;
END $$;
