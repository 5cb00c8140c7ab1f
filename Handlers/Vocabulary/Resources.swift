/// Names of things: what an event is about.

public import Kit

/// `urn:qsl:{service}:{entity}:{id}`. Events of one resource are sent in order.
public enum Resource {
    public static func position(_ account: Identifier, _ currency: Currency) -> String {
        "urn:qsl:treasury:position:\(account)-\(currency)"
    }
    public static func payment(_ id: Identifier) -> String { "urn:qsl:treasury:payment:\(id)" }
    public static func screening(_ subject: String, _ id: Identifier) -> String {
        "urn:qsl:compliance:\(subject):\(id)"
    }
    public static func tokenRequest(_ id: Identifier) -> String { "urn:qsl:token:request:\(id)" }
    public static func notification(_ id: String) -> String { "urn:qsl:notification:notice:\(id)" }
}
