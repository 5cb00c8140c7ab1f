// The state of one reading: where we are, what was wrong, and where everything stood.

struct Reader {
    /// Enough to mend a file; a hostile one gets no more.
    static let problemsAtMost = 100

    let file: String
    /// The folder that relative paths start from: the configuration file's.
    let folder: String
    private(set) var problems: [Problem] = []
    /// Where each path was written, for the checks that come after the reading.
    private(set) var places: [String: Place] = [:]
    private var path = ""

    init(file: String) {
        self.file = file
        folder = file.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
    }

    mutating func add(_ problem: Problem) {
        if problems.count < Self.problemsAtMost { problems.append(problem) }
    }

    /// A value that cannot be.
    mutating func refuse(_ node: Node, _ why: String, _ fix: String, isSecret: Bool = false) {
        var found = ""
        if let text = node.text, !isSecret { found = Quote.found(text) }
        add(Problem(place: Document.at(node.place, file), path: path, found: found, why: why, fix: fix))
    }

    /// A key that cannot be, or a value that is missing.
    mutating func refuse(key: String, at place: Place, _ why: String, _ fix: String) {
        add(Problem(place: Document.at(place, file), path: join(key), why: why, fix: fix))
    }

    mutating func within<Result>(
        _ key: String, at place: Place, _ body: (inout Reader) -> Result
    ) -> Result {
        let outer = path
        path = join(key)
        places[path] = place
        defer { path = outer }
        return body(&self)
    }

    private func join(_ key: String) -> String {
        if path.isEmpty || key.hasPrefix("[") { return path + key }
        return path + "." + key
    }

    /// The place of a path, or of the nearest section around it.
    func place(of path: String) -> String {
        var path = Substring(path)
        while !path.isEmpty {
            if let place = places[String(path)] { return Document.at(place, file) }
            guard let cut = path.lastIndex(where: { $0 == "." || $0 == "[" }) else { break }
            path = path[..<cut]
        }
        return file
    }

    // MARK: - sections

    /// Reads each setting of a group; unknown keys and missing ones are problems, and the reading goes on.
    mutating func read<Root: SettingsGroup>(_ section: Section<Root>, from node: Node) -> Root {
        var root = Root()
        guard case .map(let entries) = node.content else {
            if !node.isNothing {
                refuse(node, "It must be a section with keys.", "Indent its keys below it.")
            }
            missing(in: section, given: [], node.place)
            return root
        }
        for entry in entries {
            guard let setting = section.settings.first(where: { $0.declaration.key == entry.key }) else {
                refuseUnknown(entry, among: section.declarations)
                continue
            }
            if entry.value.isNothing { continue }
            within(entry.key, at: entry.value.place) { setting.read(&root, entry.value, &$0) }
        }
        missing(in: section, given: Set(entries.filter { !$0.value.isNothing }.map(\.key)), node.place)
        return root
    }

    private mutating func missing<Root>(in section: Section<Root>, given: Set<String>, _ place: Place) {
        for setting in section.declarations where setting.isRequired && !given.contains(setting.key) {
            let example = setting.example.map { "Add it, for example: \(setting.key): \($0)" }
            refuse(
                key: setting.key, at: place, "It must be given. \(setting.meaning)",
                example ?? "Add the section `\(setting.key)`.")
        }
    }

    private mutating func refuseUnknown(_ entry: Node.Entry, among declarations: [Declaration]) {
        guard problems.count < Self.problemsAtMost else { return }
        let keys = declarations.map(\.key)
        let shown = Quote.found(entry.key)
        let fix: String
        if let meant = Nearest.to(entry.key.lowercased().replacing("_", with: "-"), among: keys) {
            fix = "Did you mean \"\(meant)\"?"
        } else {
            fix = "It takes: \(keys.joined(separator: ", "))."
        }
        let why = shown.isEmpty ? "There is no such setting." : "There is no setting \(shown) here."
        let place = Document.at(entry.place, file)
        add(Problem(place: place, path: path, why: why, fix: fix))
    }
}
