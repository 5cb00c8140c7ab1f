// What the server does by itself, so that a batch is one round trip. The rules are not here: what a claim's rows mean
// `Dedup.judge` says, and the functions only ask whether the rows are still the ones that were judged.
//
// In PL/pgSQL, whose plans last as long as the connection; those of functions in SQL are made for each call. Most take
// rows, as one array for each of their columns: ten events cost little more than one.

extension Schema {
    /// For functions whose plans must not depend on what the tables hold when they are made. Most are empty then, and
    /// claims nearly always: a plan that reads a table whole seems as good as any, and stays when it is not. Here an
    /// index answers, row by row. A column that could lead into another index than the one that is meant is compared
    /// by IS NOT DISTINCT FROM, which no index answers. EXISTS that is no condition by itself may become a hash of the
    /// whole table, which nothing here forbids: a question for one row cannot.
    static let plans = """
        SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off \
        SET enable_mergejoin = off SET jit = off
        """

    static let functions = """
        -- The locks of a transaction, all at once and in one order, so that none waits for another in a circle. A
        -- statement of its own: those behind it see what was committed before.
        CREATE FUNCTION take_locks(keys bigint[]) RETURNS void LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM pg_advisory_xact_lock(k) FROM unnest(keys) AS k;
        END $$;

        -- `outrigger.won` and `outrigger.moved` hold marks for the rest of a transaction: of what was decided well, on
        -- which statements behind it hang, and of runs that read or wrote a key which has moved.
        CREATE FUNCTION marks(p_name text) RETURNS bigint[] LANGUAGE plpgsql STABLE AS $$
        BEGIN
            RETURN coalesce(string_to_array(nullif(current_setting(p_name, true), ''), ','), '{}')::bigint[];
        END $$;

        CREATE FUNCTION add_marks(p_name text, p_marks bigint[]) RETURNS void LANGUAGE plpgsql AS $$
        BEGIN
            IF p_marks <> '{}' THEN
                PERFORM set_config(p_name, array_to_string(marks(p_name) || p_marks, ','), true);
            END IF;
        END $$;

        -- 0 is the mark of what hangs on nothing.
        CREATE FUNCTION is_won(p_mark bigint) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
        BEGIN
            RETURN p_mark = 0 OR p_mark = ANY (marks('outrigger.won'));
        END $$;

        CREATE FUNCTION free_group(p_mark bigint, p_group text, p_consumer text, p_event text) RETURNS boolean
        LANGUAGE plpgsql AS $$
        BEGIN
            DELETE FROM parked WHERE message_group = p_group AND consumer = p_consumer AND event = p_event;
            IF FOUND THEN PERFORM add_marks('outrigger.won', ARRAY[p_mark]); END IF;
            RETURN FOUND;
        END $$;

        -- A write that needs pages of its own: on a full disk it fails, though what fits into old pages does not.
        CREATE FUNCTION prove_room() RETURNS void LANGUAGE plpgsql
        \(plans) AS $$
        BEGIN
            INSERT INTO journal_tail SELECT 0, 0, 0, '', '', string_agg(sha256(int8send(n)), ''), 0, '', '', '', '',
                '', '', '', '', '' FROM generate_series(1, 2048) AS n;
            DELETE FROM journal_tail WHERE at = 0 AND boot = 0 AND place = 0;
        END $$;

        -- Removes what nobody needs any more, so many rows of each table.
        CREATE FUNCTION sweep(p_now bigint, p_keep bigint, p_count bigint) RETURNS bigint LANGUAGE plpgsql
        \(plans) AS $$
        DECLARE
            total bigint := 0;
            time bigint := clock();
            gone bigint;
        BEGIN
            DELETE FROM claims WHERE fence = ANY (ARRAY(
                SELECT fence FROM claims WHERE ends <= time LIMIT p_count FOR UPDATE SKIP LOCKED));
            DELETE FROM permits WHERE (event, consumer) IN (SELECT event, consumer FROM permits
                WHERE until <= p_now LIMIT p_count FOR UPDATE SKIP LOCKED);
            DELETE FROM parked WHERE (message_group, consumer) IN (SELECT message_group, consumer FROM parked
                WHERE keep_until <= p_now LIMIT p_count FOR UPDATE SKIP LOCKED);
            DELETE FROM ledger WHERE row IN (SELECT row FROM ledger WHERE keep_until <= p_now
                ORDER BY keep_until LIMIT p_count FOR UPDATE SKIP LOCKED);
            GET DIAGNOSTICS gone = ROW_COUNT;
            total := total + gone;
            DELETE FROM state WHERE (handler, key) IN (SELECT handler, key FROM state WHERE expires <= p_now
                ORDER BY expires LIMIT p_count FOR UPDATE SKIP LOCKED);
            GET DIAGNOSTICS gone = ROW_COUNT;
            total := total + gone;
            DELETE FROM refusals WHERE (queue, message) IN (SELECT queue, message FROM refusals
                WHERE keep_until <= p_now ORDER BY keep_until LIMIT p_count FOR UPDATE SKIP LOCKED);
            GET DIAGNOSTICS gone = ROW_COUNT;
            total := total + gone;
            DELETE FROM submissions WHERE (key, peer) IN (SELECT key, peer FROM submissions
                WHERE keep_until <= p_now ORDER BY keep_until LIMIT p_count FOR UPDATE SKIP LOCKED);
            GET DIAGNOSTICS gone = ROW_COUNT;
            total := total + gone;
            SELECT give_up_rows(p_now, p_keep, p_count) INTO gone;
            RETURN total + gone;
        END $$;
        """
}
