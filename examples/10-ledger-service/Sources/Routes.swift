/// What the service answers. Each request is one transaction.

import Foundation
import Hummingbird

struct Routes {
    let ledger: Ledger
    let addresses: Addresses
    let networks: Networks

    /// More than any event has.
    static let bodyBytes = 65_536
    static let keyBytes = 1...255

    var router: Router<BasicRequestContext> {
        let router = Router()
        router.add(middleware: Problems())
        router.post("events") { request, _ in
            let (key, event) = try await asked(PaymentEvent.self, by: request, type: "application/cloudevents+json")
            return try await ledger.apply(event, once: key).response
        }
        router.post("notifications") { request, _ in
            let (key, notice) = try await asked(Notice.self, by: request, type: "application/json")
            return try await ledger.keep(notice, once: key, addresses).response
        }
        router.post("broadcasts") { request, _ in
            let (key, broadcast) = try await asked(Broadcast.self, by: request, type: "application/json")
            return try await ledger.broadcast(broadcast, once: key, networks).response
        }
        router.get("ledger") { _, _ in try await ledger.summary().response }
        router.get("ledger/:payment") { _, context in
            try await ledger.payment(context.parameters.require("payment")).response
        }
        router.get("healthz") { _, _ in "ok\n" }
        return router
    }

    /// The key of a request, and its body.
    private func asked<Body: Decodable>(
        _: Body.Type, by request: Request, type: String
    ) async throws -> (key: String, body: Body) {
        guard let key = request.headers[.idempotencyKey], Routes.keyBytes.contains(key.utf8.count) else {
            throw Problem(.badRequest, "ledger.no-key", "An Idempotency-Key of 1 to 255 bytes is needed.")
        }
        guard request.headers[.contentType]?.prefix(while: { $0 != ";" }).lowercased() == type else {
            throw Problem(.unsupportedMediaType, "ledger.unsupported", "The body must be \(type).")
        }
        let bytes = try await request.body.collect(upTo: Routes.bodyBytes)
        do {
            return (key, try JSONDecoder().decode(Body.self, from: Data(bytes.readableBytesView)))
        } catch let problem as Problem {
            throw problem
        } catch {
            throw Problem(.badRequest, "ledger.malformed", "The body is not JSON of the expected form.")
        }
    }
}

extension HTTPFields.Element.Name {
    /// draft-ietf-httpapi-idempotency-key-header.
    fileprivate static var idempotencyKey: Self { Self("Idempotency-Key") ?? .eTag }
}
