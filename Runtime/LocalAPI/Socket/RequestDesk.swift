public import Events
import Hummingbird
import HummingbirdCore
import Logging

/// Judges each request before it is routed, and makes an answer of whatever comes of it.
struct RequestDesk: Sendable {
    let peers: PeerBook
    let responder: RouterResponder<APIContext>
    let logger: Logger
    let observer: any APIObserver
    let date: AnswerDate

    /// - Parameter writer: for an interim answer; the answer itself is the caller's to write.
    func answer(
        _ request: Request, _ writer: borrowing ResponseWriter, _ connection: Connection, on socket: SocketKind
    ) async -> Response {
        date.stamp(await response(to: request, writer, connection, on: socket))
    }

    private func response(
        to request: Request, _ writer: borrowing ResponseWriter, _ connection: Connection, on socket: SocketKind
    ) async -> Response {
        var name = "unknown"
        do {
            if let refusal = connection.refusal { throw refusal }
            // Asked for each request: a reload may have taken the grant away.
            let (peer, limits) = try peers.peer(connection.credentials)
            name = peer.grant.name
            try limits.takeRequest()
            if request.headers[.expect]?.lowercased() == "100-continue" {
                try checkLength(request, limits)
                try await writer.writeInformationalHead(HTTPResponse(status: .continue))
            }
            let source = APIContext.Source(
                logger: logger, socket: socket, peer: peer, limits: limits, channel: connection.channel)
            let response = try await responder.respond(to: request, context: APIContext(source: source))
            observer.answered(socket, peer: name, status: response.status.code, failure: nil)
            return response
        } catch let error as ProblemError {
            observer.answered(socket, peer: name, status: error.status.code, failure: error.failure)
            return (isUnread(request, after: error) ? error.closing : error).response
        } catch {
            logger.error("a request could not be answered", metadata: ["error": "\(error)"])
            return Problem(status: .internalServerError, detail: "the request could not be answered").response
        }
    }

    /// Whether a body may be left that nobody wants: it could be of any length.
    private func isUnread(_ request: Request, after error: ProblemError) -> Bool {
        let hasBody = request.headers[.transferEncoding] != nil || (request.headers[.contentLength] ?? "0") != "0"
        return hasBody && error.failure.code.area == "api"
    }

    private func checkLength(_ request: Request, _ limits: PeerLimits) throws(ProblemError) {
        let limit = limits.bounds.body
        guard let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limit else { return }
        throw .tooLarge(limit)
    }
}

/// What happens on the sockets, for metrics and log.
public protocol APIObserver: Sendable {
    /// - Parameter peer: the name of its grant, or `unknown`.
    func answered(_ socket: SocketKind, peer: String, status: Int, failure: Failure?)
}
