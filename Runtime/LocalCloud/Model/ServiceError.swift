/// What a service answers instead of a result, in the shapes that AWS SDKs know.
///
/// Source: the "Errors" sections of the Amazon SQS and Amazon EventBridge API references, and the AWS JSON protocol
/// (`__type`, and `x-amzn-query-error` for SDKs that were written against the older query protocol).
public struct ServiceError: Error, Hashable, Sendable {
    public enum Kind: String, Sendable, CaseIterable {
        case queueDoesNotExist = "QueueDoesNotExist"
        case queueNameExists = "QueueNameExists"
        case receiptHandleIsInvalid = "ReceiptHandleIsInvalid"
        case messageNotInflight = "MessageNotInflight"
        case overLimit = "OverLimit"
        case invalidAttributeName = "InvalidAttributeName"
        case invalidAttributeValue = "InvalidAttributeValue"
        case invalidMessageContents = "InvalidMessageContents"
        case emptyBatchRequest = "EmptyBatchRequest"
        case tooManyEntries = "TooManyEntriesInBatchRequest"
        case entryIdsNotDistinct = "BatchEntryIdsNotDistinct"
        case invalidEntryId = "InvalidBatchEntryId"
        case batchTooLong = "BatchRequestTooLong"
        case unsupportedOperation = "UnsupportedOperation"
        case requestThrottled = "RequestThrottled"
        case invalidParameterValue = "InvalidParameterValueException"
        case missingParameter = "MissingRequiredParameterException"
        case unknownOperation = "UnknownOperationException"
        case malformed = "SerializationException"
        case unavailable = "ServiceUnavailable"
        case internalFailure = "InternalFailure"
        case resourceNotFound = "ResourceNotFoundException"
        case resourceAlreadyExists = "ResourceAlreadyExistsException"
        case validation = "ValidationException"
        case invalidEventPattern = "InvalidEventPatternException"
        case limitExceeded = "LimitExceededException"
        case throttling = "ThrottlingException"
    }

    public let kind: Kind
    public let message: String

    public init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    static func invalid(_ value: String, for parameter: String, _ reason: String) -> ServiceError {
        ServiceError(
            .invalidParameterValue, "Value \(value) for parameter \(parameter) is invalid. Reason: \(reason)")
    }

    static func missing(_ parameter: String) -> ServiceError {
        ServiceError(.missingParameter, "The request must contain the parameter \(parameter).")
    }

    static let noQueue = ServiceError(.queueDoesNotExist, "The specified queue does not exist.")

    var status: Int {
        switch kind {
        case .unavailable: 503
        case .internalFailure: 500
        default: 400
        }
    }

    var isFaultOfSender: Bool { status < 500 }

    /// The value of `__type`.
    var shape: String {
        switch kind {
        case .invalidParameterValue, .missingParameter, .unknownOperation, .malformed:
            "com.amazon.coral.service#\(kind.rawValue)"
        case .resourceAlreadyExists, .validation, .invalidEventPattern, .limitExceeded, .throttling: kind.rawValue
        default: "com.amazonaws.sqs#\(kind.rawValue)"
        }
    }

    /// The code that the query protocol had for it: also the `Code` of a failed batch entry.
    var queryCode: String {
        switch kind {
        case .queueDoesNotExist: "AWS.SimpleQueueService.NonExistentQueue"
        case .queueNameExists: "QueueAlreadyExists"
        case .messageNotInflight, .emptyBatchRequest, .tooManyEntries, .entryIdsNotDistinct, .invalidEntryId,
            .batchTooLong, .unsupportedOperation:
            "AWS.SimpleQueueService.\(kind.rawValue)"
        case .invalidParameterValue: "InvalidParameterValue"
        case .missingParameter: "MissingParameter"
        case .unknownOperation: "InvalidAction"
        default: kind.rawValue
        }
    }
}
