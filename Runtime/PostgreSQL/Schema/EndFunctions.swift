// The end of runs. See `Functions.swift` for what all functions have in common.

extension Schema {
    static let ends = """
        -- Keys as runs saw them. Who saw one that has moved is marked.
        CREATE FUNCTION see_state(
            p_marks bigint[], handlers text[], keys bytea[], versions bigint[], nows bigint[]
        ) RETURNS void LANGUAGE plpgsql
        \(plans) AS $$
        BEGIN
            PERFORM add_marks('outrigger.moved', coalesce(array_agg(DISTINCT p_marks[i]), '{}'))
            FROM generate_subscripts(p_marks, 1) AS i
            WHERE versions[i] <> coalesce((SELECT s.version FROM state s WHERE s.handler = handlers[i]
                AND s.key = keys[i] AND (s.expires IS NULL OR s.expires > nows[i])), 0);
        END $$;

        -- The ends of runs in the ledger: in the rows that their claims found, or in new ones.
        -- Answers in their order: 0 committed, 1 the claim is lost, 2 a key has moved.
        CREATE FUNCTION finish(
            p_marks bigint[], fences bigint[], consumers text[], issuers text[], events text[], tokens bytea[],
            handlers text[], businesses bytea[], payloads bytea[], sources text[], detail_types text[],
            resources text[], messages text[], rows bigint[], states bigint[], attempt_counts bigint[], spents text[],
            strike_counts bigint[], first_seens bigint[], codes text[], subjects text[], causes text[],
            keep_untils bigint[], generations bigint[], are_timers boolean[], groups text[], are_parking boolean[],
            were_done boolean[], uses bigint[], nows bigint[]
        ) RETURNS SETOF bigint LANGUAGE plpgsql
        \(plans) AS $$
        DECLARE
            moved bigint[] := marks('outrigger.moved');
            own bigint[];
            kept bigint[] := '{}';
        BEGIN
            WITH gone AS (
                DELETE FROM claims c WHERE c.fence = ANY (ARRAY(
                    SELECT fences[i] FROM generate_subscripts(fences, 1) AS i WHERE p_marks[i] <> ALL (moved)
                )) RETURNING c.fence
            )
            SELECT coalesce(array_agg(fence), '{}') INTO own FROM gone;
            FOR i IN 1 .. cardinality(fences) LOOP
                -- Few have a row already, or anything else that hangs on their end.
                CONTINUE WHEN fences[i] <> ALL (own)
                    OR rows[i] IS NULL AND uses[i] IS NULL AND NOT are_timers[i] AND NOT are_parking[i];
                IF were_done[i] AND states[i] <> 0 THEN
                    -- What was done stays so, though its run under a permit came to nothing.
                    UPDATE ledger SET attempts = attempt_counts[i], spent = spents[i], strikes = strike_counts[i],
                        first_seen = first_seens[i], keep_until = greatest(keep_until, keep_untils[i]),
                        fence = fences[i] WHERE row = rows[i];
                ELSE
                    UPDATE ledger SET consumer = consumers[i], issuer = issuers[i], event = events[i],
                        token = tokens[i], handler = handlers[i], business = businesses[i], payload = payloads[i],
                        source = sources[i], detail_type = detail_types[i], resource = resources[i],
                        message = messages[i], state = states[i], attempts = attempt_counts[i], spent = spents[i],
                        strikes = strike_counts[i], first_seen = first_seens[i], code = codes[i],
                        subject = subjects[i], cause = causes[i], keep_until = keep_untils[i], fence = fences[i],
                        generation = generations[i] WHERE row = rows[i];
                END IF;
                IF FOUND THEN kept := kept || fences[i]; END IF;
                IF are_timers[i] AND states[i] = 2 THEN
                    UPDATE timers SET tries = tries + 1, holder = 0, held = 0 WHERE event = events[i];
                ELSIF are_timers[i] THEN
                    DELETE FROM timers WHERE event = events[i];
                END IF;
                IF states[i] = 2 THEN
                    UPDATE permits SET begun = true
                        WHERE event = events[i] AND consumer = consumers[i] AND until = uses[i];
                ELSE
                    DELETE FROM permits WHERE event = events[i] AND consumer = consumers[i] AND until = uses[i];
                END IF;
                IF are_parking[i] THEN
                    -- Behind the first event of the group that failed; the same one again keeps its place for longer.
                    DELETE FROM parked
                        WHERE message_group = groups[i] AND consumer = consumers[i] AND keep_until <= nows[i];
                    INSERT INTO parked AS p
                        VALUES (consumers[i], groups[i], issuers[i], events[i], nows[i], keep_untils[i])
                        ON CONFLICT (message_group, consumer) DO UPDATE
                            SET keep_until = greatest(p.keep_until, keep_untils[i])
                            WHERE p.issuer = issuers[i] AND p.event = events[i];
                END IF;
            END LOOP;
            INSERT INTO ledger (consumer, issuer, event, token, handler, business, payload, source, detail_type,
                resource, message, state, attempts, spent, strikes, first_seen, code, subject, cause, keep_until,
                fence, generation)
            SELECT consumers[i], issuers[i], events[i], tokens[i], handlers[i], businesses[i], payloads[i],
                sources[i], detail_types[i], resources[i], messages[i], states[i], attempt_counts[i], spents[i],
                strike_counts[i],
                first_seens[i], codes[i], subjects[i], causes[i], keep_untils[i], fences[i], generations[i]
            FROM generate_subscripts(fences, 1) AS i WHERE fences[i] = ANY (own) AND fences[i] <> ALL (kept);
            IF EXISTS (SELECT FROM parked) THEN
                DELETE FROM parked p USING generate_subscripts(fences, 1) AS i
                    WHERE fences[i] = ANY (own) AND states[i] = 0 AND p.event = events[i] AND p.issuer = issuers[i]
                    AND p.consumer IS NOT DISTINCT FROM consumers[i];
            END IF;
            PERFORM add_marks('outrigger.won', ARRAY(
                SELECT p_marks[i] FROM generate_subscripts(fences, 1) AS i WHERE fences[i] = ANY (own)));
            FOR i IN 1 .. cardinality(fences) LOOP
                IF fences[i] = ANY (own) THEN
                    RETURN NEXT 0;
                ELSIF p_marks[i] = ANY (moved) AND EXISTS (SELECT FROM claims WHERE fence = fences[i]) THEN
                    RETURN NEXT 2;
                ELSE
                    RETURN NEXT CASE WHEN EXISTS (SELECT FROM ledger l WHERE l.event = events[i]
                        AND l.issuer = issuers[i] AND l.consumer = consumers[i] AND l.fence = fences[i])
                        THEN 0 ELSE 1 END;
                END IF;
            END LOOP;
        END $$;

        -- A null value erases the key. No key comes twice.
        CREATE FUNCTION write_state(
            p_marks bigint[], handlers text[], keys bytea[], versions bigint[], expiries bigint[], p_values bytea[]
        ) RETURNS void LANGUAGE plpgsql
        \(plans) AS $$
        DECLARE won bigint[] := marks('outrigger.won');
        BEGIN
            FOR i IN 1 .. cardinality(p_marks) LOOP
                CONTINUE WHEN p_values[i] IS NOT NULL OR p_marks[i] <> ALL (won);
                DELETE FROM state WHERE handler = handlers[i] AND key = keys[i];
            END LOOP;
            INSERT INTO state AS s SELECT handlers[i], keys[i], versions[i], expiries[i], p_values[i]
                FROM generate_subscripts(p_marks, 1) AS i WHERE p_values[i] IS NOT NULL AND p_marks[i] = ANY (won)
                ON CONFLICT (handler, key) DO UPDATE
                    SET version = excluded.version, expires = excluded.expires, value = excluded.value;
        END $$;

        -- An empty detail removes the timer. Of several for one key the last one counts.
        CREATE FUNCTION set_timer(
            p_marks bigint[], handlers text[], keys bytea[], dues bigint[], events text[], correlations text[],
            details bytea[]
        ) RETURNS void LANGUAGE plpgsql
        \(plans) AS $$
        DECLARE won bigint[] := marks('outrigger.won');
        BEGIN
            FOR i IN 1 .. cardinality(p_marks) LOOP
                CONTINUE WHEN p_marks[i] <> ALL (won);
                DELETE FROM timers WHERE handler = handlers[i] AND key = keys[i];
                IF length(details[i]) > 0 THEN
                    INSERT INTO timers
                        VALUES (handlers[i], keys[i], dues[i], 0, events[i], correlations[i], details[i]);
                END IF;
            END LOOP;
        END $$;
        """
}
