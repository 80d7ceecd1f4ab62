-- What operators are to be told becomes work in the transaction in which it happens, whoever writes it, so that
-- no path can forget it. The worker of this queue is warm, and the work is a few statements.
CREATE FUNCTION alarm_to_outbox() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO outbox (account_id, queue, job, subject) VALUES (NEW.account_id, 'trading', 'note_alarm', NEW.id::text);
    RETURN NULL;
END $$;
CREATE TRIGGER alarm_to_outbox AFTER INSERT ON alarm FOR EACH ROW EXECUTE FUNCTION alarm_to_outbox();
CREATE TRIGGER worse_alarm_to_outbox AFTER UPDATE OF severity ON alarm FOR EACH ROW
    WHEN (OLD.severity <> 'critical' AND NEW.severity = 'critical') EXECUTE FUNCTION alarm_to_outbox();

CREATE FUNCTION ended_order_to_outbox() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO outbox (account_id, queue, job, subject) VALUES (NEW.account_id, 'trading', 'note_order', NEW.id::text);
    RETURN NULL;
END $$;
CREATE TRIGGER ended_order_to_outbox AFTER UPDATE OF status ON trade_order FOR EACH ROW
    WHEN (OLD.status <> NEW.status AND NEW.status IN ('filled', 'rejected'))
    EXECUTE FUNCTION ended_order_to_outbox();
