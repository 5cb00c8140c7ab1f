// The paths of Events/: publish, timeline, search, explanation, streams. Their routes and these lines change together.

extension OpenAPI {
    static let eventPaths = """
          /v1/events:
            post:
              summary: Hand in one event, or up to 100 at once, all or none. Role publish.
              description: |
                Validated against the schema of its detail type where there is one, brought into RFC 8785 form, and
                written to the outbox; answered when that is durable. It is signed and sent to the bus under the `id`
                of the answer. What a peer may sign, its `publish` lists.

                A CloudEvent 1.0 is an event in other words, structured, as a batch, or in binary mode (headers
                `ce-...`, percent-encoded): `type` is the detailType, `source` the source, `subject` the resource,
                `data` the detailCore; the extensions `correlationid`, `userid`, `tenantid`, `deviceid` and
                `traceparent` are the trace. Its `id` must be there and is not kept: repeats are recognised by the
                Idempotency-Key. Other attributes are left out.
              parameters:
                - name: Idempotency-Key
                  in: header
                  description: |
                    The same key with the same events within `api.idempotency` (24 h) is answered with the same ids;
                    with others it is refused.
                  schema: {type: string, minLength: 1, maxLength: 255, pattern: "^[!-~]+$"}
                - name: traceparent
                  in: header
                  description: W3C Trace Context, for events that have none of their own.
                  schema: {type: string}
              requestBody:
                required: true
                content:
                  application/json:
                    schema:
                      oneOf:
                        - {$ref: "#/components/schemas/Event"}
                        - {type: array, minItems: 1, maxItems: 100, items: {$ref: "#/components/schemas/Event"}}
                  application/cloudevents+json: {schema: {$ref: "#/components/schemas/CloudEvent"}}
                  application/cloudevents-batch+json:
                    schema: {type: array, minItems: 1, maxItems: 100, items: {$ref: "#/components/schemas/CloudEvent"}}
              responses:
                "202":
                  description: Taken, and durable.
                  headers:
                    Location: {description: "The timeline, where all events share one.", schema: {type: string}}
                  content: {application/json: {schema: {$ref: "#/components/schemas/Published"}}}
                "200":
                  description: Taken before, under the same key.
                  headers:
                    Idempotent-Replayed: {schema: {const: "true"}}
                    Location: {schema: {type: string}}
                  content: {application/json: {schema: {$ref: "#/components/schemas/Published"}}}
                "400": {$ref: "#/components/responses/Problem"}
                "403": {$ref: "#/components/responses/Problem"}
                "409": {$ref: "#/components/responses/Problem"}
                "413": {$ref: "#/components/responses/Problem"}
                "415": {$ref: "#/components/responses/Problem"}
                "422": {$ref: "#/components/responses/Problem"}
                "429": {$ref: "#/components/responses/Problem"}
                "503": {$ref: "#/components/responses/Problem"}
                default: {$ref: "#/components/responses/Problem"}
            get:
              summary: Search the journal. Role read. All that is given must hold.
              parameters:
                - {name: resource, in: query, schema: {type: string}}
                - {name: source, in: query, schema: {type: string}}
                - {name: detailType, in: query, schema: {type: string}}
                - {name: userId, in: query, schema: {type: string}}
                - name: since
                  in: query
                  description: "RFC 3339, or so long ago: -90s, -15m, -1h, -7d."
                  schema: {type: string}
                - {name: until, in: query, description: Likewise., schema: {type: string}}
                - {name: outcome, in: query, schema: {$ref: "#/components/schemas/Outcome"}}
                - {$ref: "#/components/parameters/After"}
                - {$ref: "#/components/parameters/Limit"}
                - {$ref: "#/components/parameters/Bodies"}
              responses:
                "200": {$ref: "#/components/responses/Rows"}
                "400": {$ref: "#/components/responses/Problem"}
                default: {$ref: "#/components/responses/Problem"}
          /v1/events/{correlationId}:
            get:
              summary: The timeline of one correlation, in order. Role read.
              parameters:
                - {name: correlationId, in: path, required: true, schema: {type: string}}
                - {$ref: "#/components/parameters/After"}
                - {$ref: "#/components/parameters/Limit"}
                - {$ref: "#/components/parameters/Bodies"}
              responses:
                "200": {$ref: "#/components/responses/Rows"}
                "400": {$ref: "#/components/responses/Problem"}
                default: {$ref: "#/components/responses/Problem"}
          /v1/events/stream:
            get:
              summary: Journal rows as they are committed, as Server-Sent Events. Role read.
              parameters:
                - {name: correlationId, in: query, schema: {type: string}}
                - {name: resource, in: query, schema: {type: string}}
                - {name: source, in: query, schema: {type: string}}
                - {$ref: "#/components/parameters/LastEventId"}
                - {$ref: "#/components/parameters/LastEventIdQuery"}
              responses:
                "200": {$ref: "#/components/responses/Stream"}
                "400": {$ref: "#/components/responses/Problem"}
                "429": {$ref: "#/components/responses/Problem"}
                default: {$ref: "#/components/responses/Problem"}
          /v1/events/stream/user/{userId}:
            get:
              summary: The same for one user's events. Role read.
              parameters:
                - {name: userId, in: path, required: true, schema: {type: string}}
                - {name: correlationId, in: query, schema: {type: string}}
                - {name: resource, in: query, schema: {type: string}}
                - {name: source, in: query, schema: {type: string}}
                - {$ref: "#/components/parameters/LastEventId"}
                - {$ref: "#/components/parameters/LastEventIdQuery"}
              responses:
                "200": {$ref: "#/components/responses/Stream"}
                "400": {$ref: "#/components/responses/Problem"}
                "429": {$ref: "#/components/responses/Problem"}
                default: {$ref: "#/components/responses/Problem"}
          /v1/explain/{eventId}:
            get:
              summary: What became of an event, or of a refused message, and where it stands now. Role read.
              parameters:
                - name: eventId
                  in: path
                  required: true
                  description: The event's id, or the queue's id of a message.
                  schema: {type: string}
              responses:
                "200":
                  description: As text where Accept names text/plain before JSON.
                  content:
                    application/json: {schema: {$ref: "#/components/schemas/Explanation"}}
                    text/plain: {schema: {type: string}}
                "404": {$ref: "#/components/responses/Problem"}
                default: {$ref: "#/components/responses/Problem"}

        """

    static let eventSchemas = """
            Event:
              type: object
              required: [source, detailType, detailCore]
              additionalProperties: false
              properties:
                source: {type: string, minLength: 1}
                detailType: {type: string, minLength: 1}
                resource: {type: string, description: "Events of one resource keep their order."}
                trace:
                  type: object
                  additionalProperties: false
                  properties:
                    correlationId: {type: string, description: By default the event's own id.}
                    userId: {type: string}
                    tenantId: {type: string}
                    deviceId: {type: string}
                    traceparent: {type: string}
                detailCore: {type: object, description: The business payload.}
            CloudEvent:
              type: object
              required: [specversion, id, source, type, data]
              properties:
                specversion: {const: "1.0"}
                id: {type: string, minLength: 1}
                source: {type: string, minLength: 1}
                type: {type: string, minLength: 1}
                subject: {type: string}
                datacontenttype: {type: string, description: JSON.}
                correlationid: {type: string}
                userid: {type: string}
                tenantid: {type: string}
                deviceid: {type: string}
                traceparent: {type: string}
                data: {type: object}
            Published:
              type: object
              required: [events]
              properties:
                events:
                  type: array
                  description: In the order of the request.
                  items:
                    type: object
                    required: [id, correlationId]
                    properties: {id: {type: string}, correlationId: {type: string}}
            Outcome:
              enum:
                - done
                - duplicate
                - retry
                - dead
                - refused
                - accepted
                - sent
                - gave-up
                - promoted
                - rolled-back
                - redriven
                - edited
                - discarded
                - permitted
                - freed
            Row:
              type: object
              description: What happened to one event, once. What is empty is left out.
              required: [number, time, kind, direction, outcome, boot, hash]
              properties:
                number: {type: integer, description: Ascending, without gaps.}
                time: {type: string, format: date-time}
                kind: {enum: [event, refusal, publication, trial, letter]}
                direction: {enum: [in, out]}
                outcome: {$ref: "#/components/schemas/Outcome"}
                queue: {type: string}
                messageId: {type: string}
                issuer: {type: string}
                eventId: {type: string}
                parentId: {type: string}
                correlationId: {type: string}
                resource: {type: string}
                source: {type: string}
                detailType: {type: string}
                tenantId: {type: string}
                userId: {type: string}
                keyId: {type: string}
                stage: {type: string}
                code: {type: string}
                cause: {type: string}
                handler: {type: string}
                generation: {type: integer}
                attempt: {type: integer}
                deliveries: {type: integer}
                sentAt: {type: string, format: date-time}
                retryAt: {type: string, format: date-time}
                waitedMs: {type: number}
                tookMs: {type: number}
                payloadSha256: {type: string}
                boot: {type: integer}
                hash: {type: string}
                body: {description: "The payload, where it is kept and `bodies=true` asks for it."}
            Explanation:
              type: object
              required: [id, consumers, published]
              properties:
                id: {type: string}
                source: {type: string}
                detailType: {type: string}
                resource: {type: string}
                correlationId: {type: string}
                publication: {type: object, description: "Of an event published here: accepted, sent, given up."}
                consumers:
                  type: array
                  items:
                    type: object
                    required: [queue, state, received, attempts, duplicates, now]
                    properties:
                      queue: {type: string}
                      handler: {type: string}
                      state: {type: string}
                      keyId: {type: string}
                      received: {type: array, items: {type: object}}
                      attempts: {type: array, items: {type: object}}
                      duplicates: {type: array, items: {type: object}}
                      strikes: {type: integer}
                      firstSeen: {type: string, format: date-time}
                      recognisedUntil: {type: string, format: date-time}
                      permittedUntil: {type: string, format: date-time}
                      now: {type: array, items: {type: object}, description: "In hand: step, since, until, why."}
                published: {type: array, items: {type: object}, description: What its handler published.}

        """

    static let eventResponses = """
            Rows:
              description: Some rows in their order; those that the peer may not see are left out.
              headers: {Link: {description: "The next page: rel=next.", schema: {type: string}}}
              content:
                application/json:
                  schema:
                    type: object
                    required: [rows]
                    properties:
                      rows: {type: array, items: {$ref: "#/components/schemas/Row"}}
                      next: {type: string, description: The address of the next page.}
            Stream:
              description: |
                Blocks of `id` (the row's number), `event` (its outcome) and `data` (the row as JSON); a comment every
                15 s. A reader that takes nothing for 30 s is cut off, and goes on from its last id.
              content: {text/event-stream: {schema: {type: string}}}

        """

    static let eventParameters = """
          parameters:
            After: {name: after, in: query, description: Rows behind this number., schema: {type: integer, minimum: 0}}
            Limit: {name: limit, in: query, schema: {type: integer, minimum: 1, maximum: 1000, default: 100}}
            Bodies:
              name: bodies
              in: query
              description: With payloads that are kept.
              schema: {type: boolean, default: false}
            LastEventId:
              name: Last-Event-ID
              in: header
              description: The number of the last row that the reader has; without it the stream begins now.
              schema: {type: integer}
            LastEventIdQuery:
              name: lastEventId
              in: query
              description: The same, for readers that cannot set a header.
              schema: {type: integer}

        """
}
