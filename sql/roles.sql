-- Group roles of the cluster, made once; logins are members of them.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['senex_daemon', 'senex_console', 'senex_backup'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', name);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;  -- another database of the cluster was faster
            END;
        END IF;
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = name || '_login')
            AND NOT pg_has_role(name || '_login', name, 'MEMBER') THEN
            EXECUTE format('GRANT %I TO %I', name, name || '_login');
        END IF;
    END LOOP;
END $$;
