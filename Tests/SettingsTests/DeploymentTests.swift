// What is in config/deploy works with these settings.
import Events
import Foundation
import Settings
import Support
import Testing

struct DeploymentTests {
    private let manifest = Fixtures.repository + "/config/deploy/kubernetes/statefulset.yaml"

    @Test func theManifestIsValidForKubernetes() throws {
        let result = try Shell.run(
            """
            command -v kubernetes-validate || { echo 'Tests/run installs kubernetes-validate'; exit 1; }
            kubernetes-validate --strict '\(manifest)'
            """)
        #expect(result.status == 0, "\(result.output)")
    }

    @Test func itsConfigurationIsGood() throws {
        let lines = try String(contentsOfFile: manifest, encoding: .utf8).split(
            separator: "\n", omittingEmptySubsequences: false)
        let start = try #require(lines.firstIndex(of: "  outrigger.yaml: |"))
        let text = lines[(start + 1)...].prefix { $0.isEmpty || $0.hasPrefix("    ") }.map { $0.dropFirst(4) }
            .joined(separator: "\n")
        let (read, problems) = Configuration.parse(Array(text.utf8), file: "outrigger.yaml")
        #expect(problems == [])
        let configuration = try #require(read)
        #expect(!configuration.admin.listen.isLoopback, "the kubelet comes to the pod's address")
        #expect(configuration.store.durability == .durable)

        let grace = try #require(
            lines.compactMap { $0.wholeMatch(of: /\s*terminationGracePeriodSeconds: (\d+)/) }.first)
        let seconds = try #require(Int64(grace.output.1))
        // The service stops first, and has as long as the sidecar.
        #expect(.seconds(seconds) >= configuration.stop.deadline * 2)
    }
}
