import Glibc

/// A whole small file; `nil` if it cannot be read or has more than `limit` bytes. Symbolic links are followed: mounted
/// tokens are links.
func readFile(_ path: String, atMost limit: Int) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 8192)
    while true {
        let count = read(descriptor, &chunk, chunk.count)
        if count < 0 && errno == EINTR { continue }
        guard count >= 0, bytes.count + count <= limit else { return nil }
        if count == 0 { return bytes }
        bytes += chunk.prefix(count)
    }
}

/// A file with one token in it, without the line's end.
func readToken(_ path: String) -> String? {
    guard let bytes = readFile(path, atMost: 65_536) else { return nil }
    let text = String(decoding: bytes, as: UTF8.self).filter { !$0.isNewline && $0 != " " }
    return text.isEmpty ? nil : text
}
