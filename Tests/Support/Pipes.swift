import Foundation
import Glibc
import Synchronization

/// The end of a pipe that a process reads from.
public final class OutputPipe: Sendable {
    private let descriptor: Mutex<Int32?>

    init(_ descriptor: Int32) { self.descriptor = Mutex(descriptor) }

    public func write(_ text: String) throws {
        var left = Array(text.utf8)[...]
        while !left.isEmpty {
            let count = descriptor.withLock { descriptor in
                descriptor.map { end in left.withUnsafeBytes { Glibc.write(end, $0.baseAddress, $0.count) } } ?? -1
            }
            guard count > 0 else { throw POSIXError(.EPIPE) }
            left = left.dropFirst(count)
        }
    }

    public func close() {
        descriptor.withLock { descriptor in
            if let end = descriptor { Glibc.close(end) }
            descriptor = nil
        }
    }

    deinit { close() }
}

/// The end of a pipe that a process writes to.
public final class InputPipe: Sendable {
    public enum Piece: Equatable, Sendable {
        case bytes([UInt8])
        /// Nobody has its other end any more.
        case end
        /// Nothing came in time.
        case silence
    }

    private let descriptor: Int32

    init(_ descriptor: Int32) { self.descriptor = descriptor }

    /// What there is, as soon as there is something.
    public func read(within limit: Duration, atMost size: Int = 65_536) -> Piece {
        let end = ContinuousClock.now + limit
        var bytes = [UInt8](repeating: 0, count: size)
        while true {
            let (seconds, attoseconds) = max(end - ContinuousClock.now, .zero).components
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let ready = poll(&entry, 1, Int32(clamping: seconds * 1_000 + attoseconds / 1_000_000_000_000_000))
            if ready < 0 && errno == EINTR { continue }
            guard ready > 0 else { return .silence }
            let count = Glibc.read(descriptor, &bytes, bytes.count)
            if count < 0 && errno == EINTR { continue }
            return count > 0 ? .bytes(Array(bytes.prefix(count))) : .end
        }
    }

    /// Up to the next line feed, without it; what there was, where none came.
    public func line(within limit: Duration) -> String {
        let end = ContinuousClock.now + limit
        var text: [UInt8] = []
        while text.last != UInt8(ascii: "\n") {
            guard case .bytes(let byte) = read(within: max(end - ContinuousClock.now, .zero), atMost: 1) else { break }
            text += byte
        }
        return String(decoding: text, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    deinit { Glibc.close(descriptor) }
}
