/// The events of the house: who says them, and in which version.

public import Kit

/// Sources: `qsl.{domain}`.
public enum Source {
    public static let payments = "qsl.payments"
    public static let workflows = "qsl.workflows"
    public static let users = "qsl.users"
    /// What banks say of the house's accounts.
    public static let settlement = "qsl.settlement"
    /// Requests about tokens.
    public static let tokens = "qsl.tokens"
    public static let treasury = "qsl.treasury"
    public static let compliance = "qsl.compliance"
    /// The token handler's own answers.
    public static let token = "qsl.token"
    public static let notification = "qsl.notification"
}

/// Event types: `Entity.Action.vN`. A change that an old reader would misread is a new version; both are then said for
/// a while. See `config/schemas/README.md`.
extension Route {
    public static let paymentInitiated = Route(Source.payments, "Payment.Initiated.v1")
    public static let paymentAuthorized = Route(Source.payments, "Payment.Authorized.v1")
    public static let paymentSettled = Route(Source.payments, "Payment.Settled.v1")
    public static let paymentFailed = Route(Source.payments, "Payment.Failed.v1")
    public static let workflowFailed = Route(Source.workflows, "Workflow.Failed.v1")

    public static let settlementStatement = Route(Source.settlement, "Settlement.Statement.v1")

    public static let paymentReleased = Route(Source.treasury, "Payment.Released.v1")
    public static let liquidityLow = Route(Source.treasury, "Liquidity.Low.v1")
    public static let liquidityRestored = Route(Source.treasury, "Liquidity.Restored.v1")
    public static let settlementReconciled = Route(Source.treasury, "Settlement.Reconciled.v1")
    public static let settlementMismatched = Route(Source.treasury, "Settlement.Mismatched.v1")

    public static let userRegistered = Route(Source.users, "User.Registered.v1")
    public static let userUpdated = Route(Source.users, "User.Updated.v1")
    public static let preferenceChanged = Route(Source.users, "Preference.Changed.v1")
    public static let complianceCleared = Route(Source.compliance, "Compliance.Cleared.v1")
    public static let complianceReviewRequired = Route(Source.compliance, "Compliance.ReviewRequired.v1")
    public static let complianceBlocked = Route(Source.compliance, "Compliance.Blocked.v1")

    public static let tokenMintRequested = Route(Source.tokens, "Token.MintRequested.v1")
    public static let tokenTransferRequested = Route(Source.tokens, "Token.TransferRequested.v1")
    public static let tokenBurnRequested = Route(Source.tokens, "Token.BurnRequested.v1")
    public static let tokenMetadataRequested = Route(Source.tokens, "Token.MetadataRequested.v1")
    public static let tokenConfirmed = Route(Source.token, "Token.Confirmed.v1")
    public static let tokenPartiallyConfirmed = Route(Source.token, "Token.PartiallyConfirmed.v1")
    public static let tokenFailed = Route(Source.token, "Token.Failed.v1")

    public static let notificationSent = Route(Source.notification, "Notification.Sent.v1")
    public static let notificationFailed = Route(Source.notification, "Notification.Failed.v1")
}
