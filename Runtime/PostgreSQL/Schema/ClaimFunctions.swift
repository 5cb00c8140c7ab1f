// Looking and claiming. See `Functions.swift` for what all functions have in common.

extension Schema {
    static let claims = """
        -- kind: 0 ledger, 1 claim, 2 parked group, 3 permit, 9 granted.
        -- match: 0 event id, 1 token digest, 2 business key. request: which of a batch it answers.
        CREATE TYPE known AS (
            kind bigint, match bigint, row bigint, fence bigint, state bigint, issuer text, event text, message text,
            payload bytea, source text, detail_type text, resource text, attempts bigint, spent text, strikes bigint,
            first_seen bigint, code text, subject text, cause text, keep_until bigint, mark text, request bigint
        );

        -- Everything that shares an identity with a request, and a mark of it all.
        CREATE FUNCTION look(
            p_request bigint, p_consumer text, p_issuer text, p_event text, p_token bytea, p_handler text,
            p_business bytea, p_group text, p_now bigint
        ) RETURNS SETOF known LANGUAGE plpgsql
        \(plans) AS $$
        BEGIN
            RETURN QUERY WITH at AS MATERIALIZED (SELECT clock() AS time),
            ledgers AS (
                SELECT 0::bigint AS match, l.* FROM ledger l
                    WHERE l.event = p_event AND l.issuer = p_issuer AND l.consumer = p_consumer
                UNION ALL
                (SELECT 1, l.* FROM ledger l WHERE l.token = p_token
                    AND l.consumer IS NOT DISTINCT FROM p_consumer AND l.keep_until > p_now ORDER BY l.state LIMIT 1)
                UNION ALL
                (SELECT 2, l.* FROM ledger l WHERE l.business = p_business AND l.state = 0
                    AND l.handler IS NOT DISTINCT FROM p_handler AND l.consumer IS NOT DISTINCT FROM p_consumer
                    AND l.keep_until > p_now LIMIT 1)
            ),
            holders AS (
                SELECT 0::bigint AS match, c.* FROM claims c
                    WHERE c.event = p_event AND c.issuer = p_issuer AND c.consumer = p_consumer
                UNION ALL
                SELECT 1, c.* FROM claims c WHERE c.token = p_token AND c.consumer IS NOT DISTINCT FROM p_consumer
                UNION ALL
                SELECT 2, c.* FROM claims c WHERE c.business = p_business
                    AND c.handler IS NOT DISTINCT FROM p_handler AND c.consumer IS NOT DISTINCT FROM p_consumer
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
                    p.keep_until FROM parked p WHERE p.message_group = p_group AND p.consumer = p_consumer
                    AND p.keep_until > p_now
                UNION ALL
                SELECT 3, 0, 0, 0, begun::int, '', p.event, '', NULL, '', '', '', 0, '', 0, 0, NULL, NULL, NULL,
                    p.until FROM permits p WHERE p.event = p_event AND p.consumer = p_consumer AND p.until > p_now
            )
            SELECT e.*, string_agg(kind || ':' || match || ':' || row || ':' || fence || ':' || keep_until, ',')
                OVER (ORDER BY kind, match, row, fence ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING),
                p_request
            FROM everything e;
        END $$;

        -- Grants each claim if all that is known of it is what was judged before: its mark, empty for nothing at all.
        -- Otherwise answers with what is known.
        CREATE FUNCTION claim(
            nows bigint[], consumers text[], issuers text[], events text[], tokens bytea[], handlers text[],
            businesses bytea[], groups text[], marks text[], fences bigint[], payloads bytea[], sources text[],
            detail_types text[], resources text[], messages text[], attempts bigint[], strikes bigint[],
            first_seens bigint[], leases bigint[]
        ) RETURNS SETOF known LANGUAGE plpgsql
        \(plans) AS $$
        DECLARE
            granted bigint[];
            time bigint := clock();
            answer known;
            seen known[];
        BEGIN
            -- What nobody knows, as nearly all is. A claim that is there, its lease ended or not, is left to the loop.
            WITH new AS (
                INSERT INTO claims
                SELECT fences[i], consumers[i], issuers[i], events[i], tokens[i], handlers[i], businesses[i],
                    payloads[i], sources[i], detail_types[i], resources[i], messages[i], attempts[i], strikes[i],
                    first_seens[i], time + leases[i]
                FROM generate_subscripts(fences, 1) AS i
                WHERE marks[i] = ''
                    AND NOT EXISTS (SELECT FROM ledger l
                        WHERE l.event = events[i] AND l.issuer = issuers[i] AND l.consumer = consumers[i])
                    AND NOT EXISTS (SELECT FROM ledger l
                        WHERE l.token = tokens[i] AND l.consumer IS NOT DISTINCT FROM consumers[i])
                    AND NOT EXISTS (SELECT FROM ledger l WHERE l.business = businesses[i] AND l.state = 0
                        AND l.handler IS NOT DISTINCT FROM handlers[i]
                        AND l.consumer IS NOT DISTINCT FROM consumers[i])
                    AND NOT EXISTS (SELECT FROM parked p
                        WHERE p.message_group = groups[i] AND p.consumer = consumers[i])
                    AND NOT EXISTS (SELECT FROM permits p WHERE p.event = events[i] AND p.consumer = consumers[i])
                ON CONFLICT DO NOTHING RETURNING fence
            )
            SELECT coalesce(array_agg(fence), '{}') INTO granted FROM new;
            answer.kind := 9;
            answer.match := 0;
            answer.state := 0;
            FOR i IN 1 .. cardinality(fences) LOOP
                IF fences[i] <> ALL (granted) THEN
                    SELECT array_agg(l) INTO seen FROM look(i, consumers[i], issuers[i], events[i], tokens[i],
                        handlers[i], businesses[i], groups[i], nows[i]) l;
                    IF marks[i] IS NULL OR coalesce((seen[1]).mark, '') <> marks[i] THEN
                        RETURN QUERY SELECT * FROM unnest(seen);
                        CONTINUE;
                    END IF;
                    -- Those whose lease has ended lose their claim here.
                    DELETE FROM claims c
                        WHERE c.event = events[i] AND c.issuer = issuers[i] AND c.consumer = consumers[i];
                    DELETE FROM claims c
                        WHERE c.token = tokens[i] AND c.consumer IS NOT DISTINCT FROM consumers[i];
                    DELETE FROM claims c WHERE c.business = businesses[i]
                        AND c.handler IS NOT DISTINCT FROM handlers[i]
                        AND c.consumer IS NOT DISTINCT FROM consumers[i];
                    INSERT INTO claims VALUES (
                        fences[i], consumers[i], issuers[i], events[i], tokens[i], handlers[i], businesses[i],
                        payloads[i], sources[i], detail_types[i], resources[i], messages[i], attempts[i], strikes[i],
                        first_seens[i], time + leases[i]);
                END IF;
                answer.request := i;
                RETURN NEXT answer;
            END LOOP;
        END $$;

        -- Renewed are all that are there; one that is just being committed is left alone, and counts.
        CREATE FUNCTION renew(p_fences bigint[], p_lease bigint) RETURNS SETOF bigint LANGUAGE plpgsql
        \(plans) AS $$
        BEGIN
            UPDATE claims SET ends = clock() + p_lease WHERE fence = ANY (ARRAY(
                SELECT fence FROM claims WHERE fence = ANY (p_fences) FOR UPDATE SKIP LOCKED));
            RETURN QUERY SELECT fence FROM claims WHERE fence = ANY (p_fences);
        END $$;

        CREATE FUNCTION release(p_fences bigint[]) RETURNS void LANGUAGE plpgsql
        \(plans) AS $$
        BEGIN
            DELETE FROM claims WHERE fence = ANY (ARRAY(
                SELECT fence FROM claims WHERE fence = ANY (p_fences) FOR UPDATE SKIP LOCKED));
        END $$;
        """
}
