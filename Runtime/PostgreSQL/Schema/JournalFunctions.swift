// The journal: chains, numbers, heads. See `Functions.swift` for what all functions have in common.

extension Schema {
    static let journalFunctions = """
        -- The formula is JournalChain's: length and hash of the row before, place, boot, the row.
        CREATE FUNCTION append(
            p_marks bigint[], boots bigint[], entries bytea[], bodies bytea[], times bigint[], outcomes text[],
            sources text[], detail_types text[], correlations text[], events text[], messages text[],
            resources text[], users text[], publishers text[]
        ) RETURNS void LANGUAGE plpgsql
        \(plans) AS $$
        DECLARE
            won bigint[] := marks('outrigger.won') || 0::bigint;
            time bigint := clock();
            last bigint;
            chain bytea;
            size bigint;
            places bigint[];
            hashes bytea[];
        BEGIN
            SELECT place, hash, bytes INTO STRICT last, chain, size FROM writers WHERE boot = boots[1] FOR UPDATE;
            FOR i IN 1 .. cardinality(p_marks) LOOP
                CONTINUE WHEN p_marks[i] <> ALL (won);
                last := last + 1;
                chain := sha256(int8send(32) || chain || int8send(last) || int8send(boots[i]) || entries[i]);
                size := size + octet_length(entries[i]) + coalesce(octet_length(bodies[i]), 0);
                places[i] := last;
                hashes[i] := chain;
            END LOOP;
            INSERT INTO journal_tail SELECT boots[i], places[i], time, hashes[i], entries[i], bodies[i], times[i],
                outcomes[i], sources[i], detail_types[i], correlations[i], events[i], messages[i], resources[i],
                users[i], publishers[i]
            FROM generate_subscripts(p_marks, 1) AS i WHERE hashes[i] IS NOT NULL;
            UPDATE writers SET place = last, hash = chain, bytes = size WHERE boot = boots[1];
        END $$;

        -- Gives numbers to rows that are committed: one transaction at a time, and only behind what has one. So no row
        -- ever appears in front of a number that somebody has read.
        CREATE FUNCTION number_rows(p_count bigint) RETURNS bigint LANGUAGE plpgsql
        \(plans) AS $$
        DECLARE
            last bigint;
            moved bigint;
        BEGIN
            IF NOT EXISTS (SELECT FROM journal_tail ORDER BY at LIMIT 1) THEN RETURN 0; END IF;
            SELECT number INTO last FROM journal_end FOR UPDATE;
            WITH gone AS (
                DELETE FROM journal_tail
                    WHERE ctid = ANY (ARRAY(SELECT ctid FROM journal_tail ORDER BY at, boot, place LIMIT p_count))
                    RETURNING *
            )
            INSERT INTO journal SELECT last + row_number() OVER (ORDER BY at, boot, place), gone.* FROM gone;
            GET DIAGNOSTICS moved = ROW_COUNT;
            UPDATE journal_end SET number = last + moved;
            RETURN moved;
        END $$;

        -- What a newer head says holds for the ones before, unless it is worth less.
        CREATE FUNCTION seal(
            p_boot bigint, p_place bigint, p_hash bytea, p_first bigint, p_time bigint, p_closes boolean,
            p_bytes bigint, p_key text, p_signature bytea
        ) RETURNS void LANGUAGE plpgsql
        \(plans) AS $$
        BEGIN
            INSERT INTO heads VALUES (
                p_boot, p_place, p_hash, p_first, p_time, p_closes, p_bytes, p_key, p_signature
            ) ON CONFLICT (boot, place) DO UPDATE SET first = excluded.first, time = excluded.time,
                closes = excluded.closes, key = excluded.key, signature = excluded.signature;
            DELETE FROM heads WHERE boot = p_boot AND place < p_place AND NOT closes AND (key = '' OR p_key <> '');
            UPDATE writers SET sealed = greatest(sealed, p_place), sealed_at = greatest(sealed_at, p_time),
                first = greatest(first, p_first) WHERE boot = p_boot;
        END $$;

        -- Removes rows that heads gave up, in the order of their chains, and what hangs on them. The last head before
        -- the rows that stay stays, too: their chain goes on from it. A chain of which nothing is left leaves the list
        -- when it was silent for as long again.
        CREATE FUNCTION give_up_rows(p_now bigint, p_keep bigint, p_count bigint) RETURNS bigint LANGUAGE plpgsql
        \(plans) AS $$
        DECLARE
            total bigint := 0;
            gone bigint;
            last bigint;
            w record;
        BEGIN
            FOR w IN SELECT boot, first, place, sealed_at FROM writers WHERE first > 1 ORDER BY boot LOOP
                WITH old AS (
                    DELETE FROM journal WHERE number = ANY (ARRAY(
                        SELECT j.number FROM journal j WHERE j.boot = w.boot AND j.place < w.first
                        ORDER BY j.place LIMIT p_count - total
                    )) RETURNING number
                )
                SELECT count(*), max(number) INTO gone, last FROM old;
                total := total + gone;
                UPDATE journal_end SET first = greatest(first, last + 1) WHERE last >= first;
                DELETE FROM heads WHERE boot = w.boot AND place < w.first - 1;
                EXIT WHEN total >= p_count;
                DELETE FROM writers WHERE boot = w.boot AND w.first > w.place AND w.sealed_at < p_now - p_keep;
                IF FOUND THEN DELETE FROM heads WHERE boot = w.boot; END IF;
            END LOOP;
            RETURN total;
        END $$;
        """
}
