import Glibc

/// A thread that lives as long as its work, for what would hold one of the pool's: it waits in the kernel.
public enum PermanentThread {
    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    public static func start(_ run: @escaping @Sendable () -> Void) {
        let body = Unmanaged.passRetained(Body(run))
        var thread = pthread_t()
        let error = pthread_create(&thread, nil, { body in
            if let body { Unmanaged<Body>.fromOpaque(body).takeRetainedValue().run() }
            return nil
        }, body.toOpaque())
        precondition(error == 0, "no thread can be started")
        pthread_detach(thread)
    }
}
