import Events
import Foundation
import Plugins
import Support
import Testing

/// A plugin of a later minor version: its structs have grown at their end, and it says so. It loads, and works.
@Suite struct LaterHeaderTests {
    private static let source = """
        #include <event_handler.h>

        static eh_status create(const eh_host *host, eh_bytes config, void **self, eh_reason *why) {
            (void)config, (void)why;
            *self = (void *)host;
            return EH_OK;
        }
        static void handle(void *self, const eh_batch *batch) {
            (void)self;
            for (uint32_t i = 0; i < batch->count; ++i) eh_done(batch->results[i]);
        }
        static void destroy(void *self) { (void)self; }

        static const eh_route routes[] = {{"test.in", "*"}};
        static const struct { eh_handler known; const char *more[4]; } handler = {
            .known = {.size = sizeof handler, .route_count = 1, .id = "later", .routes = routes, .create = create,
                      .handle = handle, .destroy = destroy},
            .more = {"of", "a", "later", "version"},
        };
        static const eh_handler *const handlers[] = {&handler.known};

        const eh_plugin *eh_plugin_entry_v1(void) {
            static const struct { eh_plugin known; uint64_t more; } plugin = {
                .known = {.size = sizeof plugin, .abi_minor = EH_ABI_MINOR + 7, .name = "later", .version = "9.0.0",
                          .built_with = "", .handlers = handlers, .handler_count = 1},
                .more = 7,
            };
            return &plugin.known;
        }
        """

    @Test func aPluginWhoseStructsHaveGrownLoadsAndWorks() async throws {
        let test = try TestHost()
        let path = test.folder.file("plugin.so")
        try Self.source.write(toFile: test.folder.file("plugin.c"), atomically: true, encoding: .utf8)
        let built = try Shell.run(
            "cc -std=c11 -shared -fPIC -I '\(Fixtures.repository)/Handlers/ABI/include' -o '\(path)' "
                + "'\(test.folder.file("plugin.c"))'")
        try #require(built.status == 0, "\(built.output)")
        let options = HandlerOptions(id: HandlerID("later"), plugin: path)
        try await test.host.start(generation: 1, handlers: [options])
        try await test.expect("later", do: "anything", "done")
        await test.host.stop(within: .seconds(5))
    }
}
