/// What is answered: JSON, and problems (RFC 9457).

import Foundation
import Hummingbird
import Logging

/// An answer as it is sent, and as it is kept under its key.
struct Answer: Codable, Sendable {
    let status: Int
    let body: String

    init(_ status: HTTPResponse.Status = .ok, _ body: some Encodable) throws {
        self.status = status.code
        self.body = try JSON.text(of: body)
    }

    var response: Response {
        Response(
            status: HTTPResponse.Status(code: status), headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: body + "\n")))
    }
}

enum JSON {
    /// Members in order: the same value is always the same text.
    static func text(of value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}

/// What is wrong with a request. The sidecar puts `code` and `title` into its logs and dead letters, so they hold
/// nothing of the payload.
struct Problem: Error {
    let status: HTTPResponse.Status
    let code: String
    let title: String

    init(_ status: HTTPResponse.Status, _ code: String, _ title: String) {
        self.status = status
        self.code = code
        self.title = title
    }

    fileprivate var response: Response {
        let body = ["type": "about:blank", "title": title, "code": code]
        let text = (try? JSON.text(of: body)) ?? "{}"
        return Response(
            status: status, headers: [.contentType: "application/problem+json"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text + "\n")))
    }
}

/// Makes a problem of everything that is thrown.
struct Problems: RouterMiddleware {
    func handle(
        _ request: Request, context: BasicRequestContext,
        next: (Request, BasicRequestContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let problem as Problem {
            return problem.response
        } catch let error as any HTTPResponseError {
            return Problem(error.status, "ledger.refused", error.status.reasonPhrase).response
        } catch {
            // The sidecar tries again: a database that is locked or full is not the event's fault.
            context.logger.error("not answered", metadata: ["error": "\(error)"])
            return Problem(.serviceUnavailable, "ledger.unavailable", "The ledger cannot be written now.").response
        }
    }
}
