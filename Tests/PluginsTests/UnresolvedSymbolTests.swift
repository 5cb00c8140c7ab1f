import Events
import Foundation
import Plugins
import Support
import Testing

/// A library that lacks a function is refused when it is loaded, and not by the first event that would need it.
@Suite struct UnresolvedSymbolTests {
    private static let source = """
        extern int nowhere_to_be_found(void);
        const void *eh_plugin_entry_v1(void);
        __attribute__((visibility("default"))) const void *eh_plugin_entry_v1(void) { return 0; }
        int only_called_by_an_event(void);
        int only_called_by_an_event(void) { return nowhere_to_be_found(); }
        """

    @Test(arguments: Isolation.allCases)
    func aFunctionThatIsMissingIsNamedWhenThePluginIsLoaded(_ isolation: Isolation) async throws {
        let test = try TestHost()
        let path = test.folder.file("plugin.so")
        try Self.source.write(toFile: test.folder.file("plugin.c"), atomically: true, encoding: .utf8)
        let built = try Shell.run("cc -shared -fPIC -o '\(path)' '\(test.folder.file("plugin.c"))'")
        try #require(built.status == 0, "\(built.output)")
        let failure = await test.refusal(HandlerOptions(id: HandlerID("any"), plugin: path, isolation: isolation))
        #expect(failure?.code == .pluginNotLoadable)
        #expect(failure?.cause.contains("nowhere_to_be_found") == true, "\(failure?.cause ?? "")")
    }
}
