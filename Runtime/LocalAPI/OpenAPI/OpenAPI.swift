// The description of the local API (OpenAPI 3.1.1). `config/openapi.yaml` is recorded from here, and a test holds it
// against the server: every route is in it, and nothing else.

public enum OpenAPI {
    public static let document = head + paths.joined() + components

    private static let paths = [indexPaths, operatePaths, letterPaths, replayPaths, eventPaths]

    /// The problems of an operation, as lines of its `responses`.
    static func problems(_ statuses: Int...) -> String {
        (statuses.map { "\"\($0)\"" } + ["default"]).map { ##"\##($0): {$ref: "#/components/responses/Problem"}"## }
            .joined(separator: "\n        ")
    }

    /// Parameters by their names, as lines of an operation's `parameters`.
    static func parameters(_ names: [String]) -> String {
        names.map { ##"- {$ref: "#/components/parameters/\##($0)"}"## }.joined(separator: "\n        ")
    }

    private static let head = """
        openapi: 3.1.1
        info:
          title: Outrigger, the local API
          version: "1"
          description: |
            HTTP/1.1 on two Unix sockets: one for the service in the pod (roles publish and read), one for operators
            (roles operate and read). Who a caller is, the kernel says; `api.peers` says what it may do. Every failure
            is a problem (RFC 9457) with a `code` of FAILURES.md and a `remedy`. Try it:
            curl --unix-socket /run/outrigger/outrigger.sock http://localhost/
        servers:
          - url: http://localhost
        paths:

        """

    private static let indexPaths = """
          /:
            get:
              summary: What is served here, for people.
              responses:
                "200": {description: A list., content: {text/plain: {schema: {type: string}}}}
                default: {$ref: "#/components/responses/Problem"}
          /v1/openapi.yaml:
            get:
              summary: This document.
              responses:
                "200": {description: OpenAPI 3.1., content: {application/yaml: {schema: {type: string}}}}
                default: {$ref: "#/components/responses/Problem"}

        """
}
