// The paths of DeadLetters/. Their routes and these lines change together.

extension OpenAPI {
    private static let letterFilter = [
        "Queue", "Box", "Code", "Handler", "LetterType", "Group", "Attempts", "OlderThan", "YoungerThan",
    ]

    static let letterPaths = """
          /v1/dead-letters:
            get:
              summary: Dead letters of one queue, the oldest first. Role operate.
              description: |
                Nothing is consumed by looking: what is looked at in a queue of SQS is hidden from others for a minute
                at most. `whole` is false if there is more than was looked at.
              parameters:
                \(parameters(letterFilter))
                - {name: limit, in: query, schema: {type: integer, minimum: 1, maximum: 10000, default: 1000}}
              responses:
                "200":
                  description: Letters without their bodies.
                  content:
                    application/json:
                      schema:
                        type: object
                        required: [letters, whole, parked]
                        properties:
                          letters: {type: array, items: {$ref: "#/components/schemas/Letter"}}
                          whole: {type: boolean}
                          parked: {$ref: "#/components/schemas/Parked"}
                \(problems(400, 403, 404))
          /v1/dead-letters/groups:
            get:
              summary: The same, grouped by code, handler and detail type, the largest group first. Role operate.
              parameters:
                \(parameters(letterFilter))
              responses:
                "200":
                  description: Groups.
                  content:
                    application/json:
                      schema:
                        type: object
                        required: [groups, letters, whole, parked]
                        properties:
                          groups:
                            type: array
                            items:
                              type: object
                              required:
                                [fingerprint, code, handler, detailType, count, oldest, newest, reason, example]
                              properties:
                                fingerprint: {type: string, description: CODE/HANDLER/DETAIL-TYPE}
                                code: {type: string}
                                handler: {type: string}
                                detailType: {type: string}
                                count: {type: integer}
                                oldest: {$ref: "#/components/schemas/Time"}
                                newest: {$ref: "#/components/schemas/Time"}
                                reason: {type: string}
                                example: {type: string, description: The newest one's id.}
                          letters: {type: integer}
                          whole: {type: boolean}
                          parked: {$ref: "#/components/schemas/Parked"}
                \(problems(400, 403, 404))
          /v1/dead-letters/{id}:
            get:
              summary: One dead letter, with its attributes and its body. Role operate.
              parameters:
                \(parameters(["LetterID", "Queue", "Box"]))
              responses:
                "200":
                  description: The letter.
                  content: {application/json: {schema: {$ref: "#/components/schemas/Letter"}}}
                \(problems(400, 403, 404))
          /v1/dead-letters/{id}/edit:
            post:
              summary: Send a letter back with another payload, signed anew. Role operate.
              description: |
                Another payload is another event, with an id of its own and the old one in the journal; the same
                payload keeps its id.
              parameters:
                - {$ref: "#/components/parameters/LetterID"}
              requestBody:
                required: true
                content:
                  application/json:
                    schema:
                      type: object
                      required: [detailCore]
                      properties:
                        queue: {type: string}
                        box: {$ref: "#/components/schemas/Box"}
                        detailCore: {}
                        reason: {type: string, maxLength: 500}
              responses:
                "200":
                  description: Sent, and the letter is gone.
                  content:
                    application/json:
                      schema:
                        type: object
                        required: [eventId, originalId, new, messageId]
                        properties:
                          eventId: {type: string}
                          originalId: {type: string}
                          new: {type: boolean}
                          messageId: {type: string}
                \(problems(400, 403, 404, 415))
          /v1/dead-letters/redrive:
            post:
              summary: Send letters back to the queue that they came from. Role operate.
              description: |
                One of `id`, `group` and `all` says which. Each is sent first and deleted after. A request without
                `canary` works for 20 s at most: while `whole` is false, the same request goes on. Give the time of
                the first one as `arrivedBy`, so that what fails again meanwhile is not sent again. With `override` each
                letter is verified, and its event may run once within a day, though it was done, conflicts or is too
                old; `reason` says why.
              requestBody: {$ref: "#/components/requestBodies/Letters"}
              responses:
                "200": {$ref: "#/components/responses/Moved"}
                \(problems(400, 403, 404))
          /v1/dead-letters/permits:
            post:
              summary: Let the events of messages run once more, whatever the ledger says of them. Role operate.
              description: |
                For who sends letters back himself: each body is verified first. A permit ends with the run that is done
                or dead, or after a day. One event gets one permit for all requests with one `arrivedBy`.
              requestBody:
                required: true
                content:
                  application/json:
                    schema:
                      type: object
                      required: [queue, bodies, reason]
                      properties:
                        queue: {type: string}
                        bodies: {type: array, minItems: 1, maxItems: 10, items: {type: string}}
                        arrivedBy: {type: string, format: date-time, description: When it was ordered.}
                        reason: {type: string, minLength: 1, maxLength: 500}
              responses:
                "200":
                  description: One answer for each body.
                  content:
                    application/json:
                      schema:
                        type: object
                        required: [permits]
                        properties:
                          permits:
                            type: array
                            items:
                              type: object
                              required: [eventId, until, failure]
                              properties:
                                eventId: {type: string}
                                until: {$ref: "#/components/schemas/Time"}
                                failure: {$ref: "#/components/schemas/Failure"}
                \(problems(400, 403, 404))
          /v1/dead-letters/free:
            post:
              summary: Let a parked FIFO group go on, without the event that it stands behind. Role operate.
              description: A discard of that event's letter does it, too. The group's own letters are redriven after it.
              requestBody:
                required: true
                content:
                  application/json:
                    schema:
                      type: object
                      required: [queue, messageGroup, reason]
                      properties:
                        queue: {type: string}
                        messageGroup: {type: string}
                        reason: {type: string, minLength: 1, maxLength: 500}
              responses:
                "204": {description: Durable.}
                \(problems(400, 403, 404))
          /v1/dead-letters/notes:
            post:
              summary: Write into the journal what was done with letters without this sidecar. Role operate.
              requestBody:
                required: true
                content:
                  application/json:
                    schema:
                      type: object
                      required: [action, letters]
                      properties:
                        queue: {type: string}
                        box: {$ref: "#/components/schemas/Box"}
                        action: {enum: [redriven, edited, discarded]}
                        reason: {type: string, maxLength: 500}
                        letters:
                          type: array
                          minItems: 1
                          maxItems: 1000
                          items:
                            type: object
                            properties:
                              message: {type: string}
                              event: {type: string}
                              parent: {type: string}
                              code: {type: string}
                              handler: {type: string}
              responses:
                "204": {description: Durable.}
                \(problems(400, 403, 404))
          /v1/dead-letters/discard:
            post:
              summary: Delete letters for good; `reason` says why. Role operate.
              requestBody: {$ref: "#/components/requestBodies/Letters"}
              responses:
                "200": {$ref: "#/components/responses/Moved"}
                \(problems(400, 403, 404))

        """

    static let letterResponses = """
            Moved:
              description: What was done; `whole` is false if there may be more to do.
              content:
                application/json:
                  schema:
                    type: object
                    required: [moved, refused, doubled, canary, passed, failed, whole, failure]
                    properties:
                      moved: {type: integer, description: Letters that left the box.}
                      refused: {type: integer, description: Letters that the queue did not take.}
                      doubled: {type: integer, description: Letters that were sent and could not be deleted.}
                      canary:
                        description: |
                          passed: each was done. silent: none came back, and no journal is there to say more. failed,
                          undecided: nothing more was moved.
                        enum: [passed, silent, failed, undecided, null]
                      passed: {type: integer}
                      failed: {type: array, items: {type: string}}
                      whole: {type: boolean}
                      failure: {$ref: "#/components/schemas/Failure"}

        """

    static let letterParameters = """
            LetterID: {name: id, in: path, required: true, schema: {type: string}}
            Queue:
              name: queue
              in: query
              description: The queue's name in the configuration. Publications have none.
              schema: {type: string}
            Box: {name: box, in: query, schema: {$ref: "#/components/schemas/Box"}}
            Code: {name: code, in: query, schema: {type: string}}
            Handler: {name: handler, in: query, schema: {type: string}}
            LetterType: {name: detailType, in: query, description: "A pattern.", schema: {type: string}}
            Group: {name: group, in: query, description: A fingerprint., schema: {type: string}}
            Attempts: {name: attempts, in: query, description: Or more., schema: {type: integer, minimum: 0}}
            OlderThan: {name: olderThan, in: query, description: Seconds., schema: {type: integer, minimum: 0}}
            YoungerThan: {name: youngerThan, in: query, description: Seconds., schema: {type: integer, minimum: 0}}
          requestBodies:
            Letters:
              required: true
              content:
                application/json:
                  schema:
                    type: object
                    properties:
                      queue: {type: string}
                      box: {$ref: "#/components/schemas/Box"}
                      id: {type: string}
                      group: {type: string, description: A fingerprint.}
                      all: {const: true}
                      arrivedBy: {type: string, format: date-time}
                      reason: {type: string, maxLength: 500}
                      rate: {type: number, minimum: 0.01, description: Letters a second.}
                      canary: {type: integer, minimum: 0, maximum: 1000}
                      patience: {type: integer, minimum: 1, maximum: 3600, description: Seconds for the canary.}
                      override: {type: boolean, description: Of a redrive.}

        """

    static let letterSchemas = """
            Box: {enum: [dead-letters, quarantine, publications], default: dead-letters}
            Parked:
              type: array
              description: FIFO groups of the queue that stand behind an event which failed for good; the oldest first.
              items:
                type: object
                required: [messageGroup, behind, since]
                properties:
                  messageGroup: {type: string}
                  behind: {type: string, description: The event's id.}
                  since: {$ref: "#/components/schemas/Time"}
            Letter:
              type: object
              description: What a letter says of itself. What is empty is left out; nothing of it was verified here.
              required: [id, code, fingerprint, arrivedAt, attempts, verified, bytes]
              properties:
                id: {type: string}
                code: {type: string, description: "unknown for a letter that the queue's own redrive policy put there."}
                fingerprint: {type: string}
                arrivedAt: {$ref: "#/components/schemas/Time"}
                attempts: {type: integer}
                verified: {type: boolean}
                bytes: {type: integer}
                stage: {type: string}
                reason: {type: string}
                handler: {type: string}
                source: {type: string}
                detailType: {type: string}
                queue: {type: string}
                messageId: {type: string}
                eventId: {type: string}
                origin: {type: string}
                group: {type: string}
                generation: {type: integer}
                strikes: {type: integer}
                firstSeen: {$ref: "#/components/schemas/Time"}
                permittedUntil: {$ref: "#/components/schemas/Time"}
                attributes: {type: object, additionalProperties: {type: string}}
                body: {type: string}

        """
}
