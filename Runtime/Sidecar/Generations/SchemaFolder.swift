import Events
import Foundation
import LocalAPI
import Settings

/// The directory of event schemas, read for each generation.
struct SchemaFolder {
    let path: String

    /// A schema is a page or two.
    private static let fileBytes = 1_048_576
    /// More than any house has detail types.
    private static let filesAtMost = 4_096

    /// In a fixed order: they count as files of the generation.
    var files: [String] { names.map { path + "/" + $0 } }

    private var names: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [])
            .filter { $0.hasSuffix(EventSchemas.suffix) && !$0.hasPrefix(".") }.sorted()
    }

    /// - Throws: `settings.unreadable`; `settings.invalid` for a file that is no schema.
    func load() throws(Failure) -> EventSchemas {
        guard (try? FileManager.default.contentsOfDirectory(atPath: path)) != nil else {
            throw Failure(.settingsUnreadable, path, "not a directory that can be read")
        }
        guard names.count <= Self.filesAtMost else {
            throw Failure(.settingsInvalid, path, "more than \(Self.filesAtMost) schemas")
        }
        var contents: [(name: String, content: Bytes)] = []
        for name in names { contents.append((name, try content(of: name))) }
        return try EventSchemas(contents)
    }

    private func content(of name: String) throws(Failure) -> Bytes {
        guard let file = FileHandle(forReadingAtPath: path + "/" + name) else {
            throw Failure(.settingsUnreadable, path + "/" + name, "it cannot be opened")
        }
        defer { try? file.close() }
        guard let data = try? file.read(upToCount: Self.fileBytes + 1), data.count <= Self.fileBytes else {
            throw Failure(.settingsUnreadable, path + "/" + name, "it cannot be read, or is larger than 1 MiB")
        }
        return [UInt8](data)[...]
    }
}

extension Configuration {
    /// - Throws: as ``SchemaFolder/load()``.
    func eventSchemas() throws(Failure) -> EventSchemas {
        guard let schemas else { return .none }
        return try SchemaFolder(path: schemas).load()
    }
}
