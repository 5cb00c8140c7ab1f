import Foundation
import Glibc

/// A queue that always has ten messages, in a process of its own: what it does is not counted.
///
/// It reads no more of a request than where it ends and which operation it is, and answers from memory.
enum CannedQueue {
    /// Serves until its input ends, which it does with the process that started it. Prints its port.
    static func run(_ count: Int, _ meter: Meter) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                precondition(bind(listener, address, size) == 0 && listen(listener, 16) == 0)
                getsockname(listener, address, &size)
            }
        }
        let body = try Messages.receiveReply(count)
        FileHandle.standardOutput.write(Data("\(UInt16(bigEndian: address.sin_port))\n".utf8))
        var descriptors = [0, listener].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        while poll(&descriptors, nfds_t(descriptors.count), -1) > 0 {
            if descriptors[0].revents != 0 { return }
            if descriptors[1].revents != 0 {
                descriptors.append(pollfd(fd: accept(listener, nil, nil), events: Int16(POLLIN), revents: 0))
            }
            for index in descriptors.indices.dropFirst(2) where descriptors[index].revents != 0 {
                if !answer(descriptors[index].fd, body) { descriptors[index].fd = -1 }
            }
        }
    }

    private static func answer(_ connection: Int32, _ messages: [UInt8]) -> Bool {
        var request: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while !isWhole(request) {
            let size = read(connection, &chunk, chunk.count)
            if size <= 0 { return false }
            request += chunk[..<size]
        }
        let isReceive = String(decoding: request.prefix(2_048), as: UTF8.self).contains("AmazonSQS.ReceiveMessage")
        let body = isReceive ? messages : Messages.deleteReply
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\n"
            + "Content-Length: \(body.count)\r\n\r\n"
        var rest = (Array(head.utf8) + body)[...]
        while !rest.isEmpty {
            let size = rest.withUnsafeBytes { send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if size <= 0 { return false }
            rest = rest.dropFirst(size)
        }
        return true
    }

    private static func isWhole(_ request: [UInt8]) -> Bool {
        let text = String(decoding: request, as: UTF8.self)
        guard let end = text.range(of: "\r\n\r\n"),
            let name = text.range(of: "content-length: ", options: .caseInsensitive),
            let length = Int(text[name.upperBound...].prefix { $0.isNumber })
        else { return false }
        return text[end.upperBound...].utf8.count >= length
    }
}
