// What a setting is, said once. Decoder, defaults, messages, JSON Schema, reference and example derive from here.

/// The kind of value that a setting takes.
indirect enum ValueType: Sendable {
    /// Text of a certain form; `what` completes "It must be ...".
    case text(what: String, pattern: String)
    case choice([String])
    case flag
    case count(ClosedRange<Int>)
    case size(ClosedRange<Int>)
    case duration(ClosedRange<Duration>)
    /// The value, or one word that stands for its absence.
    case or(word: String, ValueType)
    case list(ValueType, atMost: Int, atLeast: Int)
    case map(ValueType)
    /// Any JSON object, passed on.
    case free
    case section(isOptional: Bool, [Declaration])
    /// A list of sections; the setting that names each, if one does.
    case sections(named: String?, atMost: Int, [Declaration])
    /// Sections under names of the operator's own.
    case named(example: String, atMost: Int, [Declaration])
}

/// One setting without its Swift type.
struct Declaration: Sendable {
    let key: String
    let type: ValueType
    /// As written in YAML; `nil` for one that must be given, and for sections.
    let standard: Shown?
    /// A value to show where the standard one is missing or teaches nothing.
    let example: String?
    let isRequired: Bool
    /// It stands in place of another one: the example shows it, and does not say it.
    let isAlternative: Bool
    /// What becomes of a change by reload.
    let change: Change
    let meaning: String
}

/// When a changed setting takes effect.
enum Change: String, Sendable {
    /// With the next generation.
    case reload
    /// When the sidecar starts.
    case restart
}

/// A value as YAML.
enum Shown: Sendable, Hashable {
    case line(String)
    case block([String])

    /// The lines under a key.
    func under(_ key: String) -> [String] {
        switch self {
        case .line(let text): ["\(key): \(text)"]
        case .block(let lines): ["\(key):"] + lines.map { "  " + $0 }
        }
    }

    static func listed(_ items: [Shown]) -> Shown {
        guard !items.isEmpty else { return .line("[]") }
        return .block(
            items.flatMap { item in
                let lines: [String]
                switch item {
                case .line(let text): lines = [text]
                case .block(let block): lines = block
                }
                return lines.enumerated().map { ($0.offset == 0 ? "- " : "  ") + $0.element }
            })
    }
}

/// A group of settings that is one Swift value. Its stored properties hold the defaults.
protocol SettingsGroup: Sendable {
    init()
    static var section: Section<Self> { get }
}

/// The settings of a group, in the order in which they are shown.
struct Section<Root: Sendable>: Sendable {
    let settings: [Setting<Root>]
    init(_ settings: Setting<Root>...) { self.settings = settings }
    var declarations: [Declaration] { settings.map(\.declaration) }

    /// Settings that take effect by restart alone get their running values back.
    /// - Returns: the paths of those that differed.
    func keep(_ running: Root, in new: inout Root) -> [String] {
        var paths: [String] = []
        for setting in settings { paths += setting.keep(running, &new) }
        return paths
    }

    /// The value of one setting, on one line.
    func text(of key: String, in root: Root) -> String {
        settings.first { $0.declaration.key == key }?.shown(root).text ?? ""
    }

    func shown(_ root: Root) -> Shown { .block(settings.flatMap { $0.shown(root)?.under($0.declaration.key) ?? [] }) }
}

/// One setting of a group: a key, the property that it fills, and the form of its value.
struct Setting<Root: Sendable>: Sendable {
    let declaration: Declaration
    let read: @Sendable (inout Root, Node, inout Reader) -> Void
    /// `nil` for an optional section that is absent.
    let shown: @Sendable (Root) -> Shown?
    let keep: @Sendable (Root, inout Root) -> [String]
}

extension Setting where Root: SettingsGroup {
    /// A setting whose default is the property's own.
    /// - Parameter required: no default can be right; `example` is what the example shows.
    init<Value>(
        _ key: String, _ property: any WritableKeyPath<Root, Value> & Sendable, _ form: Form<Value>,
        required: Bool = false, alternative: Bool = false, example: String? = nil, change: Change = .reload,
        _ meaning: String
    ) {
        let isSection: Bool =
            switch form.type {
            case .section: true
            default: false
            }
        declaration = Declaration(
            key: key, type: form.type,
            standard: required || isSection ? nil : form.show(Root()[keyPath: property]), example: example,
            isRequired: required, isAlternative: alternative, change: change, meaning: meaning)
        read = { root, node, reader in
            if let value = form.read(node, &reader) { root[keyPath: property] = value }
        }
        shown = { form.show($0[keyPath: property]) }
        keep = { running, new in
            if change == .reload {
                return form.keep(running[keyPath: property], &new[keyPath: property]).map { key + $0 }
            }
            guard form.show(running[keyPath: property]) != form.show(new[keyPath: property]) else { return [] }
            new[keyPath: property] = running[keyPath: property]
            return [key]
        }
    }
}
