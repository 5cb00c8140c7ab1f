/// The plugins as they were built: what each exports, and what its entry says.

import ABI
import Foundation
import Support
import Testing

@Suite struct LibraryTests {
    static let names = ["treasury", "compliance", "notification", "token", "hello-c", "hello-swift"]

    private func path(_ name: String) -> String { "\(Fixtures.products)/lib\(name).so" }

    @Test(arguments: names) func exportsOneSymbol(name: String) throws {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["nm", "-D", "--defined-only", "--format=just-symbols", path(name)]
        process.standardOutput = output
        try process.run()
        let symbols = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        #expect(symbols == "eh_plugin_entry_v1\n")
    }

    private func plugin(at path: String) throws -> eh_plugin {
        let library = try #require(dlopen(path, RTLD_NOW | RTLD_LOCAL))
        let symbol = try #require(dlsym(library, "eh_plugin_entry_v1"))
        let entry = unsafeBitCast(symbol, to: (@convention(c) () -> UnsafePointer<eh_plugin>?).self)
        #expect(entry() == entry())
        return try #require(entry()?.pointee)
    }

    @Test(arguments: names) func describesItsHandler(name: String) throws {
        let plugin = try plugin(at: path(name))
        #expect(String(cString: plugin.name) == name && plugin.handler_count == 1)
        let handler = try #require(plugin.handlers[0]?.pointee)
        #expect(String(cString: handler.id) == name)
        #expect(handler.route_count > 0 && handler.create != nil && handler.handle != nil && handler.destroy != nil)
    }

    /// As two versions of a plugin are: each with the Swift runtime that it brings.
    @Test func twoCopiesOfASwiftLibraryWorkInOneProcess() throws {
        let folder = try TemporaryFolder()
        let tables = try ["a.so", "b.so"].map { copy in
            try FileManager.default.copyItem(atPath: path("hello-swift"), toPath: folder.file(copy))
            return try #require(try plugin(at: folder.file(copy)).handlers[0]?.pointee)
        }
        #expect(tables[0].id != tables[1].id)
        let host = CHost()
        let instances = try tables.map { table in
            var instance: UnsafeMutableRawPointer?
            var why = eh_reason()
            try #require(table.create(host.pointer, host.lend("{}"), &instance, &why) == EH_OK)
            return instance
        }
        for (table, instance) in zip(tables, instances) {
            #expect(try host.handle(table, instance, #"{"paymentId": "P-1"}"#).outcome == EH_DONE)
        }
        for (table, instance) in zip(tables, instances) { table.destroy(instance) }
        #expect(host.calls.filter { $0 == #"put greeted {"count":1} any 0"# }.count == 2)
    }
}
