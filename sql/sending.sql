-- The trading state holds whatever process forgets to ask: no attempt becomes SENDING against it, and the lock
-- taken here makes a halt wait for a swap that began before it, and the next swap see the halt.
CREATE FUNCTION sending_is_allowed() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    held text;
    open boolean;
    wanted text;
BEGIN
    SELECT state INTO held FROM trading_state WHERE account_id = NEW.account_id FOR SHARE;
    SELECT ready INTO open FROM readiness WHERE account_id = NEW.account_id FOR SHARE;
    SELECT kind INTO wanted FROM trade_order WHERE id = NEW.order_id;
    IF held IS NULL OR held = 'halted' OR (wanted = 'entry' AND held <> 'active') OR open IS NOT TRUE THEN
        RAISE EXCEPTION 'nothing may be sent: the account is %, ready %', coalesce(held, 'unknown'), open
            USING ERRCODE = 'check_violation', CONSTRAINT = 'sending_is_allowed';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER sending_is_allowed BEFORE INSERT OR UPDATE OF status ON attempt
    FOR EACH ROW WHEN (NEW.status = 'sending') EXECUTE FUNCTION sending_is_allowed();
