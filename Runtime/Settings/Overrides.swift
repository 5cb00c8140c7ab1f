// Environment variables that override single settings.

/// The rule: `OUTRIGGER_`, then the setting's path in upper case, with `_` for dots and dashes. An element of a list of
/// sections is named by its name, or by its number from 0: `OUTRIGGER_STORE_PATH`, `OUTRIGGER_QUEUES_ORDERS_URL`,
/// `OUTRIGGER_QUEUES_0_URL`. A list of values is written with commas. A variable adds no element to a list of
/// sections, and a section of free names (`environment`) has none.
///
/// A variable that names no setting is a problem, so that a slip of the finger does not go unseen; those that
/// Kubernetes makes for a Service called `outrigger` are not.
enum Overrides {
    static let prefix = "OUTRIGGER_"
    /// Read by the command line, not settings.
    private static let ours: Set = ["OUTRIGGER_CONFIG", "OUTRIGGER_SOCKET"]
    private static let bytesAtMost = 65_536

    static func apply(
        _ environment: [String: String], to root: inout Node, declarations: [Declaration], _ reader: inout Reader
    ) {
        let variables = environment.filter { $0.key.hasPrefix(prefix) && !ours.contains($0.key) }
        guard !variables.isEmpty else { return }
        var targets: [String: [Target]] = [:]
        collect(declarations, in: root, names: [String(prefix.dropLast())], path: [], into: &targets)
        for (name, value) in variables.sorted(by: { $0.key < $1.key }) where !isServiceLink(name) {
            let place = Place.variable(name)
            guard value.utf8.count <= bytesAtMost else {
                reader.add(problem(name, "It has more than \(bytesAtMost) bytes.", "Put it into the file."))
                continue
            }
            switch targets[name, default: []] {
            case let found where found.count > 1:
                reader.add(
                    problem(
                        name, "It could mean several settings.", "Use the number of the element in place of its name."))
            case let found:
                guard let target = found.first else {
                    let meant = Nearest.to(name, among: targets.keys).map { "Did you mean \($0)?" }
                    let rule = "It is OUTRIGGER_ and a path as in STORE_PATH or QUEUES_0_URL."
                    reader.add(problem(name, "There is no such setting.", meant ?? rule))
                    continue
                }
                if let node = node(from: value, target.type, place, &reader) { root.put(node, at: target.path[...]) }
            }
        }
    }

    private struct Target {
        let path: [Node.Step]
        let type: ValueType
    }

    private static func collect(
        _ declarations: [Declaration], in node: Node?, names: [String], path: [Node.Step],
        into targets: inout [String: [Target]]
    ) {
        for declaration in declarations {
            let path = path + [.key(declaration.key)]
            let names = names.map { $0 + "_" + variable(declaration.key) }
            let node = node?[declaration.key]
            switch declaration.type {
            case .section(_, let inner): collect(inner, in: node, names: names, path: path, into: &targets)
            case .sections(let key, let most, let inner):
                guard case .list(let elements)? = node?.content else { continue }
                // More are refused: with their variables a file of a megabyte would take hundreds.
                for (index, element) in elements.prefix(most).enumerated() {
                    let own = key.flatMap { element[$0]?.text }.map(variable)
                    let tails = own == nil ? [String(index)] : [String(index), own ?? ""]
                    collect(
                        inner, in: element, names: names.flatMap { name in tails.map { name + "_" + $0 } },
                        path: path + [.element(index)], into: &targets)
                }
            case .named(_, let most, let inner):
                guard case .map(let entries)? = node?.content else { continue }
                for entry in entries.prefix(most) {
                    collect(
                        inner, in: entry.value, names: names.map { $0 + "_" + variable(entry.key) },
                        path: path + [.key(entry.key)], into: &targets)
                }
            case .map: continue
            default: for name in names { targets[name, default: []].append(Target(path: path, type: declaration.type)) }
            }
        }
    }

    /// Upper case; anything but letters and digits becomes `_`.
    static func variable(_ key: String) -> String {
        String(
            decoding: key.utf8.map { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - 32
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): byte
                default: UInt8(ascii: "_")
                }
            }, as: UTF8.self)
    }

    private static func node(from value: String, _ type: ValueType, _ place: Place, _ reader: inout Reader) -> Node? {
        guard case .free = type else { return Node(content: .scalar(value, isPlain: true), place: place) }
        do throws(Problem) {
            var node = try Document.parse(Array(value.utf8), file: Document.at(place, ""))
            node.place = place
            return node
        } catch {
            reader.add(error)
            return nil
        }
    }

    private static func problem(_ name: String, _ why: String, _ fix: String) -> Problem {
        Problem(place: shown(name), path: "", why: why, fix: fix)
    }

    /// An environment holds any bytes: a line of a log, or a terminal, does not.
    private static func shown(_ name: String) -> String {
        String(String.UnicodeScalarView(name.unicodeScalars.prefix(200).map { (0x21...0x7E) ~= $0.value ? $0 : "?" }))
    }

    /// `OUTRIGGER_SERVICE_HOST`, `OUTRIGGER_PORT_9464_TCP_ADDR` and their like (Kubernetes, "Service: environment
    /// variables").
    private static func isServiceLink(_ name: String) -> Bool {
        let words = name.split(separator: "_")
        let isService = name.contains("_SERVICE_HOST") || name.contains("_SERVICE_PORT")
        let hasPort = words.firstIndex(of: "PORT").map { $0 == words.count - 1 || Int(words[$0 + 1]) != nil } ?? false
        return isService || hasPort
    }
}
