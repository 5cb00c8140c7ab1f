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

    @Test(arguments: names) func describesItsHandler(name: String) throws {
        let library = try #require(dlopen(path(name), RTLD_NOW | RTLD_LOCAL))
        let symbol = try #require(dlsym(library, "eh_plugin_entry_v1"))
        let entry = unsafeBitCast(symbol, to: (@convention(c) () -> UnsafePointer<eh_plugin>?).self)
        let plugin = try #require(entry()?.pointee)
        #expect(entry() == entry())
        #expect(String(cString: plugin.name) == name && plugin.handler_count == 1)
        let handler = try #require(plugin.handlers[0]?.pointee)
        #expect(String(cString: handler.id) == name)
        #expect(handler.route_count > 0 && handler.create != nil && handler.handle != nil && handler.destroy != nil)
    }
}
