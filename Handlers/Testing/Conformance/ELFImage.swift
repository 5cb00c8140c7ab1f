/// The tables of a 64-bit little-endian ELF file (System V gABI, chapters 4 and 5), every offset checked.
struct ELFImage {
    struct Tables {
        var exported: [String] = []
        var local: [String] = []
        var needed: [String] = []
    }
    private struct Section {
        let type: Int
        let offset: Int
        let size: Int
        let link: Int
        let entry: Int
    }

    private static let dynamicSymbols = 11
    private static let symbols = 2
    private static let dynamic = 6
    private static let sectionsAtMost = 65_536
    private static let symbolsAtMost = 4_000_000

    private let bytes: [UInt8]
    init(_ bytes: [UInt8]) { self.bytes = bytes }

    private func number(_ offset: Int, _ count: Int) -> Int? {
        guard offset >= 0, offset <= bytes.count - count else { return nil }
        var value: UInt64 = 0
        for index in 0..<count { value |= UInt64(bytes[offset + index]) << UInt64(8 * index) }
        return Int(exactly: value)
    }

    private func text(_ table: Section, _ at: Int) -> String? {
        guard at >= 0, at < table.size, table.offset >= 0, table.offset <= bytes.count - table.size else { return nil }
        let run = bytes[(table.offset + at)..<(table.offset + table.size)]
        return String(decoding: run.prefix { $0 != 0 }, as: UTF8.self)
    }

    // MARK: - what it is

    #if arch(x86_64)
        private static let machine = 62
    #elseif arch(arm64)
        private static let machine = 183
    #else
        private static let machine = 0
    #endif

    private static func name(_ machine: Int) -> String {
        let names = [
            3: "x86 (32 bits)", 20: "PowerPC", 21: "PowerPC 64", 22: "S/390", 40: "ARM (32 bits)", 62: "x86-64",
            183: "aarch64", 243: "RISC-V", 258: "LoongArch",
        ]
        return names[machine] ?? "machine \(machine)"
    }

    /// Why this machine cannot load it as a plugin, or `nil`.
    var unfit: String? {
        guard let type = number(16, 2), let machine = number(18, 2), bytes.count >= 64 else {
            return "an ELF file that is cut off: copy it again"
        }
        if machine != Self.machine {
            return "built for \(Self.name(machine)), this machine is \(Self.name(Self.machine))"
        }
        if bytes[4] != 2 || bytes[5] != 1 { return "not a 64-bit little-endian library" }
        switch type {
        case 1: return "an object file: link it, with -shared"
        case 2: return "a program: build a library, with -shared"
        case 3: return isProgram ? "a program: build a library, with -shared" : nil
        case 4: return "a core dump"
        default: return "no shared library"
        }
    }

    /// A position-independent program has type 3, too; what tells it apart is that it names its interpreter and is
    /// flagged as a program (DF_1_PIE).
    private var isProgram: Bool {
        guard let sections, let dynamic = sections.first(where: { $0.type == Self.dynamic }) else { return false }
        return entries(of: dynamic).contains { $0.tag == 0x6fff_fffb && $0.value & 0x0800_0000 != 0 }
    }

    // MARK: - what is in it

    private var sections: [Section]? {
        guard let start = number(40, 8), let size = number(58, 2), let count = number(60, 2), start > 0,
            size >= 64, count > 0, count < Self.sectionsAtMost
        else { return nil }
        var sections: [Section] = []
        for index in 0..<count {
            let at = start + index * size
            guard let type = number(at + 4, 4), let offset = number(at + 24, 8), let length = number(at + 32, 8),
                let link = number(at + 40, 4), let entry = number(at + 56, 8)
            else { return nil }
            sections.append(Section(type: type, offset: offset, size: length, link: link, entry: entry))
        }
        return sections
    }

    private func entries(of dynamic: Section) -> [(tag: Int, value: Int)] {
        guard dynamic.offset <= bytes.count, dynamic.size <= bytes.count else { return [] }
        return stride(from: dynamic.offset, to: dynamic.offset + dynamic.size, by: 16).compactMap { at in
            guard let tag = number(at, 8), let value = number(at + 8, 8) else { return nil }
            return (tag, value)
        }
    }

    /// `nil` where they do not lie within the file.
    var tables: Tables? {
        guard let sections else { return nil }
        var tables = Tables()
        for section in sections {
            switch section.type {
            case Self.dynamicSymbols, Self.symbols:
                guard let names = strings(of: section, sections), let found = read(section, names) else { return nil }
                if section.type == Self.dynamicSymbols { tables.exported += found.global }
                tables.local += found.global + found.local
            case Self.dynamic:
                guard let names = strings(of: section, sections) else { return nil }
                tables.needed += entries(of: section).filter { $0.tag == 1 }.compactMap { text(names, $0.value) }
            default: break
            }
        }
        return tables
    }

    private func strings(of section: Section, _ sections: [Section]) -> Section? {
        sections.indices.contains(section.link) ? sections[section.link] : nil
    }

    /// Names of defined symbols: those that the dynamic linker shows to others, and the rest.
    private func read(_ section: Section, _ names: Section) -> (global: [String], local: [String])? {
        guard section.entry == 24, section.offset <= bytes.count - section.size else { return nil }
        let count = section.size / 24
        guard count <= Self.symbolsAtMost else { return nil }
        var (global, local): ([String], [String]) = ([], [])
        for index in 0..<count {
            let at = section.offset + index * 24
            guard let name = number(at, 4), let section = number(at + 6, 2), name != 0, section != 0 else { continue }
            let (binding, type, visibility) = (bytes[at + 4] >> 4, bytes[at + 4] & 15, bytes[at + 5] & 3)
            // Sections, files and the version's own name (an absolute object) are no symbols of the library.
            guard type <= 2 || type == 6 || type == 10, section != 0xfff1, let text = text(names, name)
            else { continue }
            if binding != 0, visibility == 0 || visibility == 3 { global.append(text) } else { local.append(text) }
        }
        return (global, local)
    }
}
