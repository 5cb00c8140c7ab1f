// What the server does by itself, so that a batch is one round trip. The rules are not here: what a claim's rows mean
// `Dedup.judge` says, and the functions only ask whether the rows are still the ones that were judged.
//
// In PL/pgSQL, whose plans last as long as the connection; those of functions in SQL are made for each call.
//
// `outrigger.won` holds, for the rest of a transaction, whose end was written last: the statements behind it in the
// pipeline name theirs, and do nothing where it was lost.

extension Schema {
    static let functions = """
        -- The locks of a transaction, all at once and in one order, so that none waits for another in a circle. A
        -- statement of its own: those behind it see what was committed before.
        CREATE FUNCTION take_locks(keys bigint[]) RETURNS void LANGUAGE plpgsql AS $$
        DECLARE k bigint;
        BEGIN
            FOREACH k IN ARRAY keys LOOP PERFORM pg_advisory_xact_lock(k); END LOOP;
        END $$;

        CREATE FUNCTION is_won(mark text) RETURNS boolean LANGUAGE sql STABLE
            AS 'SELECT mark = '''' OR mark = current_setting(''outrigger.won'', true)';

        -- kind: 0 ledger, 1 claim, 2 parked group, 3 permit, 9 granted.
        -- match: 0 event id, 1 token digest, 2 business key.
        CREATE TYPE known AS (
            kind bigint, match bigint, row bigint, fence bigint, state bigint, issuer text, event text, message text,
            payload bytea, source text, detail_type text, resource text, attempts bigint, spent text, strikes bigint,
            first_seen bigint, code text, subject text, cause text, keep_until bigint, mark text
        );

        -- Everything that shares an identity with a request, and a mark of it all.
        CREATE FUNCTION look(
            p_consumer text, p_issuer text, p_event text, p_token bytea, p_handler text, p_business bytea,
            p_group text, p_now bigint
        ) RETURNS SETOF known LANGUAGE plpgsql AS $$
        BEGIN
            RETURN QUERY WITH at AS MATERIALIZED (SELECT clock() AS time),
            ledgers AS (
                SELECT 0::bigint AS match, l.* FROM ledger l
                    WHERE l.event = p_event AND l.issuer = p_issuer AND l.consumer = p_consumer
                UNION ALL
                (SELECT 1, l.* FROM ledger l WHERE p_token IS NOT NULL AND l.token = p_token
                    AND l.consumer = p_consumer AND l.keep_until > p_now ORDER BY l.state LIMIT 1)
                UNION ALL
                (SELECT 2, l.* FROM ledger l WHERE p_business IS NOT NULL AND l.business = p_business
                    AND l.handler = p_handler AND l.consumer = p_consumer AND l.state = 0
                    AND l.keep_until > p_now LIMIT 1)
            ),
            holders AS (
                SELECT 0::bigint AS match, c.* FROM claims c
                    WHERE c.event = p_event AND c.issuer = p_issuer AND c.consumer = p_consumer
                UNION ALL
                SELECT 1, c.* FROM claims c
                    WHERE p_token IS NOT NULL AND c.token = p_token AND c.consumer = p_consumer
                UNION ALL
                SELECT 2, c.* FROM claims c WHERE p_business IS NOT NULL AND c.business = p_business
                    AND c.handler = p_handler AND c.consumer = p_consumer
            ),
            everything AS (
                SELECT 0::bigint AS kind, match, row, fence, state, issuer, event, message, payload, source,
                    detail_type, resource, attempts, spent, strikes, first_seen, code, subject, cause, keep_until
                    FROM ledgers
                UNION ALL
                SELECT 1, match, 0, fence, 3, issuer, event, message, payload, source, detail_type, resource,
                    attempts, '', strikes, first_seen, NULL, NULL, NULL, ends FROM holders, at WHERE ends > at.time
                UNION ALL
                SELECT 2, 0, 0, 0, 0, p.issuer, p.event, '', NULL, '', '', '', 0, '', 0, 0, NULL, NULL, NULL,
                    p.keep_until FROM parked p WHERE p_group IS NOT NULL AND p.message_group = p_group
                    AND p.consumer = p_consumer AND p.keep_until > p_now
                UNION ALL
                SELECT 3, 0, 0, 0, begun::int, '', p.event, '', NULL, '', '', '', 0, '', 0, 0, NULL, NULL, NULL,
                    p.until FROM permits p WHERE p.event = p_event AND p.consumer = p_consumer AND p.until > p_now
            )
            SELECT e.*, string_agg(kind || ':' || match || ':' || row || ':' || fence || ':' || keep_until, ',')
                OVER (ORDER BY kind, match, row, fence ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
            FROM everything e;
        END $$;

        -- Grants the claim if all that is known of it is what was judged before: p_judged is its mark, empty for
        -- nothing at all. Otherwise answers with what is known.
        CREATE FUNCTION claim(
            p_consumer text, p_issuer text, p_event text, p_token bytea, p_handler text, p_business bytea,
            p_group text, p_now bigint, p_judged text, p_payload bytea, p_source text, p_detail_type text,
            p_resource text, p_message text, p_attempts bigint, p_strikes bigint, p_first_seen bigint,
            p_lease bigint, p_owner bigint
        ) RETURNS SETOF known LANGUAGE plpgsql AS $$
        DECLARE
            seen known[];
            granted known;
        BEGIN
            SELECT array_agg(k) INTO seen FROM look(
                p_consumer, p_issuer, p_event, p_token, p_handler, p_business, p_group, p_now) k;
            IF p_judged IS NULL OR coalesce((seen[1]).mark, '') <> p_judged THEN
                RETURN QUERY SELECT * FROM unnest(seen);
                RETURN;
            END IF;
            -- Those whose lease has ended lose their claim here.
            DELETE FROM claims c WHERE c.consumer = p_consumer AND c.event = p_event AND c.issuer = p_issuer;
            IF p_token IS NOT NULL THEN
                DELETE FROM claims c WHERE c.consumer = p_consumer AND c.token = p_token;
            END IF;
            IF p_business IS NOT NULL THEN
                DELETE FROM claims c
                    WHERE c.consumer = p_consumer AND c.handler = p_handler AND c.business = p_business;
            END IF;
            INSERT INTO claims VALUES (
                nextval('fences'), p_consumer, p_issuer, p_event, p_token, p_handler, p_business, p_payload, p_source,
                p_detail_type, p_resource, p_message, p_attempts, p_strikes, p_first_seen, clock() + p_lease, p_owner
            ) RETURNING fence INTO granted.fence;
            granted.kind := 9;
            granted.match := 0;
            RETURN NEXT granted;
        END $$;

        -- Renewed are all that are there; one that is just being committed is left alone, and counts.
        CREATE FUNCTION renew(p_fences bigint[], p_lease bigint) RETURNS SETOF bigint LANGUAGE plpgsql AS $$
        BEGIN
            UPDATE claims c SET ends = clock() + p_lease FROM (
                SELECT fence FROM claims WHERE fence = ANY (p_fences) FOR UPDATE SKIP LOCKED
            ) free WHERE c.fence = free.fence;
            RETURN QUERY SELECT fence FROM claims WHERE fence = ANY (p_fences);
        END $$;

        -- The end of a run in the ledger: in the row that the claim found, or in a new one.
        CREATE FUNCTION record(
            p_fence bigint, p_consumer text, p_issuer text, p_event text, p_token bytea, p_handler text,
            p_business bytea, p_payload bytea, p_source text, p_detail_type text, p_resource text, p_message text,
            p_row bigint, p_state bigint, p_attempts bigint, p_spent text, p_strikes bigint, p_first_seen bigint,
            p_code text, p_subject text, p_cause text, p_keep_until bigint, p_generation bigint, p_was_done boolean
        ) RETURNS void LANGUAGE plpgsql AS $$
        BEGIN
            IF p_was_done AND p_state <> 0 THEN
                -- What was done stays so, though its run under a permit came to nothing.
                UPDATE ledger SET attempts = p_attempts, spent = p_spent, strikes = p_strikes,
                    first_seen = p_first_seen, keep_until = greatest(keep_until, p_keep_until), fence = p_fence
                    WHERE row = p_row;
                IF FOUND THEN RETURN; END IF;
            END IF;
            UPDATE ledger SET consumer = p_consumer, issuer = p_issuer, event = p_event, token = p_token,
                handler = p_handler, business = p_business, payload = p_payload, source = p_source,
                detail_type = p_detail_type, resource = p_resource, message = p_message, state = p_state,
                attempts = p_attempts, spent = p_spent, strikes = p_strikes, first_seen = p_first_seen,
                code = p_code, subject = p_subject, cause = p_cause, keep_until = p_keep_until, fence = p_fence,
                generation = p_generation WHERE row = p_row;
            IF NOT FOUND THEN
                INSERT INTO ledger (consumer, issuer, event, token, handler, business, payload, source, detail_type,
                    resource, message, state, attempts, spent, strikes, first_seen, code, subject, cause, keep_until,
                    fence, generation)
                VALUES (p_consumer, p_issuer, p_event, p_token, p_handler, p_business, p_payload, p_source,
                    p_detail_type, p_resource, p_message, p_state, p_attempts, p_spent, p_strikes, p_first_seen,
                    p_code, p_subject, p_cause, p_keep_until, p_fence, p_generation);
            END IF;
        END $$;

        -- 0 committed, 1 the claim is lost, 2 a key has moved.
        CREATE FUNCTION finish(
            p_fence bigint, p_consumer text, p_issuer text, p_event text, p_token bytea, p_handler text,
            p_business bytea, p_payload bytea, p_source text, p_detail_type text, p_resource text, p_message text,
            p_row bigint, p_state bigint, p_attempts bigint, p_spent text, p_strikes bigint, p_first_seen bigint,
            p_code text, p_subject text, p_cause text, p_keep_until bigint, p_generation bigint, p_is_timer boolean,
            p_group text, p_parks boolean, p_was_done boolean, p_permit bigint, p_now bigint, p_keys bytea[],
            p_versions bigint[]
        ) RETURNS bigint LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM set_config('outrigger.won', 'nobody', true);
            IF NOT EXISTS (SELECT FROM claims WHERE fence = p_fence) THEN
                RETURN CASE WHEN EXISTS (SELECT FROM ledger WHERE event = p_event AND issuer = p_issuer
                    AND consumer = p_consumer AND fence = p_fence) THEN 0 ELSE 1 END;
            END IF;
            IF EXISTS (
                SELECT FROM unnest(p_keys, p_versions) AS seen (key, version)
                LEFT JOIN state s ON s.handler = p_handler AND s.key = seen.key
                    AND (s.expires IS NULL OR s.expires > p_now)
                WHERE coalesce(s.version, 0) <> seen.version
            ) THEN
                RETURN 2;
            END IF;
            DELETE FROM claims WHERE fence = p_fence;
            PERFORM set_config('outrigger.won', p_fence::text, true);
            PERFORM record(p_fence, p_consumer, p_issuer, p_event, p_token, p_handler, p_business, p_payload,
                p_source, p_detail_type, p_resource, p_message, p_row, p_state, p_attempts, p_spent, p_strikes,
                p_first_seen, p_code, p_subject, p_cause, p_keep_until, p_generation, p_was_done);
            IF p_is_timer AND p_state = 2 THEN
                UPDATE timers SET tries = tries + 1, holder = 0, held = 0 WHERE event = p_event;
            ELSIF p_is_timer THEN
                DELETE FROM timers WHERE event = p_event;
            END IF;
            IF p_permit IS NOT NULL AND p_state = 2 THEN
                UPDATE permits SET begun = true WHERE event = p_event AND consumer = p_consumer AND until = p_permit;
            ELSIF p_permit IS NOT NULL THEN
                DELETE FROM permits WHERE event = p_event AND consumer = p_consumer AND until = p_permit;
            END IF;
            IF p_parks THEN
                -- Behind the first event of the group that failed; the same one again keeps its place for longer.
                DELETE FROM parked WHERE message_group = p_group AND consumer = p_consumer AND keep_until <= p_now;
                INSERT INTO parked AS p VALUES (p_consumer, p_group, p_issuer, p_event, p_now, p_keep_until)
                    ON CONFLICT (message_group, consumer) DO UPDATE
                        SET keep_until = greatest(p.keep_until, p_keep_until)
                        WHERE (p.issuer, p.event) = (p_issuer, p_event);
            ELSIF p_state = 0 THEN
                DELETE FROM parked WHERE event = p_event AND issuer = p_issuer AND consumer = p_consumer;
            END IF;
            RETURN 0;
        END $$;

        CREATE FUNCTION free_group(p_won text, p_group text, p_consumer text, p_event text) RETURNS boolean
        LANGUAGE plpgsql AS $$
        BEGIN
            DELETE FROM parked WHERE message_group = p_group AND consumer = p_consumer AND event = p_event;
            PERFORM set_config('outrigger.won', CASE WHEN FOUND THEN p_won ELSE 'nobody' END, true);
            RETURN FOUND;
        END $$;

        -- A null value erases the key.
        CREATE FUNCTION write_state(
            p_won text, p_handler text, p_keys bytea[], p_versions bigint[], p_expires bigint[], p_values bytea[]
        ) RETURNS void LANGUAGE plpgsql AS $$
        BEGIN
            IF NOT is_won(p_won) THEN RETURN; END IF;
            DELETE FROM state s USING unnest(p_keys, p_values) AS w (key, value)
                WHERE s.handler = p_handler AND s.key = w.key AND w.value IS NULL;
            INSERT INTO state AS s SELECT p_handler, w.key, w.version, w.expires, w.value
                FROM unnest(p_keys, p_versions, p_expires, p_values) AS w (key, version, expires, value)
                WHERE w.value IS NOT NULL
                ON CONFLICT (handler, key) DO UPDATE
                    SET version = excluded.version, expires = excluded.expires, value = excluded.value;
        END $$;

        CREATE FUNCTION enqueue(
            p_won text, p_lane bigint, p_committed bigint, p_bytes bigint, p_id text, p_parent text, p_handler text,
            p_source text, p_detail_type text, p_resource text, p_correlation text, p_trace bytea,
            p_attributes bytea, p_detail bytea
        ) RETURNS void LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO outbox (head, lane, due, attempts, committed, bytes, id, parent, handler, source, detail_type,
                resource, correlation, trace, attributes, detail)
            SELECT p_resource = '' OR NOT EXISTS (SELECT FROM outbox WHERE resource = p_resource AND resource <> ''),
                p_lane, p_committed, 0, p_committed, p_bytes, p_id, p_parent, p_handler, p_source, p_detail_type,
                p_resource, p_correlation, p_trace, p_attributes, p_detail
            WHERE is_won(p_won);
        END $$;

        -- Gives heads that are due to a relay, for so long; other relays pass over them.
        CREATE FUNCTION hand_out(p_holder bigint, p_now bigint, p_hold bigint, p_count bigint, p_except bigint[])
        RETURNS SETOF outbox LANGUAGE plpgsql AS $$
        BEGIN
            RETURN QUERY UPDATE outbox o SET holder = p_holder, held = clock() + p_hold FROM (
                SELECT row FROM outbox WHERE head AND due <= p_now AND row <> ALL (p_except)
                    AND (holder = p_holder OR held <= clock())
                ORDER BY row LIMIT p_count FOR UPDATE SKIP LOCKED
            ) free WHERE o.row = free.row RETURNING o.*;
        END $$;

        -- The row goes; the next of its resource is the oldest then. What nobody has any more is no harm.
        CREATE FUNCTION leave_outbox(p_won text, p_row bigint) RETURNS void LANGUAGE plpgsql AS $$
        DECLARE gone text;
        BEGIN
            PERFORM set_config('outrigger.won', 'nobody', true);
            DELETE FROM outbox WHERE row = p_row RETURNING resource INTO gone;
            IF NOT FOUND THEN RETURN; END IF;
            PERFORM set_config('outrigger.won', p_won, true);
            IF gone <> '' THEN
                UPDATE outbox SET head = true
                    WHERE row = (SELECT min(row) FROM outbox WHERE resource = gone AND resource <> '');
            END IF;
        END $$;

        CREATE FUNCTION give_up(p_won text, p_row bigint, p_now bigint, p_code text, p_subject text, p_cause text)
        RETURNS void LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO publications SELECT row, p_now, p_code, p_subject, p_cause, attempts + 1, committed, id,
                parent, handler, source, detail_type, resource, correlation, trace, attributes, detail
                FROM outbox WHERE row = p_row ON CONFLICT DO NOTHING;
            PERFORM leave_outbox(p_won, p_row);
        END $$;

        CREATE FUNCTION set_timer(
            p_won text, p_handler text, p_key bytea, p_due bigint, p_event text, p_correlation text, p_detail bytea
        ) RETURNS void LANGUAGE plpgsql AS $$
        BEGIN
            IF NOT is_won(p_won) THEN RETURN; END IF;
            DELETE FROM timers WHERE handler = p_handler AND key = p_key;
            IF length(p_detail) > 0 THEN
                INSERT INTO timers VALUES (p_handler, p_key, p_due, 0, p_event, p_correlation, p_detail);
            END IF;
        END $$;

        -- Timers that are due, oldest first, those that were tried before behind all others. Whoever was given one
        -- keeps it for so long, and no other sidecar is offered it.
        CREATE FUNCTION due_timers(
            p_holder bigint, p_handlers text[], p_now bigint, p_hold bigint, p_count bigint
        ) RETURNS SETOF timers LANGUAGE plpgsql AS $$
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

        CREATE FUNCTION shelve(
            p_won text, p_queue text, p_message text, p_time bigint, p_failure text, p_short text, p_group text,
            p_deduplication text, p_attributes bytea, p_body bytea
        ) RETURNS void LANGUAGE plpgsql AS $$
        BEGIN
            IF NOT is_won(p_won) THEN RETURN; END IF;
            DELETE FROM letters WHERE queue = p_queue AND message = p_message;
            INSERT INTO letters (queue, message, time, failure, short_failure, message_group, deduplication,
                attributes, body) VALUES (p_queue, p_message, p_time, p_failure, p_short, p_group, p_deduplication,
                p_attributes, p_body);
        END $$;

        CREATE FUNCTION refuse(
            p_won text, p_queue text, p_message text, p_code text, p_subject text, p_cause text, p_time bigint,
            p_keep_until bigint
        ) RETURNS void LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO refusals VALUES (p_queue, p_message, p_code, p_subject, p_cause, p_time, p_keep_until)
                ON CONFLICT DO NOTHING;
            PERFORM set_config('outrigger.won', CASE WHEN FOUND THEN p_won ELSE 'nobody' END, true);
        END $$;

        -- 0 taken, 1 known under this key: the ids, 2 the key names another request, 3 the outbox is full, 4 too many
        -- keys.
        CREATE FUNCTION submit(
            p_won text, p_peer text, p_key text, p_digest bytea, p_ids bytea, p_keep_until bigint, p_now bigint,
            p_rows bigint, p_bytes bigint, p_most_rows bigint, p_most_bytes bigint, p_most_keys bigint
        ) RETURNS TABLE (answer bigint, ids bytea, waiting bigint) LANGUAGE plpgsql AS $$
        DECLARE
            known submissions;
            used bigint;
        BEGIN
            PERFORM set_config('outrigger.won', 'nobody', true);
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
            PERFORM set_config('outrigger.won', p_won, true);
            RETURN QUERY SELECT 0::bigint, p_ids, waiting;
        END $$;
        """

    static let journalFunctions = """
        -- The formula is JournalChain's: length and hash of the row before, place, boot, fields.
        CREATE FUNCTION append(
            p_won text, p_boot bigint, p_fields bytea, p_time bigint, p_outcome text, p_source text,
            p_detail_type text, p_correlation text, p_event text, p_message text, p_resource text, p_user text,
            p_kind text, p_direction text, p_queue text, p_issuer text, p_parent text, p_tenant text, p_key text,
            p_stage text, p_code text, p_cause text, p_handler text, p_generation bigint, p_attempt bigint,
            p_deliveries bigint, p_sent bigint, p_waited bigint, p_took bigint, p_retry bigint, p_payload bytea,
            p_body bytea
        ) RETURNS void LANGUAGE plpgsql AS $$
        DECLARE w writers;
        BEGIN
            IF NOT is_won(p_won) THEN RETURN; END IF;
            UPDATE writers SET place = place + 1, hash = sha256(
                int8send(32) || hash || int8send(place + 1) || int8send(boot) || p_fields)
                WHERE boot = p_boot RETURNING * INTO STRICT w;
            INSERT INTO journal_tail VALUES (p_boot, w.place, clock(), p_time, p_outcome, p_source, p_detail_type,
                p_correlation, p_event, p_message, p_resource, p_user, p_kind, p_direction, p_queue, p_issuer,
                p_parent, p_tenant, p_key, p_stage, p_code, p_cause, p_handler, p_generation, p_attempt,
                p_deliveries, p_sent, p_waited, p_took, p_retry, p_payload, w.hash, p_body);
        END $$;

        -- Gives numbers to rows that are committed: one transaction at a time, and only behind what has one. So no row
        -- ever appears in front of a number that somebody has read.
        CREATE FUNCTION number_rows(p_count bigint) RETURNS bigint LANGUAGE plpgsql AS $$
        DECLARE
            last bigint;
            moved bigint;
        BEGIN
            IF NOT EXISTS (SELECT FROM journal_tail) THEN RETURN 0; END IF;
            SELECT number INTO last FROM journal_end FOR UPDATE;
            WITH oldest AS (
                SELECT ctid FROM journal_tail ORDER BY at, boot, place LIMIT p_count
            ), gone AS (
                DELETE FROM journal_tail WHERE ctid IN (SELECT ctid FROM oldest) RETURNING *
            )
            INSERT INTO journal SELECT last + row_number() OVER (ORDER BY at, boot, place), gone.* FROM gone;
            GET DIAGNOSTICS moved = ROW_COUNT;
            UPDATE journal_end SET number = last + moved;
            RETURN moved;
        END $$;

        -- Removes what nobody needs any more, so many rows of each table.
        CREATE FUNCTION sweep(p_now bigint, p_journal bigint, p_count bigint) RETURNS bigint LANGUAGE plpgsql AS $$
        DECLARE
            total bigint := 0;
            gone bigint;
        BEGIN
            DELETE FROM claims WHERE fence IN (SELECT fence FROM claims WHERE ends <= clock()
                LIMIT p_count FOR UPDATE SKIP LOCKED);
            DELETE FROM ledger WHERE row IN (SELECT row FROM ledger WHERE keep_until <= p_now
                LIMIT p_count FOR UPDATE SKIP LOCKED);
            GET DIAGNOSTICS gone = ROW_COUNT;
            total := total + gone;
            DELETE FROM state WHERE (handler, key) IN (SELECT handler, key FROM state WHERE expires <= p_now
                LIMIT p_count FOR UPDATE SKIP LOCKED);
            GET DIAGNOSTICS gone = ROW_COUNT;
            total := total + gone;
            DELETE FROM refusals WHERE (queue, message) IN (SELECT queue, message FROM refusals
                WHERE keep_until <= p_now LIMIT p_count FOR UPDATE SKIP LOCKED);
            GET DIAGNOSTICS gone = ROW_COUNT;
            total := total + gone;
            DELETE FROM submissions WHERE (key, peer) IN (SELECT key, peer FROM submissions
                WHERE keep_until <= p_now LIMIT p_count FOR UPDATE SKIP LOCKED);
            GET DIAGNOSTICS gone = ROW_COUNT;
            total := total + gone;
            DELETE FROM parked WHERE (message_group, consumer) IN (SELECT message_group, consumer FROM parked
                WHERE keep_until <= p_now LIMIT p_count FOR UPDATE SKIP LOCKED);
            DELETE FROM permits WHERE (event, consumer) IN (SELECT event, consumer FROM permits
                WHERE until <= p_now LIMIT p_count FOR UPDATE SKIP LOCKED);
            DELETE FROM journal WHERE number IN (SELECT number FROM journal WHERE time <= p_journal
                ORDER BY time LIMIT p_count FOR UPDATE SKIP LOCKED);
            GET DIAGNOSTICS gone = ROW_COUNT;
            RETURN total + gone;
        END $$;
        """
}
