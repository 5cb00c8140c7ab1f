// From bytes to nodes: the one file that knows YAML. Everything that it reads is hostile.
import Events
import Glibc
import Yams

enum Document {
    /// A configuration of a hundred handlers has 50 kB.
    static let bytesAtMost = 1_048_576

    // MARK: - bytes

    /// Reads a regular file, never more than ``bytesAtMost``.
    static func bytes(of path: String) throws(Problem) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw unreadable(path, String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw unreadable(path, "It is not a regular file.", "Name the YAML file itself, not a folder or device.")
        }
        var bytes = [UInt8](repeating: 0, count: bytesAtMost + 1)
        var count = 0
        while count < bytes.count {
            let got = bytes.withUnsafeMutableBytes {
                read(descriptor, $0.baseAddress.map { $0 + count }, $0.count - count)
            }
            if got < 0 && errno == EINTR { continue }
            guard got >= 0 else { throw unreadable(path, String(cString: strerror(errno))) }
            if got == 0 { break }
            count += got
        }
        return Array(bytes[..<count])
    }

    private static func unreadable(
        _ path: String, _ why: String, _ fix: String = "Correct the path or its permissions."
    ) -> Problem {
        Problem(code: .settingsUnreadable, place: path, path: "", why: why, fix: fix)
    }

    // MARK: - YAML

    /// The document's root, or why there is none.
    static func parse(_ bytes: [UInt8], file: String) throws(Problem) -> Node {
        // A byte order mark says nothing in UTF-8 (RFC 3629, 6).
        let bytes = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(bytes.dropFirst(3)) : bytes
        guard bytes.count <= bytesAtMost else {
            throw unreadable(
                file, "It has more than \(Quantity.show(bytes: bytesAtMost)).", "A configuration has some kilobytes.")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw unreadable(
                "\(file):\(lineOfInvalidUTF8(bytes))", "The line holds bytes that are not UTF-8.",
                "Save the file as UTF-8.")
        }
        try refuseAliases(bytes, file)
        let root: Yams.Node?
        do {
            root = try compose(yaml: text, .basic, .default, .utf8)
        } catch {
            throw problem(of: error, text, file)
        }
        guard let root else {
            throw unreadable(file, "It is empty.", "Start from config/minimal.yaml.")
        }
        let node = try convert(root, depth: 0, file)
        if node.isNothing { throw unreadable(file, "It is empty.", "Start from config/minimal.yaml.") }
        guard case .map = node.content else {
            throw unreadable(
                file, "It holds \(node.kind), not a section of settings.", "Start from config/minimal.yaml.")
        }
        return node
    }

    private static func lineOfInvalidUTF8(_ bytes: [UInt8]) -> Int {
        let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
        return 1 + (lines.firstIndex { String(validating: $0, as: UTF8.self) == nil } ?? 0)
    }

    /// Aliases make a short file a huge tree (and the library hashes keys before anybody can count), so a file in
    /// which any `*name` could refer to an `&name` is refused unread. Wrong only for text that holds both.
    private static func refuseAliases(_ bytes: [UInt8], _ file: String) throws(Problem) {
        let anchors = Set(names(after: UInt8(ascii: "&"), bytes).map(\.name))
        guard !anchors.isEmpty else { return }
        guard let alias = names(after: UInt8(ascii: "*"), bytes).first(where: { anchors.contains($0.name) }) else {
            return
        }
        let line = 1 + bytes[..<alias.offset].count { $0 == 0x0A }
        throw Problem(
            code: .settingsUnreadable, place: "\(file):\(line)", path: "",
            why: "\(Quote.found("*\(alias.name.text)")) is an alias, which is not supported.",
            fix: "Write the value out where it is needed.")
    }

    private static func names(after mark: UInt8, _ bytes: [UInt8]) -> [(name: Bytes, offset: Int)] {
        bytes.indices.lazy.filter { bytes[$0] == mark }.map { offset in
            let name = bytes[(offset + 1)...].prefix { byte in
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
            return (name, offset)
        }.filter { !$0.name.isEmpty }
    }

    private static func convert(_ node: Yams.Node, depth: Int, _ file: String) throws(Problem) -> Node {
        let place = Place.file(line: node.mark?.line ?? 1, column: node.mark?.column ?? 1)
        guard depth < Limits.jsonDepth else {
            throw unreadable(
                at(place, file), "It is nested deeper than \(Limits.jsonDepth) levels.", "Write it flatter.")
        }
        switch node {
        case .scalar(let scalar):
            return Node(content: .scalar(scalar.string, isPlain: scalar.style == .plain), place: place)
        case .sequence(let sequence):
            var elements: [Node] = []
            for element in sequence { elements.append(try convert(element, depth: depth + 1, file)) }
            return Node(content: .list(elements), place: place)
        case .mapping(let mapping):
            var entries: [Node.Entry] = []
            for (key, value) in mapping {
                let keyPlace = Place.file(line: key.mark?.line ?? 1, column: key.mark?.column ?? 1)
                guard case .scalar(let scalar) = key else {
                    throw unreadable(at(keyPlace, file), "A key must be a single word.", "Quote it if it is text.")
                }
                entries.append(
                    .init(
                        key: scalar.string, place: keyPlace, value: try convert(value, depth: depth + 1, file)))
            }
            return Node(content: .map(entries), place: place)
        case .alias:
            throw unreadable(at(place, file), "It is an alias, which is not supported.", "Write the value out.")
        }
    }

    static func at(_ place: Place, _ file: String) -> String {
        switch place {
        case .file(let line, let column): "\(file):\(line):\(column)"
        case .variable(let name): name
        }
    }

    // MARK: - the library's errors

    private static func problem(of error: any Error, _ text: String, _ file: String) -> Problem {
        guard let error = error as? YamlError else { return unreadable(file, "It is not YAML.", "") }
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            return unreadable(
                "\(file):\(mark.line):\(mark.column)", "It is not YAML: \(problem).", advice(for: mark, in: text))
        case .duplicatedKeysInMapping(let keys, let context):
            return unreadable(
                "\(file):\(context.mark.line):\(context.mark.column)",
                "The key \(keys.prefix(3).map(Quote.found).joined(separator: ", ")) stands twice in one section.",
                "Keep one of them.")
        case .reader(let problem, let offset, _, _):
            let line = 1 + text.prefix(offset ?? 0).count { $0.isNewline }
            return unreadable("\(file):\(line)", "It is not YAML: \(problem).", "Remove the control character.")
        default: return unreadable(file, "It is not YAML.", "Check it with any YAML tool.")
        }
    }

    private static func advice(for mark: Mark, in text: String) -> String {
        let lines = text.split(separator: "\n", maxSplits: mark.line, omittingEmptySubsequences: false)
        let line = lines.indices.contains(mark.line - 1) ? lines[mark.line - 1] : ""
        if line.prefix(while: { $0 == " " || $0 == "\t" }).contains("\t") {
            return "Indent with spaces, not with tabs."
        }
        return "Check indentation and quotes there, and in the line before."
    }
}
