// The outbox, timers that are due, requests from outside, and the shelf. See `Functions.swift` for what all functions
// have in common.

extension Schema {
    static let outboxFunctions = """
        CREATE FUNCTION enqueue(
            p_marks bigint[], lanes bigint[], times bigint[], sizes bigint[], ids text[], parents text[],
            handlers text[], sources text[], detail_types text[], resources text[], correlations text[],
            traces bytea[], attribute_lists bytea[], details bytea[]
        ) RETURNS void LANGUAGE plpgsql
        \(plans) AS $$
        DECLARE won bigint[] := marks('outrigger.won') || 0::bigint;
        BEGIN
            INSERT INTO outbox (head, lane, due, attempts, committed, bytes, id, parent, handler, source, detail_type,
                resource, correlation, trace, attributes, detail)
            SELECT resources[i] = '' OR (
                    row_number() OVER (PARTITION BY resources[i] ORDER BY i) = 1
                    AND (SELECT o.row FROM outbox o WHERE o.resource = resources[i] AND o.resource <> '' LIMIT 1)
                        IS NULL
                ), lanes[i], times[i], 0, times[i], sizes[i], ids[i], parents[i], handlers[i], sources[i],
                detail_types[i], resources[i], correlations[i], traces[i], attribute_lists[i], details[i]
            FROM generate_subscripts(p_marks, 1) AS i WHERE p_marks[i] = ANY (won) ORDER BY i;
        END $$;

        -- Gives heads that are due to a relay, for so long; other relays pass over them.
        CREATE FUNCTION hand_out(p_holder bigint, p_now bigint, p_hold bigint, p_count bigint, p_except bigint[])
        RETURNS SETOF outbox LANGUAGE plpgsql
        \(plans) AS $$
        BEGIN
            RETURN QUERY UPDATE outbox o SET holder = p_holder, held = clock() + p_hold FROM (
                SELECT row FROM outbox WHERE head AND due <= p_now AND row <> ALL (p_except)
                    AND (holder = p_holder OR held <= clock())
                ORDER BY row LIMIT p_count FOR UPDATE SKIP LOCKED
            ) free WHERE o.row = free.row RETURNING o.*;
        END $$;

        -- The row goes; the next of its resource is the oldest then. What nobody has any more is no harm.
        CREATE FUNCTION leave_outbox(p_mark bigint, p_row bigint) RETURNS void LANGUAGE plpgsql
        \(plans) AS $$
        DECLARE gone text;
        BEGIN
            DELETE FROM outbox WHERE row = p_row RETURNING resource INTO gone;
            IF NOT FOUND THEN RETURN; END IF;
            PERFORM add_marks('outrigger.won', ARRAY[p_mark]);
            IF gone <> '' THEN
                UPDATE outbox SET head = true
                    WHERE row = (SELECT min(row) FROM outbox WHERE resource = gone AND resource <> '');
            END IF;
        END $$;

        CREATE FUNCTION give_up(p_mark bigint, p_row bigint, p_now bigint, p_code text, p_subject text, p_cause text)
        RETURNS void LANGUAGE plpgsql
        \(plans) AS $$
        BEGIN
            INSERT INTO publications SELECT row, p_now, p_code, p_subject, p_cause, attempts + 1, committed, id,
                parent, handler, source, detail_type, resource, correlation, trace, attributes, detail
                FROM outbox WHERE row = p_row ON CONFLICT DO NOTHING;
            PERFORM leave_outbox(p_mark, p_row);
        END $$;

        -- Timers that are due, oldest first, those that were tried before behind all others. Whoever was given one
        -- keeps it for so long, and no other sidecar is offered it.
        CREATE FUNCTION due_timers(
            p_holder bigint, p_handlers text[], p_now bigint, p_hold bigint, p_count bigint
        ) RETURNS SETOF timers LANGUAGE plpgsql
        \(plans) AS $$
        BEGIN
            RETURN QUERY WITH given AS (
                UPDATE timers t SET holder = p_holder, held = clock() + p_hold FROM (
                    SELECT event FROM timers t WHERE due <= p_now AND handler = ANY (p_handlers)
                        AND (holder = p_holder OR held <= clock())
                        AND NOT EXISTS (SELECT FROM claims c WHERE c.event = t.event AND c.issuer = 'timer'
                            AND c.ends > clock())
                    ORDER BY tries, due LIMIT p_count FOR UPDATE SKIP LOCKED
                ) free WHERE t.event = free.event RETURNING t.*
            ) SELECT * FROM given ORDER BY tries, due;
        END $$;

        -- 0 taken, 1 known under this key: the ids, 2 the key names another request, 3 the outbox is full, 4 too many
        -- keys.
        CREATE FUNCTION submit(
            p_mark bigint, p_peer text, p_key text, p_digest bytea, p_ids bytea, p_keep_until bigint, p_now bigint,
            p_rows bigint, p_bytes bigint, p_most_rows bigint, p_most_bytes bigint, p_most_keys bigint
        ) RETURNS TABLE (answer bigint, ids bytea, waiting bigint) LANGUAGE plpgsql AS $$
        DECLARE
            known submissions;
            used bigint;
        BEGIN
            SELECT * INTO known FROM submissions s WHERE s.key = p_key AND s.peer = p_peer;
            IF FOUND AND known.keep_until > p_now THEN
                RETURN QUERY SELECT CASE WHEN known.digest = p_digest THEN 1 ELSE 2 END::bigint, known.ids, 0::bigint;
                RETURN;
            END IF;
            -- An estimate will do: it bounds what nobody asks for.
            IF p_key IS NOT NULL AND known.key IS NULL AND p_most_keys < (
                SELECT reltuples FROM pg_class WHERE oid = 'submissions'::regclass
            ) THEN
                RETURN QUERY SELECT 4::bigint, NULL::bytea, 0::bigint;
                RETURN;
            END IF;
            SELECT count(*), coalesce(sum(bytes), 0) INTO waiting, used FROM outbox;
            IF waiting + p_rows > p_most_rows OR used + p_bytes > p_most_bytes THEN
                RETURN QUERY SELECT 3::bigint, NULL::bytea, waiting;
                RETURN;
            END IF;
            IF p_key IS NOT NULL THEN
                INSERT INTO submissions AS s VALUES (p_peer, p_key, p_digest, p_ids, p_keep_until)
                    ON CONFLICT (key, peer) DO UPDATE
                        SET digest = p_digest, ids = p_ids, keep_until = p_keep_until;
            END IF;
            PERFORM add_marks('outrigger.won', ARRAY[p_mark]);
            RETURN QUERY SELECT 0::bigint, p_ids, waiting;
        END $$;
        """

    static let shelfFunctions = """
        CREATE FUNCTION shelve(
            p_mark bigint, p_queue text, p_message text, p_time bigint, p_failure text, p_short text, p_group text,
            p_deduplication text, p_attributes bytea, p_body bytea
        ) RETURNS void LANGUAGE plpgsql AS $$
        BEGIN
            IF NOT is_won(p_mark) THEN RETURN; END IF;
            DELETE FROM letters WHERE queue = p_queue AND message = p_message;
            INSERT INTO letters (queue, message, time, failure, short_failure, message_group, deduplication,
                attributes, body) VALUES (p_queue, p_message, p_time, p_failure, p_short, p_group, p_deduplication,
                p_attributes, p_body);
        END $$;

        CREATE FUNCTION refuse(
            p_mark bigint, p_queue text, p_message text, p_code text, p_subject text, p_cause text, p_time bigint,
            p_keep_until bigint
        ) RETURNS void LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO refusals VALUES (p_queue, p_message, p_code, p_subject, p_cause, p_time, p_keep_until)
                ON CONFLICT DO NOTHING;
            IF FOUND THEN PERFORM add_marks('outrigger.won', ARRAY[p_mark]); END IF;
        END $$;
        """
}
