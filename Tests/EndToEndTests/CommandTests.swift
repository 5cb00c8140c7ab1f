import Foundation
import Support
import Testing

/// The commands, as an operator types them.
@Suite(.timeLimit(.minutes(5))) struct CommandTests {
    private let program = Fixtures.products + "/outrigger"

    @Test(arguments: ["mldsa44", "ipd", "r3.1", "jose"])
    func aKeyIsMadePublishedSignedWithAndVerified(variant: String) throws {
        let folder = try TemporaryFolder()
        let form = variant == "jose" ? "akp" : "pqk"
        let signed = try Shell.run(
            """
            set -e; cd \(folder.path)
            \(program) keys generate --kid orders-1 key.json
            stat -c %a key.json
            \(program) keys public --form \(form) key.json > keys.json
            echo '{"b":1,"a":"x"}' | \(program) keys sign --key key.json --source s --detail-type t \
                --variant \(variant) > detail.json
            \(program) keys verify --keys keys.json < detail.json
            """)
        #expect(signed.status == 0, "\(signed.output)")
        #expect(signed.output.contains("600\n"))
        #expect(signed.output.contains("valid: key orders-1"))
        #expect(signed.output.contains("bound to its event"))
        let forged = try Shell.run(
            """
            cd \(folder.path)
            sed 's/.\\{9\\}"}$/AAAAAAAAA"}/' detail.json | \(program) keys verify --keys keys.json
            """)
        #expect(forged.status != 0)
        #expect(forged.output.contains("verify."))
    }

    @Test func aConfigurationWithProblemsIsRefusedWithEachOfThem() throws {
        let folder = try TemporaryFolder()
        try "queues: []\nhandlrs: []\nstore: {path: /tmp/x}\n".write(
            toFile: folder.file("bad.yaml"), atomically: true, encoding: .utf8)
        let checked = try Shell.run("\(program) check --offline \(folder.file("bad.yaml"))")
        #expect(checked.status != 0)
        for problem in ["handlrs", "did you mean", "key-sets"] {
            #expect(checked.output.localizedCaseInsensitiveContains(problem), "\(checked.output)")
        }
        let run = try Shell.run("\(program) run \(folder.file("bad.yaml"))")
        #expect(run.status != 0)
    }

    @Test func theSmallestConfigurationIsGood() throws {
        let checked = try Shell.run("\(program) check --offline \(Fixtures.repository)/config/minimal.yaml")
        #expect(checked.status == 0, "\(checked.output)")
    }
}
