// The files in config/ are what the declarations say.
import JSON
import Settings
import Support
import Testing

struct GeneratedTests {
    @Test func theSchemaIsCurrent() throws {
        #expect(try Snapshot.difference(of: Configuration.schema, from: "config/outrigger.schema.json") == nil)
    }

    @Test func theReferenceIsCurrent() throws {
        #expect(try Snapshot.difference(of: Configuration.reference, from: "config/REFERENCE.md") == nil)
    }

    @Test func theExampleIsCurrent() throws {
        #expect(try Snapshot.difference(of: Configuration.example, from: "config/outrigger.yaml") == nil)
    }

    @Test(arguments: ["minimal.yaml", "outrigger.yaml"])
    func theFilesLoadWithoutErrorsAndWarnings(_ name: String) {
        let (configuration, problems) = Configuration.load(
            path: Fixtures.repository + "/config/" + name, environment: [:])
        #expect(configuration != nil)
        #expect(problems.filter { $0.severity != .note } == [])
    }

    /// With the examples taken away again, the example is the minimal configuration with every default written out.
    @Test func everyDefaultInTheExampleIsTheDeclaredOne() throws {
        let example = try #require(
            Configuration.load(path: Fixtures.repository + "/config/outrigger.yaml", environment: [:]).0)
        var bare = Configuration()
        #expect(example.outbox == bare.outbox)
        #expect(example.aws == bare.aws)
        #expect(example.skew == bare.skew)
        #expect(example.admin == bare.admin)
        #expect(example.log == bare.log)
        #expect(example.stop == bare.stop)
        #expect(example.sandbox == bare.sandbox)
        #expect(example.worker == bare.worker)
        #expect(example.stateDirectory == bare.stateDirectory)
        bare.store.durability = example.store.durability
        #expect(example.store == bare.store)

        var queue = QueueSettings(), handler = HandlerSettings(), keySet = KeySetSettings()
        let shownQueue = try #require(example.queues.first), shownHandler = try #require(example.handlers.first)
        let shownKeySet = try #require(example.keySets.first)
        (queue.name, queue.url, queue.handlers) = (shownQueue.name, shownQueue.url, shownQueue.handlers)
        queue.deadLetter = shownQueue.deadLetter
        #expect(shownQueue == queue)
        (handler.id, handler.plugin) = (shownHandler.id, shownHandler.plugin)
        (handler.routes, handler.publish) = (shownHandler.routes, shownHandler.publish)
        var trial = TrialSettings()
        let shownTrial = try #require(shownHandler.trial)
        (trial.kind, trial.plugin) = (shownTrial.kind, shownTrial.plugin)
        #expect(shownTrial == trial)
        handler.retry.classes = shownHandler.retry.classes
        (handler.call, handler.trial) = (shownHandler.call, trial)
        #expect(shownHandler == handler)
        (keySet.name, keySet.url, keySet.sources) = (shownKeySet.name, shownKeySet.url, shownKeySet.sources)
        #expect(shownKeySet == keySet)
    }

    @Test func theSchemaKnowsEverySettingOfTheExample() throws {
        let schema = try JSONValue.parse(Configuration.schema)
        let text = try Fixtures.text("../../config/outrigger.yaml")
        // Lines of the form "key:" at some depth; comments begin with #.
        let keys = Set(
            text.split(separator: "\n").compactMap { line -> String? in
                let bare = line.drop { $0 == " " || $0 == "-" }
                guard !bare.hasPrefix("#"), let colon = bare.firstIndex(of: ":") else { return nil }
                return String(bare[..<colon])
            })
        let known = names(in: schema)
        // The name of a service is the operator's.
        #expect(keys.subtracting(known) == ["ledger"])
        #expect(keys.count > 60)
    }

    private func names(in schema: JSONValue) -> Set<String> {
        var found: Set<String> = []
        for member in schema["properties"]?.members ?? [] {
            found.insert(member.key)
            found.formUnion(names(in: member.value))
        }
        for inner in ["items", "additionalProperties"] {
            if let inner = schema[inner] { found.formUnion(names(in: inner)) }
        }
        return found
    }
}
