import Hummingbird

/// Answers the three paths of the admin listener.
struct AdminResponder: HTTPResponder {
    typealias Context = BasicRequestContext

    let metrics: @Sendable () -> String
    let isLive: @Sendable () -> Bool
    let readiness: @Sendable () -> Readiness

    func respond(to request: Request, context: Context) async throws -> Response {
        let response = answer(request.method, request.uri.path)
        // RFC 9110, section 9.3.2: the headers of GET, its length included, and no body.
        return request.method == .head ? response.createHeadResponse() : response
    }

    private func answer(_ method: HTTPRequest.Method, _ path: String) -> Response {
        guard ["/metrics", "/healthz", "/readyz"].contains(path) else {
            return Problem(status: .notFound, detail: "Only /metrics, /healthz and /readyz are served here.").response
        }
        guard method == .get || method == .head else {
            var response = Problem(status: .methodNotAllowed, detail: "Only GET and HEAD are allowed.").response
            response.headers[.allow] = "GET, HEAD"
            return response
        }
        switch path {
        case "/metrics":
            // Prometheus, "Exposition formats", text format 0.0.4.
            return text(.ok, metrics(), type: "text/plain; version=0.0.4; charset=utf-8")
        case "/healthz": return isLive() ? text(.ok, "live\n") : text(.serviceUnavailable, "not live\n")
        default:
            let readiness = readiness()
            if readiness.isReady { return text(.ok, "ready\n") }
            return text(.serviceUnavailable, "not ready\n" + readiness.problems.map { "- \($0)\n" }.joined())
        }
    }

    private func text(
        _ status: HTTPResponse.Status, _ body: String, type: String = "text/plain; charset=utf-8"
    ) -> Response {
        Response(
            status: status, headers: [.contentType: type, .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: body)))
    }
}
