// The tables of the first step. Times are milliseconds since 1970, as everywhere in the sidecar.

extension Schema {
    static let tables = """
        CREATE TABLE meta (key text PRIMARY KEY, value text NOT NULL);
        INSERT INTO meta VALUES ('store', replace(gen_random_uuid()::text, '-', ''));
        CREATE SEQUENCE boots;

        -- The clock of all leases. A function, so that tests can set it.
        CREATE FUNCTION clock() RETURNS bigint LANGUAGE sql VOLATILE
            AS 'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint';

        -- One row per event identity and consumer. state: 0 done, 1 dead, 2 retry; done comes first in every index.
        CREATE TABLE ledger (
            row bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, consumer text COLLATE "C" NOT NULL,
            issuer text COLLATE "C" NOT NULL, event text COLLATE "C" NOT NULL, token bytea,
            handler text COLLATE "C" NOT NULL, business bytea, payload bytea NOT NULL, source text NOT NULL,
            detail_type text NOT NULL, resource text NOT NULL, message text NOT NULL, state bigint NOT NULL,
            attempts bigint NOT NULL, spent text NOT NULL, strikes bigint NOT NULL, first_seen bigint NOT NULL,
            code text, subject text, cause text, keep_until bigint NOT NULL, fence bigint NOT NULL,
            generation bigint NOT NULL
        );
        CREATE UNIQUE INDEX ledger_event ON ledger (event, issuer, consumer);
        CREATE INDEX ledger_token ON ledger (token, consumer, state) WHERE token IS NOT NULL;
        CREATE INDEX ledger_business ON ledger (business, handler, consumer) WHERE business IS NOT NULL AND state = 0;
        CREATE INDEX ledger_keep ON ledger (keep_until);

        -- Who runs what. Unlogged: a claim waits for no disk, and a crash of the server voids all of them; then whoever
        -- ran something loses it at the commit, where the fence is asked for. One for each identity.
        CREATE UNLOGGED TABLE claims (
            fence bigint PRIMARY KEY, consumer text COLLATE "C" NOT NULL, issuer text COLLATE "C" NOT NULL,
            event text COLLATE "C" NOT NULL, token bytea, handler text COLLATE "C" NOT NULL, business bytea,
            payload bytea NOT NULL, source text NOT NULL, detail_type text NOT NULL, resource text NOT NULL,
            message text NOT NULL, attempts bigint NOT NULL, strikes bigint NOT NULL, first_seen bigint NOT NULL,
            ends bigint NOT NULL
        );
        CREATE UNIQUE INDEX claims_event ON claims (event, issuer, consumer);
        CREATE UNIQUE INDEX claims_token ON claims (token, consumer) WHERE token IS NOT NULL;
        CREATE UNIQUE INDEX claims_business ON claims (business, handler, consumer) WHERE business IS NOT NULL;

        -- FIFO groups that stand behind an event which failed for good.
        CREATE TABLE parked (
            consumer text COLLATE "C" NOT NULL, message_group text COLLATE "C" NOT NULL, issuer text NOT NULL,
            event text COLLATE "C" NOT NULL, time bigint NOT NULL, keep_until bigint NOT NULL,
            PRIMARY KEY (message_group, consumer)
        );
        CREATE INDEX parked_event ON parked (event);
        CREATE INDEX parked_keep ON parked (keep_until);
        -- An operator's word that an event may run once more. begun: its run is to be tried again.
        CREATE TABLE permits (
            consumer text COLLATE "C" NOT NULL, event text COLLATE "C" NOT NULL, until bigint NOT NULL,
            begun boolean NOT NULL, PRIMARY KEY (event, consumer)
        );

        CREATE TABLE state (
            handler text COLLATE "C" NOT NULL, key bytea NOT NULL, version bigint NOT NULL, expires bigint,
            value bytea NOT NULL, PRIMARY KEY (handler, key)
        );
        CREATE INDEX state_expires ON state (expires) WHERE expires IS NOT NULL;

        -- head: the oldest row of its resource; a row without a resource is always one. lane: the lock of the resource.
        -- holder and held: which relay has it in hand, and until when.
        CREATE TABLE outbox (
            row bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, head boolean NOT NULL, lane bigint NOT NULL,
            due bigint NOT NULL, attempts bigint NOT NULL, committed bigint NOT NULL, bytes bigint NOT NULL,
            holder bigint NOT NULL DEFAULT 0, held bigint NOT NULL DEFAULT 0, id text NOT NULL, parent text NOT NULL,
            handler text NOT NULL, source text NOT NULL, detail_type text NOT NULL,
            resource text COLLATE "C" NOT NULL, correlation text NOT NULL, trace bytea NOT NULL,
            attributes bytea NOT NULL, detail bytea NOT NULL
        );
        CREATE INDEX outbox_heads ON outbox (row) WHERE head;
        CREATE INDEX outbox_resource ON outbox (resource, row) WHERE resource <> '';

        -- holder and held: which sidecar was given it, and until when.
        CREATE TABLE timers (
            handler text COLLATE "C" NOT NULL, key bytea NOT NULL, due bigint NOT NULL, tries bigint NOT NULL,
            event text COLLATE "C" NOT NULL UNIQUE, correlation text NOT NULL, detail bytea NOT NULL,
            holder bigint NOT NULL DEFAULT 0, held bigint NOT NULL DEFAULT 0, PRIMARY KEY (handler, key)
        );
        CREATE INDEX timers_due ON timers (due);
        CREATE INDEX timers_tries ON timers (tries, due);

        -- Verdicts on messages that were never verified, and the dead letters that have no queue to go to.
        CREATE TABLE refusals (
            queue text COLLATE "C" NOT NULL, message text COLLATE "C" NOT NULL, code text NOT NULL,
            subject text NOT NULL, cause text NOT NULL, time bigint NOT NULL, keep_until bigint NOT NULL,
            PRIMARY KEY (queue, message)
        );
        CREATE INDEX refusals_keep ON refusals (keep_until);
        CREATE TABLE letters (
            row bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, queue text COLLATE "C" NOT NULL,
            message text COLLATE "C" NOT NULL, time bigint NOT NULL, failure text NOT NULL,
            short_failure text NOT NULL, message_group text, deduplication text NOT NULL, attributes bytea NOT NULL,
            body bytea NOT NULL, UNIQUE (queue, message)
        );
        CREATE TABLE publications (
            row bigint PRIMARY KEY, time bigint NOT NULL, code text NOT NULL, subject text NOT NULL,
            cause text NOT NULL, attempts bigint NOT NULL, committed bigint NOT NULL, id text NOT NULL,
            parent text NOT NULL, handler text NOT NULL, source text NOT NULL, detail_type text NOT NULL,
            resource text NOT NULL, correlation text NOT NULL, trace bytea NOT NULL, attributes bytea NOT NULL,
            detail bytea NOT NULL
        );

        -- Requests of the service next door by the names that it gave them, and the ids of the events that they became.
        CREATE TABLE submissions (
            peer text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL, digest bytea NOT NULL, ids bytea NOT NULL,
            keep_until bigint NOT NULL, PRIMARY KEY (key, peer)
        );
        CREATE INDEX submissions_keep ON submissions (keep_until);
        """

    static let journal = """
        -- One chain of hashes for each start of a sidecar; place counts its rows, hash is the last one's, bytes is what
        -- they took, roughly. sealed: the row of the newest head, and when; first: the oldest row that no head gave up.
        CREATE TABLE writers (
            boot bigint PRIMARY KEY, name text NOT NULL, began bigint NOT NULL, genesis bytea NOT NULL,
            place bigint NOT NULL DEFAULT 0, hash bytea NOT NULL, bytes bigint NOT NULL DEFAULT 0,
            sealed bigint NOT NULL DEFAULT 0, sealed_at bigint NOT NULL DEFAULT 0, first bigint NOT NULL DEFAULT 1
        );
        -- Heads of the chains. closes: it ends a segment, and stays. key: whose signature it is, empty for none.
        CREATE TABLE heads (
            boot bigint NOT NULL, place bigint NOT NULL, hash bytea NOT NULL, first bigint NOT NULL,
            time bigint NOT NULL, closes boolean NOT NULL, bytes bigint NOT NULL, key text NOT NULL,
            signature bytea NOT NULL, PRIMARY KEY (boot, place)
        );

        -- What is committed and has no number yet. One index, so that a commit writes little: without it whoever looks
        -- reads over all that has left and is not cleared away.
        -- entry: the row as it is hashed; what is asked for stands beside it. publisher: the event that a publication
        -- is of.
        CREATE TABLE journal_tail (
            boot bigint NOT NULL, place bigint NOT NULL, at bigint NOT NULL, hash bytea NOT NULL, entry bytea NOT NULL,
            body bytea, time bigint NOT NULL, outcome text NOT NULL, source text NOT NULL, detail_type text NOT NULL,
            correlation text NOT NULL, event text NOT NULL, message text NOT NULL, resource text NOT NULL,
            "user" text NOT NULL, publisher text NOT NULL
        );
        CREATE INDEX journal_tail_at ON journal_tail (at, boot, place);

        -- number: over all writers, without gaps, in the order in which rows became visible.
        CREATE TABLE journal (number bigint PRIMARY KEY, LIKE journal_tail);
        ALTER TABLE journal ALTER COLUMN body SET STORAGE EXTERNAL;
        CREATE UNIQUE INDEX journal_place ON journal (boot, place);
        CREATE INDEX journal_correlation ON journal (correlation, number) WHERE correlation <> '';
        CREATE INDEX journal_event ON journal (event, number) WHERE event <> '';
        CREATE INDEX journal_message ON journal (message, number) WHERE message <> '';
        CREATE INDEX journal_resource ON journal (resource, number) WHERE resource <> '';
        CREATE INDEX journal_user ON journal ("user", number) WHERE "user" <> '';
        CREATE INDEX journal_publisher ON journal (publisher, number) WHERE publisher <> '';
        CREATE INDEX journal_time ON journal (time);
        -- The last number, and the one from which on no row was given up.
        CREATE TABLE journal_end (number bigint NOT NULL, first bigint NOT NULL);
        INSERT INTO journal_end VALUES (0, 1);
        """
}
