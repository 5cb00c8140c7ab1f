/// The catalogue of everything that can go wrong. `FAILURES.md` is generated from it.
///
/// The part before the dot is the ``Stage`` that raises it, or, outside of the stages, the module:
/// `api`, `call`, `journal`, `keys`, `plugin`, `publish`, `redrive`, `settings`, `store`.
public enum FailureCode: String, CaseIterable, Sendable {
    case receiveUnavailable = "receive.unavailable"
    case receiveThrottled = "receive.throttled"
    case receiveDenied = "receive.denied"
    case receiveNoQueue = "receive.no-queue"
    case receiveBadReply = "receive.bad-reply"
    case receiveCredentials = "receive.credentials"
    case receiveQueueUnfit = "receive.queue-unfit"

    case verifyMalformed = "verify.malformed"
    case verifyMissing = "verify.missing"
    case verifyBadAlgorithm = "verify.bad-algorithm"
    case verifyUnknownKey = "verify.unknown-key"
    case verifyBadLength = "verify.bad-length"
    case verifyBadSignature = "verify.bad-signature"
    case verifyNotCanonical = "verify.not-canonical"
    case verifyPayloadMismatch = "verify.payload-mismatch"
    case verifySkew = "verify.skew"
    case verifyBinding = "verify.binding"
    case verifyProfile = "verify.profile"
    case verifyNotAuthorised = "verify.not-authorised"
    case verifyKeysUnavailable = "verify.keys-unavailable"

    case routeNone = "route.none"
    case routeConflict = "route.conflict"

    case dedupConflict = "dedup.conflict"
    case dedupExpired = "dedup.expired"
    case dedupInFlight = "dedup.in-flight"
    case dedupKeyMissing = "dedup.key-missing"
    case dedupParked = "dedup.parked"

    case handleRetried = "handle.retried"
    case handleExhausted = "handle.exhausted"
    case handleRejected = "handle.rejected"
    case handleWaiting = "handle.waiting"
    case handleCrashed = "handle.crashed"
    case handleTimedOut = "handle.timed-out"
    case handleUnanswered = "handle.unanswered"
    case handleStateConflict = "handle.state-conflict"
    case handleTooLarge = "handle.too-large"
    case handleDenied = "handle.denied"
    case handleBadFrame = "handle.bad-frame"
    case handleStuck = "handle.stuck"
    case handleWorkerUnavailable = "handle.worker-unavailable"

    case settleLostClaim = "settle.lost-claim"
    case settleDeleteFailed = "settle.delete-failed"
    case settleDelayFailed = "settle.delay-failed"
    case settleDeadLetterRefused = "settle.dead-letter-refused"
    case settleDeadLetterUnavailable = "settle.dead-letter-unavailable"

    case keysUnreachable = "keys.unreachable"
    case keysRefused = "keys.refused"

    case pluginUnreadable = "plugin.unreadable"
    case pluginNotLoadable = "plugin.not-loadable"
    case pluginNoEntry = "plugin.no-entry"
    case pluginMismatch = "plugin.mismatch"
    case pluginPin = "plugin.pin"
    case pluginUnsigned = "plugin.unsigned"
    case pluginBadSignature = "plugin.bad-signature"
    case pluginSchemaInvalid = "plugin.schema-invalid"
    case pluginConfigInvalid = "plugin.config-invalid"
    case pluginRefused = "plugin.refused"
    case pluginNotReady = "plugin.not-ready"
    case pluginSandbox = "plugin.sandbox"
    case pluginRolledBack = "plugin.rolled-back"

    case publishUnavailable = "publish.unavailable"
    case publishThrottled = "publish.throttled"
    case publishRefused = "publish.refused"
    case publishTooLarge = "publish.too-large"
    case publishGaveUp = "publish.gave-up"
    case publishSigning = "publish.signing"
    case publishDenied = "publish.denied"
    case publishSchema = "publish.schema"
    case publishOutboxFull = "publish.outbox-full"
    case publishOff = "publish.off"

    case storeUnavailable = "store.unavailable"
    case storeFull = "store.full"
    case storeLocked = "store.locked"
    case storeUnfit = "store.unfit"
    case storeNewer = "store.newer"
    case storeCorrupt = "store.corrupt"

    case redriveUnavailable = "redrive.unavailable"
    case redriveRefused = "redrive.refused"
    case redriveStopped = "redrive.stopped"

    case callUnavailable = "call.unavailable"
    case callTimedOut = "call.timed-out"
    case callDenied = "call.denied"
    case callBadReply = "call.bad-reply"
    case callTooLarge = "call.too-large"
    case callInvalid = "call.invalid"

    case journalBroken = "journal.broken"

    case settingsUnreadable = "settings.unreadable"
    case settingsInvalid = "settings.invalid"
    case settingsNeedsRestart = "settings.needs-restart"
    case settingsNotCurrent = "settings.not-current"

    case apiMalformed = "api.malformed"
    case apiDenied = "api.denied"
    case apiNotFound = "api.not-found"
    case apiConflict = "api.conflict"
    case apiTooLarge = "api.too-large"
    case apiUnsupported = "api.unsupported"
    case apiThrottled = "api.throttled"
    case apiUnavailable = "api.unavailable"
}

extension FailureCode {
    /// The part before the dot.
    public var area: String { String(rawValue.prefix { $0 != "." }) }
    /// The stage that raises it, `nil` outside of the six.
    public var stage: Stage? { Stage(rawValue: area) }

    /// One entry of the catalogue.
    public struct Entry: Sendable {
        public let meaning: String
        public let disposition: Disposition
        public let remedy: String
        init(_ meaning: String, _ disposition: Disposition, _ remedy: String) {
            self.meaning = meaning
            self.disposition = disposition
            self.remedy = remedy
        }
    }

    public var disposition: Disposition { entry.disposition }

    public var entry: Entry {
        switch stage {
        case .receive: receiveEntry
        case .verify: verifyEntry
        case .route, .dedup: identityEntry
        case .handle: handleEntry
        case .settle: settleEntry
        case nil: outsideEntry
        }
    }
}
