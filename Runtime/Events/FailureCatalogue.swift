/// What each ``FailureCode`` means, what becomes of the message, and what an operator does.
extension FailureCode {
    var receiveEntry: Entry {
        switch self {
        case .receiveUnavailable:
            Entry("The queue service did not answer, or answered with a server error.", .pause,
                "Nothing, if it passes: polling goes on with backoff. Else check network, endpoint and region.")
        case .receiveThrottled:
            Entry("The queue service asked for fewer requests.", .pause,
                "Nothing, if it passes: polling slows down. Else raise the account's limits.")
        case .receiveDenied:
            Entry("The credentials may not use this queue.", .pause,
                "Grant the sqs: actions listed in the deployment page to the pod's role.")
        case .receiveNoQueue:
            Entry("The queue does not exist. It is never created.", .pause,
                "Correct `queues[].url`, or create the queue; polling finds it.")
        case .receiveBadReply:
            Entry("An answer of the queue service could not be read.", .pause,
                "Check what stands between the sidecar and the service: a proxy, another server at the endpoint.")
        case .receiveCredentials:
            Entry("No credentials were found, or they could not be refreshed.", .pause,
                "Give the pod a role (pod identity, IRSA), or set the standard AWS variables.")
        default:
            Entry("The queue's own settings contradict the configuration.", .refuse,
                "`outrigger check` names the attribute, both values and the fix.")
        }
    }

    var verifyEntry: Entry {
        switch self {
        case .verifyMalformed:
            Entry("The message is not an event envelope with a compact token, or a part of it is not well formed.",
                .quarantine, "Look at the letter: a foreign publisher, or a truncated message.")
        case .verifyMissing:
            Entry("The event carries no token.", .quarantine, "Make its publisher sign, or send it elsewhere.")
        case .verifyBadAlgorithm:
            Entry("The token's algorithm or type is not the one of its key.", .quarantine,
                "Correct the publisher; a token that names another algorithm is never tried.")
        case .verifyUnknownKey:
            Entry("No key set that may speak for this source has the token's key.", .quarantine,
                "It was retried for an hour. Publish the key in the key set, then redrive.")
        case .verifyBadLength:
            Entry("Signature or key has the wrong length.", .quarantine, "Correct the publisher.")
        case .verifyBadSignature:
            Entry("The signature does not verify under any allowed variant.", .quarantine,
                "Treat as forged until the publisher explains it.")
        case .verifyNotCanonical:
            Entry("The signed payload is not in RFC 8785 form.", .quarantine,
                "Correct the publisher, or set `canonical: as-signed` for its key set.")
        case .verifyPayloadMismatch:
            Entry("The event's detailCore is not what was signed.", .quarantine, "Treat as forged.")
        case .verifySkew:
            Entry("The token was signed later than the queue had it, by more than `skew.ahead`.", .quarantine,
                "Correct the publisher's clock.")
        case .verifyBinding:
            Entry("Signed source, detail type or resource differ from the envelope, or are required and absent.",
                .quarantine, "Treat as re-labelled, or let the publisher sign `src`, `dt`, `res` and `jti`.")
        case .verifyProfile:
            Entry("The signature verifies, but under a variant that its key set does not allow.", .quarantine,
                "Set the key set's `profile`, or correct the publisher.")
        case .verifyNotAuthorised:
            Entry("A valid signature by a key that may not speak for this source.", .quarantine,
                "Treat as forged, or list the source under the key set.")
        default:
            Entry("No usable key set: none was ever fetched, or the last good one is too old.", .pause,
                "Check the key set's URL; the queue goes on by itself.")
        }
    }

    var identityEntry: Entry {
        switch self {
        case .routeNone:
            Entry("No handler of this queue takes this source and detail type.", .deadLetter,
                "Add a route, narrow the bus rule, or set `unroutable`.")
        case .routeConflict:
            Entry("Two handlers of one queue claim the same route.", .refuse, "Remove one, or use two queues.")
        case .dedupConflict:
            Entry("A known identity with another content or another label.", .deadLetter,
                "Compare with the first event: a re-labelled token, twins signed in one second, or a reused key.")
        case .dedupExpired:
            Entry("Signed too long before the queue had it, and not seen before.", .deadLetter,
                "Find out where it was. `redrive --override` runs it if it is right.")
        case .dedupParked:
            Entry("Its FIFO group is parked behind an event that failed for good.", .deadLetter,
                "Redrive or discard the event that it names; then redrive the group, in order.")
        case .dedupInFlight:
            Entry("Another copy, or another event of the same business key, is being run.", .retry,
                "Nothing; it is asked again until the other one is settled.")
        default:
            Entry("The payload lacks a member of the handler's business key.", .deadLetter,
                "Correct the publisher, or the handler's key.")
        }
    }

    var handleEntry: Entry {
        switch self {
        case .handleRetried:
            Entry("The handler asked for another attempt.", .retry, "Nothing; the reason is the handler's.")
        case .handleExhausted:
            Entry("All attempts were used.", .deadLetter, "Read the handler's last reason, mend, redrive.")
        case .handleRejected:
            Entry("The handler says that it can never succeed.", .deadLetter, "Read the handler's reason.")
        case .handleWaiting:
            Entry("The handler waits for a dependency that is down or throttles. Not an attempt.", .retry,
                "Look after the dependency; repeated, it pauses the queue.")
        case .handleCrashed:
            Entry("The worker died three times while it ran this event alone.", .deadLetter,
                "Run the event under a debugger: `outrigger handler run`.")
        case .handleTimedOut:
            Entry("The handler ran past its deadline and its worker was killed.", .retry,
                "Raise `deadline`, or find what the handler waits for.")
        case .handleUnanswered:
            Entry("The handler returned without an answer for this event.", .retry, "A bug in the handler.")
        case .handleStateConflict:
            Entry("Ten times in a row another event changed a state key that this one had read.", .retry,
                "Spread the key, or give the handler one worker.")
        case .handleTooLarge:
            Entry("The handler's writes and publishes exceed the limits of one event.", .deadLetter,
                "Write less per event; the limits stand in the header.")
        case .handleDenied:
            Entry("The handler published what its configuration does not list.", .note,
                "List it under `publish`, or correct the handler.")
        case .handleStuck:
            Entry("An inline handler does not return, and no thread can be killed.", .pause,
                "Restart the sidecar; /healthz asks for it. Then find what the handler waits for.")
        case .handleBadFrame:
            Entry("A worker sent bytes that are no frame of the protocol; it was killed.", .retry,
                "A handler that writes where it may not. Its events are tried again.")
        default:
            Entry("No worker of this handler could be started.", .pause,
                "See the log line beside it; starts are repeated with backoff.")
        }
    }

    var settleEntry: Entry {
        switch self {
        case .settleLostClaim:
            Entry("Another owner took the event while it ran; nothing of this run was committed.", .note,
                "Nothing; often, raise the lease.")
        case .settleDeleteFailed:
            Entry("A finished message could not be deleted. It comes again and is settled as a duplicate.", .note,
                "Check sqs:DeleteMessage.")
        case .settleDelayFailed:
            Entry("A message could not be given back; it comes again when its visibility ends.", .note,
                "Check sqs:ChangeMessageVisibility.")
        case .settleDeadLetterRefused:
            Entry("The dead-letter queue refuses the message for good. The message stays in its queue.", .retry,
                "Raise the target's MaximumMessageSize, or correct its policy.")
        default:
            Entry("The dead-letter queue does not answer.", .retry, "Nothing, if it passes.")
        }
    }
}
