-- What may be forgotten, with the owner's rights and within limits of its own: the daemon may delete no history,
-- so each function takes only what nothing refers to any more, and only once it is older than a least age, by the
-- newest entry of the journal (market time): less than senex asks for, since that entry may be some days old.
CREATE FUNCTION old_enough(before timestamptz, least_age interval) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF (before <= (SELECT max(at) FROM audit) - least_age) IS NOT TRUE THEN
        RAISE EXCEPTION 'nothing younger than % is forgotten', least_age USING ERRCODE = 'restrict_violation';
    END IF;
END $$;

-- Targets and exits that ended without a fill. Entries stay: they are what was decided.
CREATE FUNCTION forget_orders(before timestamptz, at_most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    gone uuid[];
BEGIN
    PERFORM old_enough(before, interval '80 days');
    SELECT array_agg(dead.id) INTO gone FROM (
        SELECT o.id FROM trade_order o
        WHERE o.kind <> 'entry' AND o.status IN ('cancelled', 'rejected', 'expired', 'replaced')
            AND o.updated_at < before
            AND NOT EXISTS (SELECT FROM fill f WHERE f.order_id = o.id)
            AND NOT EXISTS (SELECT FROM order_leg l WHERE l.order_id = o.id AND l.filled <> 0)
            AND NOT EXISTS (SELECT FROM attempt a
                WHERE a.order_id = o.id AND a.status IN ('prepared', 'sending', 'unknown'))
            AND NOT EXISTS (SELECT FROM decision d WHERE d.order_id = o.id)
            AND NOT EXISTS (SELECT FROM decision_result r WHERE r.order_id = o.id)
            AND NOT EXISTS (SELECT FROM trade_order n WHERE n.replaces_id = o.id)
        ORDER BY o.updated_at LIMIT at_most FOR UPDATE OF o SKIP LOCKED) dead;
    DELETE FROM attempt WHERE order_id = ANY(gone);
    DELETE FROM order_leg WHERE order_id = ANY(gone);
    DELETE FROM trade_order WHERE id = ANY(gone);
    RETURN coalesce(cardinality(gone), 0);
END $$;

-- Suggestions nobody decided about.
CREATE FUNCTION forget_suggestions(before timestamptz, at_most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    gone uuid[];
BEGIN
    PERFORM old_enough(before, interval '20 days');
    SELECT array_agg(dead.id) INTO gone FROM (
        SELECT s.id FROM suggestion s
        WHERE s.status IN ('expired', 'rejected') AND s.expires_at < before
            AND NOT EXISTS (SELECT FROM decision d WHERE d.suggestion_id = s.id)
            AND NOT EXISTS (SELECT FROM position p WHERE p.suggestion_id = s.id)
        ORDER BY s.expires_at LIMIT at_most FOR UPDATE OF s SKIP LOCKED) dead;
    DELETE FROM suggestion_leg WHERE suggestion_id = ANY(gone);
    DELETE FROM suggestion_reason WHERE suggestion_id = ANY(gone);
    DELETE FROM suggestion_breakeven WHERE suggestion_id = ANY(gone);
    DELETE FROM suggestion_spread WHERE suggestion_id = ANY(gone);
    DELETE FROM suggestion WHERE id = ANY(gone);
    RETURN coalesce(cardinality(gone), 0);
END $$;
