import Events
import Hummingbird
import JSON

/// What is for operators: status, handlers, reload, configuration; and for everybody, what there is at all.
struct OperateRoutes: Sendable {
    let operations: any Operations

    func add(to router: Router<APIContext>) {
        router.get("/v1/status") { _, context in
            try context.require(.operate)
            let status = await operations.status()
            return Self.answer(status.json, digest: status.generation.digest)
        }
        router.get("/v1/handlers") { _, context in
            try context.require(.operate)
            return Self.answer(["handlers": .array(await operations.handlers().map(\.json))])
        }
        router.get("/v1/config") { request, context in
            try context.require(.operate)
            let report = await operations.configuration()
            if request.headers[.ifNoneMatch] == Self.tag(report.digest) {
                var response = Response(status: .notModified, headers: [.eTag: Self.tag(report.digest)])
                // RFC 9110, 8.6: it would be the length of what is not sent.
                response.headers[.contentLength] = nil
                return response
            }
            return Self.answer(report.settings, digest: report.digest)
        }
        router.post("/v1/reload") { request, context in
            try context.require(.operate)
            return try Self.answer(await operations.reload(ifMatch: try Self.expected(request)))
        }
    }

    /// The one digest of `If-Match` (RFC 9110, 13.1.1); `*` is whatever serves.
    static func expected(_ request: Request) throws(ProblemError) -> String? {
        guard let field = request.headers[.ifMatch], field != "*" else { return nil }
        let digest = field.hasPrefix("\"") && field.hasSuffix("\"") ? String(field.dropFirst().dropLast()) : field
        let isDigest = digest.utf8.count == 64 && digest.allSatisfy(\.isHexDigit)
        guard isDigest else {
            throw ProblemError(Failure(.apiMalformed, "If-Match", "it names one generation by the digest of its ETag"))
        }
        return digest
    }

    private static func tag(_ digest: String) -> String { "\"\(digest)\"" }

    private static func answer(_ report: ReloadReport) throws(ProblemError) -> Response {
        switch report {
        case .switched(let change, let digest, let needsRestart):
            return answer(
                [
                    "result": "switched", "generation": .count(change.number), "digest": .string(digest),
                    "started": .strings(change.started), "kept": .strings(change.kept), "gone": .strings(change.gone),
                    "needsRestart": .strings(needsRestart),
                ], digest: digest)
        case .unchanged(let digest, let needsRestart):
            return answer(
                ["result": "unchanged", "digest": .string(digest), "needsRestart": .strings(needsRestart)],
                digest: digest)
        case .refused(let failure, let problems):
            let isPrecondition = failure.code == .settingsNotCurrent
            throw ProblemError(
                isPrecondition ? .preconditionFailed : .unprocessableContent, failure,
                more: isPrecondition ? [] : [JSONMember("problems", .array(problems.map(\.json)))])
        }
    }

    private static func answer(_ value: JSONValue, digest: String? = nil) -> Response {
        var headers: HTTPFields = [.contentType: "application/json", .cacheControl: "no-store"]
        if let digest { headers[.eTag] = tag(digest) }
        return Response(
            status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: value.serialised())))
    }
}

/// `GET /` for people, and the description for programs.
struct IndexRoutes: Sendable {
    /// Every route, as ``Routes/list`` has them.
    let routes: [String]

    func add(to router: Router<APIContext>) {
        router.get("/") { _, context in
            let peer = context.peer
            let roles = context.socket.roles.intersection(peer.grant.roles).map(\.rawValue).sorted()
            let text = """
                Outrigger, the \(context.socket.rawValue) socket.
                You are \(peer.grant.name): uid \(peer.user), process \(peer.process). \
                Here you may: \(roles.isEmpty ? "nothing" : roles.joined(separator: ", ")).

                \(routes.joined(separator: "\n"))

                GET /v1/openapi.yaml describes them.

                """
            return Self.text(text, "text/plain; charset=utf-8")
        }
        router.get("/v1/openapi.yaml") { _, _ in Self.text(OpenAPI.document, "application/yaml; charset=utf-8") }
    }

    private static func text(_ text: String, _ type: String) -> Response {
        Response(
            status: .ok, headers: [.contentType: type],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
}
