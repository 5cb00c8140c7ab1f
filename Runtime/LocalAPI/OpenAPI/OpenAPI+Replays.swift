// The path of Replays/. Its route and these lines change together.

extension OpenAPI {
    static let replayPaths = """
          /v1/replays:
            post:
              summary: Give events of the journal to their handlers again. Role operate.
              description: |
                Events whose payloads the journal kept, each at its last run within the time. In shadow nothing of it
                stays: state is read as it is now, and every service is unavailable. With `apply` what is done is
                committed, under a permit for each event. A request works for 20 s at most: while `next` is a number,
                the same request goes on with it as `after`, and with the `from` and `to` of the first answer.
              requestBody:
                required: true
                content:
                  application/json:
                    schema:
                      type: object
                      required: [from, to]
                      properties:
                        from: {type: string, description: "RFC 3339, or so long ago: -1h."}
                        to: {type: string}
                        source: {type: string}
                        detailType: {type: string}
                        handler: {type: string}
                        queue: {type: string}
                        after: {type: integer, minimum: 0}
                        limit: {type: integer, minimum: 1, maximum: 100, default: 100}
                        rate: {type: integer, minimum: 1, maximum: 1000, default: 50, description: Events a second.}
                        apply: {type: boolean, default: false, description: "Needs `reason`."}
                        reason: {type: string, maxLength: 500}
              responses:
                "200":
                  description: What became of each, beside what became of it then.
                  content: {application/json: {schema: {$ref: "#/components/schemas/Replay"}}}
                \(problems(400, 403, 404, 429))

        """

    static let replaySchemas = """
            ReplayWord: {enum: [done, retry, reject, wait, failed, skipped]}
            Replay:
              type: object
              required: [from, to, events, withoutPayload, next]
              properties:
                from: {$ref: "#/components/schemas/Time"}
                to: {$ref: "#/components/schemas/Time"}
                withoutPayload: {type: integer, description: "Events whose payloads were not kept."}
                next: {type: [integer, "null"]}
                events:
                  type: array
                  items:
                    type: object
                    required:
                      [number, eventId, source, detailType, queue, handler, recorded, outcome, code, cause, differs,
                       applied, writes, publishes, timers]
                    properties:
                      number: {type: integer, description: Of its row in the journal.}
                      eventId: {type: string}
                      source: {type: string}
                      detailType: {type: string}
                      queue: {type: string}
                      handler: {type: string}
                      recorded:
                        type: object
                        required: [outcome, code]
                        properties:
                          outcome: {$ref: "#/components/schemas/ReplayWord"}
                          code: {type: string}
                      outcome: {$ref: "#/components/schemas/ReplayWord"}
                      code: {type: string}
                      cause: {type: string}
                      differs: {type: boolean}
                      applied: {type: boolean}
                      writes:
                        type: array
                        items:
                          type: object
                          required: [key, bytes]
                          properties: {key: {type: string}, bytes: {type: [integer, "null"]}}
                      publishes:
                        type: array
                        items:
                          type: object
                          required: [source, detailType, resource, bytes]
                          properties:
                            source: {type: string}
                            detailType: {type: string}
                            resource: {type: string}
                            bytes: {type: integer}
                      timers: {type: integer}

        """
}
