/// One C function per handler of a library, since C gives `create` no argument that says whose it is.

import ABI
import Synchronization

enum Entrances {
    typealias Create = @convention(c) (
        UnsafePointer<eh_host>?, eh_bytes, UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        UnsafeMutablePointer<eh_reason>?
    ) -> eh_status

    private static let handlers = Mutex<[any Handler.Type]>([])

    private static let functions: [Create] = [
        { create(0, $0, $1, $2, $3) }, { create(1, $0, $1, $2, $3) }, { create(2, $0, $1, $2, $3) },
        { create(3, $0, $1, $2, $3) }, { create(4, $0, $1, $2, $3) }, { create(5, $0, $1, $2, $3) },
        { create(6, $0, $1, $2, $3) }, { create(7, $0, $1, $2, $3) },
    ]

    /// For each handler a function that makes instances of it, or `nil` if so many are not left.
    static func take(for wanted: [any Handler.Type]) -> [Create]? {
        handlers.withLock { taken in
            guard taken.count + wanted.count <= functions.count else { return nil }
            defer { taken += wanted }
            return Array(functions[taken.count..<taken.count + wanted.count])
        }
    }

    private static func create(
        _ index: Int, _ host: UnsafePointer<eh_host>?, _ config: eh_bytes,
        _ instance: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, _ why: UnsafeMutablePointer<eh_reason>?
    ) -> eh_status {
        guard let host, let instance, let why else { return EH_INVALID }
        do {
            let handler = try handlers.withLock { $0[index] }.init(config: JSON(parsing: config.buffer))
            instance.pointee = Instance(handler, host).retained()
            return EH_OK
        } catch HostFailure.unavailable {
            eh_because(why, "host.unavailable", "not ready")
            return EH_UNAVAILABLE
        } catch let mismatch as JSON.Mismatch {
            eh_because(why, "config.mismatch", mismatch.description)
        } catch let rejection as Rejection {
            eh_because(why, rejection.reason.code, rejection.reason.detail)
        } catch let unreadable as JSON.Unreadable {
            eh_because(why, "config.unreadable", "not JSON at byte \(unreadable.offset)")
        } catch {
            eh_because(why, "config.refused", "\(type(of: error))")
        }
        return EH_INVALID
    }
}
