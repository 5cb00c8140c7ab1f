import Events
import Hummingbird

/// The routes of both sockets, with what every route has in common: failures become problems, GET has its HEAD, and a
/// path that is asked by another method says which ones it takes.
struct Routes {
    private static let methods: [HTTPRequest.Method] = [.get, .head, .post, .put, .patch, .delete, .options]

    let router = Router(context: APIContext.self, options: .autoGenerateHeadEndpoints)

    init() { router.add(middleware: Problems()) }

    /// As the API's description names them: `GET /v1/events/{correlationId}`.
    var list: [String] {
        router.routes.map { "\($0.method.rawValue) /" + $0.path.description.drop { $0 == "/" } }.sorted()
    }

    /// Nothing is added after this.
    func responder() -> RouterResponder<APIContext> {
        var allowed: [String: (RouterPath, Set<HTTPRequest.Method>)] = [:]
        for route in router.routes {
            allowed[route.path.description, default: (route.path, [])].1.insert(route.method)
        }
        for (path, methods) in allowed.values {
            let taken = methods.contains(.get) ? methods.union([.head]) : methods
            let allow = Self.methods.filter(taken.contains).map(\.rawValue).joined(separator: ", ")
            for method in Self.methods where !taken.contains(method) {
                router.on(path, method: method) { request, _ -> Response in
                    let failure = Failure(.apiUnsupported, request.uri.path, "it takes \(allow)")
                    throw ProblemError(.methodNotAllowed, failure, headers: [.allow: allow]).closing
                }
            }
        }
        return router.buildResponder()
    }
}

/// Whatever a route throws is a problem with a code.
private struct Problems: RouterMiddleware {
    func handle(
        _ request: Request, context: APIContext, next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        do { return try await next(request, context) } catch let error as ProblemError {
            throw error
        } catch let failure as Failure {
            throw ProblemError(failure)
        } catch let error as HTTPError where error.status == .notFound {
            throw ProblemError(Failure(.apiNotFound, request.uri.path, "`GET /` lists what is served"))
        } catch let error as HTTPError {
            throw ProblemError(error.status, Failure(.apiMalformed, request.uri.path, error.body ?? ""))
        } catch is CancellationError {
            throw ProblemError(Failure(.apiUnavailable, request.uri.path, "the sidecar stops")).closing
        }
    }
}
