// The paths for operators.

extension OpenAPI {
    static let operatePaths = """
          /v1/status:
            get:
              summary: The sidecar now. Role operate.
              responses:
                "200":
                  description: Its state. The ETag is the digest of the generation that serves.
                  headers: {ETag: {$ref: "#/components/headers/Generation"}}
                  content: {application/json: {schema: {$ref: "#/components/schemas/Status"}}}
                "403": {$ref: "#/components/responses/Problem"}
                default: {$ref: "#/components/responses/Problem"}
          /v1/handlers:
            get:
              summary: The handlers of the generation that serves. Role operate.
              responses:
                "200":
                  description: Each with its plugin, its routes and what is in force of its sandbox.
                  content:
                    application/json:
                      schema:
                        type: object
                        required: [handlers]
                        properties:
                          handlers: {type: array, items: {$ref: "#/components/schemas/Handler"}}
                "403": {$ref: "#/components/responses/Problem"}
                default: {$ref: "#/components/responses/Problem"}
          /v1/config:
            get:
              summary: The configuration in force, with what may be secret hidden. Role operate.
              parameters:
                - {name: If-None-Match, in: header, schema: {type: string}}
              responses:
                "200":
                  description: Every setting under the names that the file has. The ETag is the generation's digest.
                  headers: {ETag: {$ref: "#/components/headers/Generation"}}
                  content: {application/json: {schema: {type: object}}}
                "304": {description: The same generation serves as If-None-Match names.}
                "403": {$ref: "#/components/responses/Problem"}
                default: {$ref: "#/components/responses/Problem"}
          /v1/reload:
            post:
              summary: Read configuration and plugins anew, and go over to them if they work. Role operate.
              parameters:
                - name: If-Match
                  in: header
                  description: The digest of the generation that must serve now, as an ETag has it.
                  schema: {type: string}
              responses:
                "200":
                  description: Another generation serves, or nothing has changed.
                  headers: {ETag: {$ref: "#/components/headers/Generation"}}
                  content: {application/json: {schema: {$ref: "#/components/schemas/Reload"}}}
                "400": {$ref: "#/components/responses/Problem"}
                "403": {$ref: "#/components/responses/Problem"}
                "412": {$ref: "#/components/responses/Problem"}
                "422": {$ref: "#/components/responses/Problem"}
                default: {$ref: "#/components/responses/Problem"}

        """

    static let components = """
        components:
          headers:
            Generation: {description: '"<digest>"', schema: {type: string}}
            RetryAfter: {description: Seconds., schema: {type: integer}}
          responses:
            Problem:
              description: |
                Why not, at any path: 403 not a peer, or not its role; 404; 405 with Allow; 408 the request did not
                arrive whole in time; 413; 429 and 503 with Retry-After. 422 of a reload lists every `problems`.
              headers: {Retry-After: {$ref: "#/components/headers/RetryAfter"}}
              content: {application/problem+json: {schema: {$ref: "#/components/schemas/Problem"}}}

        """ + eventResponses + letterResponses + eventParameters + letterParameters + """
          schemas:
            Problem:
              type: object
              required: [type, title, status, detail]
              properties:
                type: {type: string}
                title: {type: string}
                status: {type: integer}
                detail: {type: string, description: What is wrong with this request.}
                code: {type: string, description: A code of FAILURES.md.}
                subject: {type: string}
                remedy: {type: string}
                problems:
                  type: array
                  items:
                    type: object
                    required: [place, path, why, fix]
                    properties:
                      place: {type: string}
                      path: {type: string}
                      why: {type: string}
                      fix: {type: string}
            Failure:
              type: [object, "null"]
              required: [code, subject, cause]
              properties: {code: {type: string}, subject: {type: string}, cause: {type: string}}
            Time: {type: [string, "null"], format: date-time}
            Status:
              type: object
              required:
                [version, now, since, ready, problems, generation, lastReload, queues, outbox, store, sandbox, trials,
                 services]
              properties:
                version: {type: string}
                now: {$ref: "#/components/schemas/Time"}
                since: {$ref: "#/components/schemas/Time"}
                ready: {type: boolean}
                problems: {type: array, items: {type: string}}
                generation:
                  type: object
                  required: [number, since, digest, configuration, alive, needsRestart]
                  properties:
                    number: {type: integer}
                    since: {$ref: "#/components/schemas/Time"}
                    digest: {type: string}
                    configuration: {type: string}
                    alive: {type: array, items: {type: integer}}
                    needsRestart: {type: array, items: {type: string}}
                lastReload:
                  type: [object, "null"]
                  required: [trigger, at, result, failure]
                  properties:
                    trigger: {enum: [start, change, round, signal, request]}
                    at: {$ref: "#/components/schemas/Time"}
                    result: {enum: [switched, unchanged, refused]}
                    failure: {$ref: "#/components/schemas/Failure"}
                queues:
                  type: array
                  items:
                    type: object
                    required:
                      [name, handlers, messages, bytes, oldestMilliseconds, paused, available, hidden, circuits,
                       parked, parkedSince]
                    properties:
                      name: {type: string}
                      handlers: {type: array, items: {type: string}}
                      messages: {type: integer, description: In hand.}
                      bytes: {type: integer}
                      oldestMilliseconds: {type: integer}
                      paused: {$ref: "#/components/schemas/Failure"}
                      available: {type: [integer, "null"], description: In the queue, by its own word.}
                      hidden: {type: integer, description: "Of these: behind the heads of FIFO groups that wait."}
                      circuits:
                        type: array
                        description: Handlers whose events wait for what they depend on.
                        items:
                          type: object
                          required: [handler, until, failure]
                          properties:
                            handler: {type: string}
                            until: {$ref: "#/components/schemas/Time"}
                            failure: {$ref: "#/components/schemas/Failure"}
                      parked: {type: integer, description: FIFO groups that stand behind an event that failed.}
                      parkedSince: {$ref: "#/components/schemas/Time"}
                outbox:
                  type: [object, "null"]
                  required: [rows, bytes, oldest]
                  properties:
                    rows: {type: integer}
                    bytes: {type: integer}
                    oldest: {$ref: "#/components/schemas/Time"}
                store: {type: object, additionalProperties: {type: integer}, description: "Rows by table, and bytes."}
                sandbox: {enum: [strict, required, available, "off"]}
                trials:
                  type: array
                  items:
                    type: object
                    required: [handler, kind, plugin, verdict]
                    properties:
                      handler: {type: string}
                      kind: {enum: [shadow, canary]}
                      plugin: {type: string}
                      verdict: {enum: [promoted, rolled-back, null]}
                services:
                  type: array
                  items:
                    type: object
                    required: [name, circuit]
                    properties: {name: {type: string}, circuit: {enum: [closed, open, half-open]}}
            Handler:
              type: object
              required: [id, plugin, version, digest, generation, workers, reused, routes, sandbox]
              properties:
                id: {type: string}
                plugin: {type: string}
                version: {type: string}
                digest: {type: string}
                generation: {type: integer}
                workers: {type: integer}
                reused: {type: boolean}
                routes:
                  type: array
                  items:
                    type: object
                    required: [source, detailType]
                    properties: {source: {type: string}, detailType: {type: string}}
                sandbox: {type: object, additionalProperties: {type: boolean}}
            Reload:
              type: object
              required: [result, digest, needsRestart]
              properties:
                result: {enum: [switched, unchanged]}
                digest: {type: string}
                generation: {type: integer}
                started: {type: array, items: {type: string}}
                kept: {type: array, items: {type: string}}
                gone: {type: array, items: {type: string}}
                needsRestart: {type: array, items: {type: string}}

        """ + letterSchemas + replaySchemas + eventSchemas
}
