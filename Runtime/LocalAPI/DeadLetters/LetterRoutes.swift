import Events
import Hummingbird
import JSON
import Pipeline

/// Dead letters, for operators: look, group, send back, throw away, edit.
///
/// A request works for at most ``Limits/letterRequest``, and says whether it saw all: the same one again goes on.
struct LetterRoutes: Sendable {
    let office: any LetterOffice
    let clock: any WallClock

    func add(to router: Router<APIContext>) {
        addLooks(to: router)
        addMoves(to: router)
        addWords(to: router)
    }

    private func addLooks(to router: Router<APIContext>) {
        router.get("/v1/dead-letters") { request, context in
            try context.require(.operate)
            let (place, filter, limit) = try LetterQuery.read(request.uri.query, at: clock.now)
            var list = try await office.list(place, filter)
            if list.letters.count > limit {
                list.letters.removeLast(list.letters.count - limit)
                list.isWhole = false
            }
            return Self.answer(list.json(try await office.parkedGroups(of: place.queue)))
        }
        router.get("/v1/dead-letters/groups") { request, context in
            try context.require(.operate)
            let (place, filter, _) = try LetterQuery.read(request.uri.query, at: clock.now)
            let list = try await office.list(place, filter)
            return Self.answer(list.groupsJSON(try await office.parkedGroups(of: place.queue)))
        }
        router.get("/v1/dead-letters/:id") { request, context in
            try context.require(.operate)
            let (place, _, _) = try LetterQuery.read(request.uri.query, at: clock.now)
            let id = try EventQuery.segment(try context.parameters.require("id"))
            let (boxed, letter) = try await office.letter(MessageID(id), in: place)
            let permit = try await office.permit(for: letter.record.event, of: place.queue)
            return Self.answer(letter.json(with: boxed, permit))
        }
    }

    private func addMoves(to router: Router<APIContext>) {
        router.post("/v1/dead-letters/redrive") { request, context in
            let order = try await read(request, context)
            var plan = try order.plan()
            if plan.canary == 0 { plan.deadline = clock.now + Limits.letterRequest }
            let author = try order.author(context.peer, needsReason: plan.override != nil)
            let report = try await office.redrive(
                order.place, try order.filter(), plan, by: author, progress: { _ in })
            return Self.answer(report.json)
        }
        router.post("/v1/dead-letters/discard") { request, context in
            let order = try await read(request, context)
            let report = try await office.discard(
                order.place, try order.filter(), until: clock.now + Limits.letterRequest,
                by: try order.author(context.peer, needsReason: true))
            return Self.answer(report.json)
        }
        router.post("/v1/dead-letters/:id/edit") { request, context in
            let order = try await read(request, context)
            let id = try EventQuery.segment(try context.parameters.require("id"))
            let edited = try await office.edit(
                MessageID(id), in: order.place, core: try order.core(), by: try order.author(context.peer))
            return Self.answer(edited.json)
        }
    }

    /// What is said of letters, and moves none.
    private func addWords(to router: Router<APIContext>) {
        router.post("/v1/dead-letters/permits") { request, context in
            let order = try await read(request, context)
            let permits = try await office.permit(
                try order.bodies(), of: order.place.queue, ordered: try order.time(),
                by: try order.author(context.peer, needsReason: true))
            return Self.answer(["permits": .array(permits.map(JSONValue.permit))])
        }
        router.post("/v1/dead-letters/free") { request, context in
            let order = try await read(request, context)
            try await office.free(
                try order.messageGroup(), of: order.place.queue,
                by: try order.author(context.peer, needsReason: true))
            return Response(status: .noContent)
        }
        router.post("/v1/dead-letters/notes") { request, context in
            let order = try await read(request, context)
            try await office.note(
                try order.action(), try order.notes(), in: order.place, by: try order.author(context.peer))
            return Response(status: .noContent)
        }
    }

    private func read(_ request: Request, _ context: APIContext) async throws -> LetterOrder {
        try context.require(.operate)
        let bytes = try await collectBody(request, limit: context.limits.bounds.body)
        return try LetterOrder(bytes, at: clock.now)
    }

    private static func answer(_ value: JSONValue) -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: value.serialised())))
    }
}
