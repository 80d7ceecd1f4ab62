-- What the backup role may tell: how its work went, and nothing else.
CREATE FUNCTION tell_backup(what text, done boolean, said text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO public.backup_state AS known (kind, done_at, tried_at, ok, detail)
    VALUES (what, CASE WHEN done THEN now() END, now(), done, said)
    ON CONFLICT (kind) DO UPDATE SET
        done_at = coalesce(excluded.done_at, known.done_at), tried_at = excluded.tried_at,
        ok = excluded.ok, detail = excluded.detail
$$;
